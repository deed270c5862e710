"""The review of a plugin that the page about security shows is done as it says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from doc_pages import shells

from dativo.contract import ConnectorInfo, Manifest, NoOptions, Permissions, SourceInfo
from dativo_test_support.wheels import PluginWheel

HOOKS = """import subprocess

def machine():
    return subprocess.run(["uname"], capture_output=True).stdout
"""


def _wheel() -> PluginWheel:
    permissions = Permissions(hosts=("${config.host}",), ports=("443",))
    info = ConnectorInfo(
        title="Tickets", source=SourceInfo(config=NoOptions), permissions=permissions
    )
    hooks = frozenset({"describe", "check_connection", "discover", "extract"})
    return PluginWheel(
        name="dativo-connector-tickets",
        files={
            "acme_tickets/__init__.py": "",
            "acme_tickets/hooks.py": HOOKS,
            "acme_tickets_start.pth": "import acme_tickets.hooks\n",
        },
        entry_points={
            "dativo.connectors.v1": {"tickets": "acme_tickets"},
            "pytest11": {"tickets": "acme_tickets.hooks"},
        },
        requires=("dativo-core>=0.1,<1", "requests>=2.30"),
        manifest=Manifest.of("tickets", info, hooks).to_json(),
    )


def test_a_wheel_is_looked_into_as_the_page_shows(folder: Path) -> None:
    _wheel().write(folder)
    programs = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))

    for shell in shells("security.md"):
        done = subprocess.run(
            ["bash", "-c", shell.command],
            env=os.environ | {"PATH": programs, "LC_ALL": "C"},
            capture_output=True,
            text=True,
            check=False,
        )

        assert (done.stdout + done.stderr).strip() == shell.output.strip(), shell.command
