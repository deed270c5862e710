"""Mutants that do harm when they are imported: what their module says before the connector."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from dativo_test_support.wheels import PluginWheel

__all__ = ["IMPORT_MUTANTS", "OF_A_WRITER", "Harm", "wheel_of"]


@attrs.frozen
class Harm:
    """What a module does, and words of the problem that name it."""

    code: str
    cause: str


IMPORT_MUTANTS: Mapping[str, Mapping[str, Harm]] = {
    "import.quick": {
        "loads_a_data_frame_library": Harm("import polars", "dativo.contract alone"),
        "builds_a_table": Harm(
            "TABLE = sorted(str(number) for number in range(1_000_000))", "dativo.contract alone"
        ),
    },
    "import.pure": {
        "prints": Harm("print('Acme 1.0')", "prints on standard output: Acme 1.0"),
        "warns": Harm(
            "import sys\nsys.stderr.write('Acme 1.0 is old')",
            "prints on standard error: Acme 1.0 is old",
        ),
        "sets_a_variable": Harm(
            "import os\nos.environ['ACME_HOME'] = '/tmp'",
            "changes the environment variable ACME_HOME",
        ),
        "changes_the_path": Harm("import sys\nsys.path.insert(0, '/opt/acme')", "changes sys.path"),
        "sets_up_logging": Harm(
            "import logging\nlogging.basicConfig(level=logging.DEBUG)",
            "changes the handlers of the root logger",
        ),
        "silences_logging": Harm(
            "import logging\nlogging.disable(logging.WARNING)",
            "changes the level below which nothing is logged",
        ),
        "takes_a_signal": Harm(
            "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)",
            "changes the handler of SIGTERM",
        ),
        "ignores_warnings": Harm(
            "import warnings\nwarnings.simplefilter('ignore')", "changes warnings.filters"
        ),
        "changes_the_folder": Harm("import os\nos.chdir('/')", "changes the current folder"),
        "starts_a_thread": Harm(
            "import threading, time\n"
            "threading.Thread(target=time.sleep, args=(9,), name='poller', daemon=True).start()",
            "starts the thread 'poller'",
        ),
        "sets_time_outs": Harm(
            "import socket\nsocket.setdefaulttimeout(30)", "changes the default time-out of sockets"
        ),
        "replaces_sleep": Harm("import time\ntime.sleep = lambda seconds: None", "time.sleep"),
        "trusts_everybody": Harm(
            "import ssl\nssl._create_default_https_context = ssl._create_unverified_context",
            "changes ssl._create_default_https_context",
        ),
        "resolves_by_itself": Harm(
            "import functools, socket\nsocket.getaddrinfo = functools.cache(socket.getaddrinfo)",
            "changes socket.getaddrinfo",
        ),
        "connects": Harm(
            "import socket\ntry: socket.create_connection(('127.0.0.1', 9), 0.1)\n"
            "except OSError: pass",
            "connects to 127.0.0.1:9",
        ),
        "looks_up_a_host": Harm(
            "import socket\ntry: socket.getaddrinfo('localhost', 443)\nexcept OSError: pass",
            "looks up the host localhost",
        ),
        "writes_a_file": Harm(
            "import os, tempfile\nhandle, name = tempfile.mkstemp(suffix='-acme')\n"
            "os.close(handle)\nos.remove(name)",
            "-acme [",
        ),
        "starts_a_program": Harm(
            "import subprocess\nsubprocess.run(['true'])",
            "starts a program: subprocess.Popen true",
        ),
        "ends_the_process": Harm("import os\nos._exit(0)", "the process ended with exit code 0"),
    },
}

OF_A_WRITER = (("import.quick", "builds_a_table"), ("import.pure", "prints"))
"""Those that a writer does, too: these rules look at a module, whichever role it has."""


def wheel_of(name: str, harm: Harm, connector: type) -> PluginWheel:
    """Return the distribution of a mutant of the class *connector*; it is not imported for that."""
    module = f"kit_import_{name}"
    plugin = f"from {connector.__module__} import {connector.__name__}"
    return PluginWheel(
        name=f"acme-{name.replace('_', '-')}",
        files={f"{module}.py": f"{harm.code}\n{plugin}\nplugin = {connector.__name__}.plugin\n"},
        entry_points={"dativo.connectors.v1": {name: f"{module}:plugin"}},
    )
