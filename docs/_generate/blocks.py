"""Find the marked blocks of the pages and fill them anew."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from _generate.conformance import CONFORMANCE_BLOCKS
from _generate.connectors import CONNECTOR_BLOCKS
from _generate.contract import CONTRACT_BLOCKS
from _generate.errors import ERROR_BLOCKS
from _generate.job import JOB_BLOCKS
from _generate.library import LIBRARY_BLOCKS
from _generate.readers import READER_BLOCKS
from _generate.stripe import STRIPE_BLOCKS
from _generate.types import TYPE_BLOCKS

__all__ = ["BLOCKS", "pages"]

DOCS = Path(__file__).resolve().parents[1]

BLOCKS: Mapping[str, Callable[[], str]] = {
    **CONFORMANCE_BLOCKS,
    **CONNECTOR_BLOCKS,
    **CONTRACT_BLOCKS,
    **ERROR_BLOCKS,
    **JOB_BLOCKS,
    **LIBRARY_BLOCKS,
    **READER_BLOCKS,
    **STRIPE_BLOCKS,
    **TYPE_BLOCKS,
}

_BLOCK = re.compile(r"<!-- made by docs/generate\.py: (\S+) -->\n.*?<!-- end -->", re.DOTALL)


def pages() -> dict[Path, str]:
    """Return the text, with current blocks, of every page that has blocks."""
    found = {page: page.read_text(encoding="utf-8") for page in sorted(DOCS.rglob("*.md"))}
    return {page: _filled(text) for page, text in found.items() if _BLOCK.search(text)}


def _filled(text: str) -> str:
    return _BLOCK.sub(lambda match: _block(match[1]), text)


def _block(name: str) -> str:
    return f"<!-- made by docs/generate.py: {name} -->\n\n{BLOCKS[name]().strip()}\n\n<!-- end -->"
