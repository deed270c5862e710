"""Make wheels for the benchmark of start-up: a one-command program, and many plugins.

Usage: python benchmarks/plugins.py FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from dativo_test_support.wheels import PluginWheel

__all__ = ["BROKEN", "MANY", "PROGRAM", "write_wheels"]

MANY = 200
BROKEN = 10
PROGRAM = "bench-one-command"

_PROGRAM_CODE = '''\
"""The smallest program that typer makes."""

import typer

app = typer.Typer()


@app.command()
def main() -> None:
    """Print a line."""
    typer.echo("one line")
'''
_PLUGIN_CODE = '''\
"""A plugin that is listed and never used."""

from dativo.contract import hookimpl


@hookimpl
def describe():
    raise NotImplementedError
'''
_MANIFEST = Path(__file__).parents[1] / "packages/dativo-connector-stripe/dativo.json"


def write_wheels(folder: Path) -> None:
    """Write all wheels below *folder*; its `plugins.txt` lists those of the plugins."""
    program = PluginWheel(
        name=PROGRAM,
        files={"bench_one_command.py": _PROGRAM_CODE},
        entry_points={"console_scripts": {PROGRAM: "bench_one_command:app"}},
        requires=("typer",),
    )
    plugins = folder / "plugins"
    plugins.mkdir(parents=True)
    program.write(folder)
    paths = []
    for number in range(MANY):
        name = f"bench-{number:03d}"
        code = "raise RuntimeError('broken')\n" if number < BROKEN else _PLUGIN_CODE
        wheel = PluginWheel.of_connector(name, code, manifest=_manifest(name))
        paths.append(wheel.write(plugins))
    (folder / "plugins.txt").write_text("".join(f"{path}\n" for path in paths))


def _manifest(name: str) -> str:
    return json.dumps(json.loads(_MANIFEST.read_text()) | {"name": name})


if __name__ == "__main__":
    write_wheels(Path(sys.argv[1]))
