"""The section ``streams``: each entry for itself, and what entries say together."""

from __future__ import annotations

import attrs

from dativo.config._document import StreamDocument
from dativo.config._job import StreamSelection
from dativo.config._node import Node, NodeKind
from dativo.config._problems import ProblemList
from dativo.config._scalars import describe
from dativo.config._structure import structure
from dativo.contract import ReadMode

__all__ = ["read_streams"]


def read_streams(root: Node, problems: ProblemList) -> tuple[StreamSelection, ...]:
    """Return the entries of the section that are right; a missing section is not reported here."""
    section = root.get("streams")
    if section is None:
        return ()
    if section.kind is not NodeKind.SEQUENCE or not section.items:
        got = "an empty list" if section.kind is NodeKind.SEQUENCE else describe(section)
        hint = "write '- name: ...' for each stream, or a pattern such as '*'"
        problems.add(section, f"expected a list of streams, got {got}", hint=hint)
        return ()
    found = [_entry(item, problems) for item in section.items]
    entries = tuple(entry for entry in found if entry is not None)
    for entry in entries:
        _check(entry, problems)
    _check_names(entries, problems)
    return entries


def _entry(node: Node, problems: ProblemList) -> StreamSelection | None:
    document = structure(node, StreamDocument, collect=problems)
    if document is None:
        return None
    return StreamSelection(node=node, **attrs.asdict(document, recurse=False))


def _check(entry: StreamSelection, problems: ProblemList) -> None:
    """Report what contradicts itself, so that nothing the job says is silently left out."""

    def report(key: str, message: str, hint: str = "") -> None:
        problems.add(entry.node.get(key) or entry.node, message, hint=hint)

    if not entry.name.isprintable() or entry.name != entry.name.strip():
        report("name", "expected a printable name without white space around it")
    if entry.query is not None and ("*" in entry.name or "?" in entry.name):
        report("name", "a query has one result, so its name cannot be a pattern")
    for key in _beside_query(entry):
        report(key, f"a query cannot have {key!r} beside it", "put it into the query")
    if entry.exclude and not entry.is_pattern:
        report("exclude", "only a pattern can exclude streams", "use * or ? in the name")
    if entry.cursor is not None and entry.mode is not ReadMode.INCREMENTAL:
        report("cursor", "a cursor needs 'mode: incremental'")
    for key in ("columns", "primary_key"):
        _check_list(entry, key, problems)


def _beside_query(entry: StreamSelection) -> list[str]:
    given = ("where", "columns") if entry.query is not None else ()
    return [key for key in given if entry.node.get(key) is not None]


def _check_list(entry: StreamSelection, key: str, problems: ProblemList) -> None:
    node = entry.node.get(key)
    if node is None:
        return
    names = {"columns": entry.columns, "primary_key": entry.primary_key}[key]
    if not names:
        hint = f"leave {key!r} out instead"
        problems.add(node, "expected at least one field", hint=hint)
    for item, name in zip(node.items, names, strict=True):
        if not name:
            problems.add(item, "expected the name of a field, got ''")
        elif names.index(name) < node.items.index(item):
            problems.add(item, f"{name!r} is there twice")


def _check_names(entries: tuple[StreamSelection, ...], problems: ProblemList) -> None:
    first: dict[str, StreamSelection] = {}
    for entry in entries:
        other = first.setdefault(entry.name, entry)
        if other is not entry:
            hint = f"first in line {other.node.line}"
            problems.add(entry.node, f"the stream {entry.name!r} is there twice", hint=hint)
