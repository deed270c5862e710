"""Pages of the documentation, and the blocks of code that stand in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import attrs

__all__ = [
    "DOCS",
    "ROOT",
    "Block",
    "Shell",
    "blocks",
    "commands",
    "page",
    "pages",
    "shells",
    "titled",
]

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$', re.MULTILINE | re.DOTALL)


@attrs.frozen
class Block:
    """One fenced block: its language, the name of its file if it has one, and its text."""

    language: str
    title: str
    text: str


@attrs.frozen
class Shell:
    """A command of a console block and what it is said to print."""

    command: str
    output: str


def pages() -> list[Path]:
    """All pages of the documentation, and those of the root and of the packages."""
    return [*DOCS.rglob("*.md"), *ROOT.glob("*.md"), *ROOT.glob("packages/*/README.md")]


def page(name: str) -> str:
    """The text of the page *name* in docs/."""
    return (DOCS / name).read_text(encoding="utf-8")


def blocks(name: str) -> list[Block]:
    """The fenced blocks of a page, in their order."""
    return [Block(*match.groups(default="")) for match in _BLOCK.finditer(page(name))]


def titled(name: str, title: str) -> str:
    """The text of the block that stands for the file *title*."""
    (found,) = [block.text for block in blocks(name) if block.title == title]
    return found


def shells(name: str) -> Iterator[Shell]:
    """The commands of the console blocks of a page, in their order."""
    for block in blocks(name):
        if block.language == "console":
            yield from commands(block)


def commands(block: Block) -> Iterator[Shell]:
    """The commands of one console block, each with what follows it."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield Shell(command, output)
