"""The templates: complete connectors of a system that nobody has, renamed on their way out.

They lie beside this file as they are, so that an editor, a linter and a reader see real code. All
their names come from ``sample-system``, in the spellings that a name has.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from string import Template

from dativo.scaffold._names import Kind, Names

__all__ = ["local_files", "template_files"]

_FOLDER = Path(__file__).with_name("templates")
_PACKAGES = ("dativo-connector-sample-system", "dativo-writer-sample-system")
_NAME = re.compile(
    r"(dativo[-_](connector|writer)[-_])?sample[-_]system|SAMPLE_SYSTEM|Sample System"
)
# A file that begins with a dot here would mean something to the tools of this repository.
_DOT = "dot-"


def template_files(names: Names) -> dict[str, str]:
    """Return the text of each file of a new connector by its path in the project."""
    return _renamed({**_read("shared"), **_read(names.kind.value)}, names)


def local_files(names: Names, values: Mapping[str, str]) -> dict[str, str]:
    """Return what surrounds a local file; *values* are for the placeholders that it has."""
    tests = {f"tests/test_{kind.value}.py": kind for kind in Kind}
    chosen = {
        "tests/test_conformance.py" if path in tests else path: text
        for path, text in _read("local").items()
        if tests.get(path, names.kind) is names.kind
    }
    # Only now, so that nothing of the author's own is taken for a name of ours.
    filled = {
        path: Template(text).substitute(values) for path, text in _renamed(chosen, names).items()
    }
    return {**_renamed(_read("shared"), names), **filled}


def _read(name: str) -> dict[str, str]:
    folder = _FOLDER / name
    return {
        file.relative_to(folder).as_posix(): file.read_text(encoding="utf-8")
        for file in sorted(folder.rglob("*"))
        if file.is_file() and "__pycache__" not in file.parts
    }


def _renamed(files: Mapping[str, str], names: Names) -> dict[str, str]:
    spellings = {
        **dict.fromkeys(_PACKAGES, names.distribution),
        **{name.replace("-", "_"): names.module for name in _PACKAGES},
        "sample-system": names.name,
        "sample_system": names.identifier,
        "SAMPLE_SYSTEM": names.identifier.upper(),
        "Sample System": names.title,
    }

    def rename(text: str) -> str:
        return _NAME.sub(lambda found: spellings[found.group()], text)

    return {rename(_dotted(path)): rename(text) for path, text in files.items()}


def _dotted(path: str) -> str:
    return "/".join(
        f".{part.removeprefix(_DOT)}" if part.startswith(_DOT) else part for part in path.split("/")
    )
