"""The suite of the reference writer; a mutant's suite is a subclass with another address."""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from installed import address_of
from reference_writer import ACCESS_FILE, ReferenceWriter

from dativo.testing import Denied, WriterCases, WriterConformance

__all__ = ["WriterSuite", "writer_suite_of"]

_ALL, _SOME = "tok-writes-all-77c1", "tok-writes-some-03fd"


class WriterSuite(WriterConformance):
    """All rules for the reference writer, each with a folder of its own."""

    connector: ClassVar[str] = address_of(ReferenceWriter)

    @contextlib.contextmanager
    def cases(self) -> Iterator[WriterCases]:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / ACCESS_FILE).write_text(json.dumps({_ALL: ["*"], _SOME: ["kit*"]}))
            good = {"path": name, "token": _ALL}
            yield WriterCases(
                good=good,
                bad_credentials={**good, "token": "tok-of-nobody-9a"},
                unreachable={**good, "path": f"{name}/unmounted"},
                missing_privilege=Denied(config={**good, "token": _SOME}, stream="payroll"),
                staged=lambda: _staged(folder),
            )


def writer_suite_of(connector: type) -> WriterSuite:
    """Make the suite of a mutant."""
    about = {"connector": address_of(connector)}
    suite: WriterSuite = type(f"{connector.__name__}Suite", (WriterSuite,), about)()
    return suite


def _staged(folder: Path) -> list[str]:
    """Name the files that no head names."""
    found: list[str] = []
    for head in folder.glob("*/head.json"):
        named = {"head.json", "lock", *(f["name"] for f in json.loads(head.read_text())["files"])}
        found += [str(path) for path in head.parent.iterdir() if path.name not in named]
    return sorted(found)
