"""The example plugins of this repository as installed distributions, made from their sources."""

from __future__ import annotations

import tomllib
from pathlib import Path

from dativo_test_support.wheels import PluginWheel

__all__ = ["example_plugin"]

_EXAMPLES = Path(__file__).resolve().parents[4] / "examples"


def example_plugin(name: str) -> PluginWheel:
    """Describe the distribution of the folder *name* in `examples/`."""
    folder = _EXAMPLES / name
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    sources = sorted((folder / "src").rglob("*.py"))
    manifest = folder / "dativo.json"
    return PluginWheel(
        name=project["name"],
        version=project["version"],
        files={
            str(source.relative_to(folder / "src")): source.read_text(encoding="utf-8")
            for source in sources
        },
        entry_points=project["entry-points"],
        manifest=manifest.read_text(encoding="utf-8") if manifest.exists() else None,
    )
