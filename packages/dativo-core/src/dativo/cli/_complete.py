"""Shell completion of values; nothing is imported that a plugin has written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

__all__ = ["connectors", "error_codes", "job_files", "plugins", "sources", "writers"]

_SUFFIXES = (".yaml", ".yml")


def plugins(incomplete: str) -> list[tuple[str, str]]:
    """Return installed connectors and extensions."""
    return [*_installed(incomplete, "connector"), *_installed(incomplete, "extension")]


def connectors(incomplete: str) -> list[tuple[str, str]]:
    """Return installed connectors."""
    return list(_installed(incomplete, "connector"))


def sources(incomplete: str) -> list[tuple[str, str]]:
    """Return installed connectors that can be read from, or that do not say."""
    return list(_installed(incomplete, "connector", "source"))


def writers(incomplete: str) -> list[tuple[str, str]]:
    """Return installed connectors that can be written to, or that do not say."""
    return list(_installed(incomplete, "connector", "writer"))


def error_codes(incomplete: str) -> list[tuple[str, str]]:
    """Return the codes of the catalogue."""
    from dativo.errors import catalog  # completion only

    wanted = incomplete.upper()
    return [(entry.code, entry.summary) for entry in catalog() if entry.code.startswith(wanted)]


def job_files(incomplete: str) -> list[str]:
    """Return folders and YAML files."""
    folder, start = os.path.split(incomplete)
    try:
        found = sorted(os.scandir(Path(folder or ".").expanduser()), key=lambda entry: entry.name)
    except OSError:
        return []
    named = [entry for entry in found if entry.name.startswith(start)]
    shown = [entry for entry in named if start.startswith(".") or not entry.name.startswith(".")]
    start = folder if folder in ("", "/") else folder + "/"
    folders = [f"{start}{entry.name}/" for entry in shown if entry.is_dir()]
    files = [start + entry.name for entry in shown if entry.name.endswith(_SUFFIXES)]
    return files + folders


def _installed(incomplete: str, kind: str, role: str = "") -> Iterator[tuple[str, str]]:
    from dativo.plugins import list_plugins  # completion only

    for entry in list_plugins():
        if entry.kind != kind or not entry.name.startswith(incomplete):
            continue
        if not role or entry.manifest is None or role in entry.roles:
            title = entry.manifest.title if entry.manifest is not None else entry.distribution
            yield entry.name, title
