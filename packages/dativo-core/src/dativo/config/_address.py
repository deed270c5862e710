"""How a job names a connector: by its name, or by a Python file and an object in it."""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path

import attrs

from dativo.config._node import Node
from dativo.config._problems import ProblemList, nearest

__all__ = ["FILE_PATTERN", "FileAddress", "check_file", "file_address"]

# JSON Schema has to understand it, too.
FILE_PATTERN = r"[^:\x00-\x1f\x7f]{0,996}\.py(:[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*)?"


@attrs.frozen
class FileAddress:
    """A Python file that a job names as a connector.

    Attributes:
        text: How reports, state and fingerprints name it: the path from the job's folder, or as a
            whole if it was given so.
        path: The file.
        name: The object in it, with dots; empty for the module itself.
    """

    text: str
    path: Path
    name: str


def file_address(connector: str, folder: Path) -> FileAddress | None:
    """Return the file that *connector* names, relative to *folder*; ``None`` if it is a name.

    Two ways to write the same path give the same text.
    """
    if re.fullmatch(FILE_PATTERN, connector) is None:
        return None
    file, _, name = connector.partition(":")
    given = posixpath.normpath(_expanded(file))
    shown = given if given.startswith(("/", "../")) else f"./{given}"
    path = Path(os.path.abspath(folder / given))  # noqa: PTH100 - resolve() would follow symlinks
    return FileAddress(f"{shown}:{name}" if name else shown, path, name)


def check_file(address: FileAddress, node: Node, problems: ProblemList) -> None:
    """Report the file of *address* at *node*, the place in the job file, if it is not there."""
    if address.path.is_file():
        return
    beside = [found.name for found in address.path.parent.glob("*.py")]
    problems.add(
        node,
        f"there is no file {address.text.partition(':')[0]}",
        hint=nearest(address.path.name, beside),
    )


def _expanded(file: str) -> str:
    try:
        return str(Path(file).expanduser())
    except RuntimeError:  # there is no such user
        return file
