"""The section ``extensions``: what watches or changes the records of a job, in order."""

from __future__ import annotations

from dativo.config._document import ExtensionDocument
from dativo.config._job import ExtensionUse
from dativo.config._node import Node, NodeKind
from dativo.config._problems import ProblemList
from dativo.config._scalars import describe
from dativo.config._structure import structure

__all__ = ["read_extensions"]


def read_extensions(root: Node, problems: ProblemList) -> tuple[ExtensionUse, ...]:
    """Return the entries of the section that are right; a job without the section has none."""
    section = root.get("extensions")
    if section is None or section.is_null:
        return ()
    if section.kind is not NodeKind.SEQUENCE:
        hint = "write '- extension: ...' for each"
        problems.add(section, f"expected a list of extensions, got {describe(section)}", hint=hint)
        return ()
    found = (_entry(item, problems) for item in section.items)
    return tuple(entry for entry in found if entry is not None)


def _entry(node: Node, problems: ProblemList) -> ExtensionUse | None:
    document = structure(node, ExtensionDocument, collect=problems)
    if document is None:
        return None
    return ExtensionUse(document.extension, document.config or node.empty_section("config"))
