"""Small pieces of Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

__all__ = ["code", "sentence", "table"]


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; bars in cells are escaped."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def code(text: object) -> str:
    """Return *text* as code, and nothing as nothing."""
    return f"`{text}`" if str(text) else ""


def sentence(text: str | None) -> str:
    """Return the first paragraph of a docstring in one line, with the marks of Markdown."""
    paragraph = (text or "").strip().partition("\n\n")[0]
    words = " ".join(paragraph.split()).replace("``", "`")
    return re.sub(r":(?:class|func|meth|attr|data):`~?([^`]+)`", r"`\1`", words)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
