"""Mutants that do harm when they are imported: what their module says before the connector."""

from __future__ import annotations

from collections.abc import Mapping

from reference_source import ReferenceSource

from dativo_test_support.wheels import PluginWheel

__all__ = ["IMPORT_MUTANTS", "wheel_of"]

IMPORT_MUTANTS: Mapping[str, Mapping[str, str]] = {
    "import.quick": {
        "loads_a_data_frame_library": "import polars",
        "builds_a_table": "TABLE = sorted(str(number) for number in range(1_000_000))",
    },
    "import.pure": {
        "prints": "print('Acme 1.0')",
        "warns": "import sys\nsys.stderr.write('Acme 1.0 is old')",
        "sets_a_variable": "import os\nos.environ['ACME_HOME'] = '/tmp'",
        "changes_the_path": "import sys\nsys.path.insert(0, '/opt/acme')",
        "sets_up_logging": "import logging\nlogging.basicConfig(level=logging.DEBUG)",
        "takes_a_signal": "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)",
        "ignores_warnings": "import warnings\nwarnings.simplefilter('ignore')",
        "changes_the_folder": "import os\nos.chdir('/')",
        "starts_a_thread": (
            "import threading, time\n"
            "threading.Thread(target=time.sleep, args=(9,), name='poller', daemon=True).start()"
        ),
        "sets_time_outs": "import socket\nsocket.setdefaulttimeout(30)",
        "replaces_sleep": "import time\ntime.sleep = lambda seconds: None",
        "connects": (
            "import socket\ntry: socket.create_connection(('127.0.0.1', 9), 0.1)\n"
            "except OSError: pass"
        ),
        "looks_up_a_host": (
            "import socket\ntry: socket.getaddrinfo('localhost', 443)\nexcept OSError: pass"
        ),
        "writes_a_file": (
            "import os, tempfile\nhandle, name = tempfile.mkstemp()\n"
            "os.close(handle)\nos.remove(name)"
        ),
        "starts_a_program": "import subprocess\nsubprocess.run(['true'])",
        "ends_the_process": "import os\nos._exit(0)",
    },
}


def wheel_of(name: str, code: str) -> PluginWheel:
    """Return the distribution of a mutant; it is not imported for that."""
    module = f"kit_import_{name}"
    connector = f"from {ReferenceSource.__module__} import ReferenceSource"
    return PluginWheel(
        name=f"acme-{name.replace('_', '-')}",
        files={f"{module}.py": f"{code}\n{connector}\nplugin = ReferenceSource()\n"},
        entry_points={"dativo.connectors.v1": {name: f"{module}:plugin"}},
    )
