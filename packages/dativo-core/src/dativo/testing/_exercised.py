"""What rules ask of a connector that does, in a child, all that it can."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dativo.contract import Role
from dativo.testing._cases import SourceCases, WriterCases
from dativo.testing._checking import AnySubject, Situation
from dativo.testing._child import ChildEnd, in_child

__all__ = ["exercised", "undone"]

_START_SECONDS = 30.0
_GOOD_SECONDS = 60.0


_WORK = {Role.SOURCE: "extract", Role.WRITER: "write"}


def undone(subject: AnySubject, answer: Mapping[str, Any]) -> str:
    """Say why the work of the role did not come to its end with the good settings; empty if it did.

    What was not done cannot have said or reached anything.
    """
    work = _WORK[subject.role]
    if any(what.startswith(work) for what in answer["done"]):
        return ""
    why = [text for place, text in answer["texts"] if place.startswith(("the error", "the exc"))]
    return f"with the good settings no {work.strip()} came to its end: {'; '.join(why) or 'none'}"


def exercised(subject: AnySubject, situations: Sequence[Situation], *, light: bool) -> ChildEnd:
    """Let the connector check, discover and read, or write, in each of *situations*.

    Its current folder is an empty one. See :func:`dativo.testing._exercise.exercise` for the
    answers; with *light* nothing is loaded but the core and what the connector loads.
    """
    cases = subject.cases
    # Nothing comes of the others but errors, for which some wait until the deadline.
    seconds = [
        _GOOD_SECONDS if one.settings == cases.good else 2 * cases.check_seconds
        for one in situations
    ]
    request = {
        "connector": subject.connector,
        "role": subject.role.value,
        "situations": [
            [one.name, one.settings, limit] for one, limit in zip(situations, seconds, strict=True)
        ],
        "selections": cases.selections if isinstance(cases, SourceCases) else {},
        "options": cases.options if isinstance(cases, WriterCases) else {},
    }
    with tempfile.TemporaryDirectory(prefix="dativo-kit-") as folder:
        return in_child(
            "_exercise:exercise",
            request,
            seconds=_START_SECONDS + sum(seconds),
            folder=Path(folder),
            light=light,
        )
