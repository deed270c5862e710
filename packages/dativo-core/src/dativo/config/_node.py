"""A YAML value that remembers where it stands."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from enum import Enum
from pathlib import Path

import attrs

from dativo.config._redactor import Redactor

__all__ = ["Entry", "Node", "NodeKind", "Origin", "Scalar", "key_path", "read_scalar"]

Scalar = None | bool | int | float | str

_NULLS = ("", "~", "null", "Null", "NULL")
_WORDS: Mapping[str, bool | None] = {
    **dict.fromkeys(_NULLS),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_INTEGER = re.compile(r"[-+]?[0-9]{1,100}")
_OTHER_BASE = re.compile(r"0o[0-7]{1,100}|0x[0-9a-fA-F]{1,100}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]{1,60}")
_KEY_START = re.compile(r"[\w.-]{0,40}")


class NodeKind(Enum):
    """The three shapes of YAML."""

    SCALAR = "a value"
    MAPPING = "a mapping"
    SEQUENCE = "a list"


@attrs.frozen
class Origin:
    """Where a job file comes from and what its references may use.

    Attributes:
        shown: The file's name as messages show it.
        folder: The folder that relative paths start from.
        environ: Where ``${env:NAME}`` looks.
        redactor: Learns every secret that is met.
        references: Learns what references stood for, which messages do not show either.
    """

    shown: str
    folder: Path = attrs.field(factory=Path.cwd)
    environ: Mapping[str, str] = attrs.field(factory=lambda: os.environ, repr=False)
    redactor: Redactor = attrs.field(factory=Redactor, repr=False)
    references: Redactor = attrs.field(factory=Redactor, repr=False, init=False)


@attrs.frozen(eq=False)
class Node:
    """One value of a job file, not yet read against a type; its ``repr`` shows no value.

    Attributes:
        kind: Its shape.
        path: Its place as keys, such as ``source.config.port``.
        line: Its line in the file, from 1.
        column: Its column, from 1.
        origin: The file.
        text: The text of a scalar.
        is_quoted: Whether the scalar is text whatever it looks like.
        items: The values of a list.
        entries: The keys and values of a mapping, in the order of the file.
    """

    kind: NodeKind
    path: str
    line: int
    column: int
    origin: Origin = attrs.field(repr=False)
    text: str = attrs.field(default="", repr=False)
    is_quoted: bool = False
    items: tuple[Node, ...] = attrs.field(default=(), repr=False)
    entries: tuple[Entry, ...] = attrs.field(default=(), repr=False)

    @property
    def is_null(self) -> bool:
        """Whether nothing is written here, or ``null``."""
        return self.kind is NodeKind.SCALAR and not self.is_quoted and self.text in _NULLS

    def get(self, key: str) -> Node | None:
        """Return the value of *key* in a mapping."""
        return next((entry.value for entry in self.entries if entry.key == key), None)

    def empty_section(self, key: str) -> Node:
        """Return an empty mapping in place of the missing section *key*."""
        path = key_path(self.path, key)
        return Node(NodeKind.MAPPING, path, self.line, self.column, self.origin)


@attrs.frozen(eq=False)
class Entry:
    """One key of a mapping with its value; *place* is where the key stands."""

    key: str
    place: Node
    value: Node


def read_scalar(text: str) -> Scalar:
    """Read an unquoted scalar by the core schema of YAML 1.2; numbers beyond it stay text."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text) or _OTHER_BASE.fullmatch(text):
        return int(text, 10 if text[:2] not in ("0o", "0x") else 0)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _NOT_FINITE.fullmatch(text):
        return float(text.replace(".", "").lower())
    return text


def key_path(parent: str, key: str) -> str:
    """Return the dotted path of *key* in *parent*.

    Of an odd key only the beginning is shown: who forgets the space in ``{password:secret}`` has
    a key that holds the secret.
    """
    start = _KEY_START.match(key)
    shown = key if _PLAIN_KEY.fullmatch(key) else repr(f"{start[0] if start else ''}...")
    return f"{parent}.{shown}" if parent else shown
