"""From bytes to located values: the part of YAML that a job file needs, within firm limits.

The tree is made from the parser's events, so that limits hold while the file is read. Anchors,
aliases, tags, directives and several documents are refused: no job needs them, and each has been
a way to do harm (an "anchors bomb" is 1 KB that expands to gigabytes).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml import events as yaml_events
from ruamel.yaml.error import MarkedYAMLError

from dativo.config._node import Entry, Node, NodeKind, Origin, key_path
from dativo.config._problems import ProblemList
from dativo.errors import Problem

__all__ = ["MAX_BYTES", "parse_yaml"]

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_NODES = 60_000

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufeff\ufffe\uffff]")
_BREAKS = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_QUOTED = re.compile(r"(['\"`<]).{2,}(['\"`>])")

_EXPLAINED = (
    ("'\\t' that cannot start", "a tab cannot be used here", "indent with spaces"),
    ("'@' that cannot start", "a text that starts with '@' needs quotes", ""),
    ("'`' that cannot start", "a text that starts with '`' needs quotes", ""),
    ("'%' that cannot start", "a text that starts with '%' needs quotes", ""),
    ("mapping values are not allowed", "a ': ' is not expected here", "quote text that has a ': '"),
    ("could not find expected ':'", "a ': ' is missing after this key", ""),
    ("found unexpected end of stream", "a quote or bracket is not closed", ""),
    ("expected <block end>", "the indentation does not fit what is above", ""),
    ("expected the node content", "a value is expected here", "quote text with special signs"),
    ("unknown escape character", "an unknown escape after '\\'", "use single quotes for '\\'"),
    ("expected ',' or", "a ',' or a closing bracket is missing", ""),
    ("<document start>", "the text cannot be read as keys and values", ""),
    ("expected alphabetic or numeric", "a text that starts with '&' or '*' needs quotes", ""),
)
_NOTICED_LATER = ("could not find expected ':'", "found unexpected end of stream")


def parse_yaml(data: bytes, origin: Origin, problems: ProblemList) -> Node | None:
    """Return the document in *data*, or ``None`` with at least one problem reported."""
    text = _decode(data, origin, problems)
    if text is None:
        return None
    before = len(problems)
    try:
        root = _Builder(origin, problems).build(text)
    except MarkedYAMLError as error:
        problems.append(_explain(error, origin))
        return None
    except Exception as error:  # noqa: BLE001 - the parser has bugs, and a job file is foreign input
        message = f"this is no YAML that can be read ({type(error).__name__})"
        problems.append(Problem(message, file=origin.shown, line=1, column=1))
        return None
    if root is None and len(problems) == before:
        message, hint = "the file is empty", "`dativo init` writes a job file"
        problems.append(Problem(message, file=origin.shown, line=1, column=1, hint=hint))
    return root if len(problems) == before else None


def _decode(data: bytes, origin: Origin, problems: ProblemList) -> str | None:
    def report(message: str, before: str, hint: str = "") -> None:
        line, column = _position(before)
        problems.append(Problem(message, file=origin.shown, line=line, column=column, hint=hint))

    if len(data) > MAX_BYTES:
        limit = f"{MAX_BYTES // 1024} KB"
        report(f"the file is larger than {limit}", "", "use patterns, or several job files")
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        report("the file is not UTF-8 here", data[: error.start].decode(errors="replace"))
        return None
    for match in _FORBIDDEN.finditer(text):
        name = "a NUL" if match[0] == "\0" else f"the control character U+{ord(match[0]):04X}"
        report(f"{name} is not allowed in a job file", text[: match.start()])
        return None
    return text


def _position(before: str) -> tuple[int, int]:
    lines = _BREAKS.split(before)
    return len(lines), len(lines[-1]) + 1


def _explain(error: MarkedYAMLError, origin: Origin) -> Problem:
    """Say what is wrong without quoting the file: the place may hold a password."""
    marks = (error.problem_mark, error.context_mark)
    reason = str(error.problem or error.context or "")
    message, hint = _QUOTED.sub("...", reason.partition("\n")[0]) or "this is no YAML", ""
    for part, better, advice in _EXPLAINED:
        if part in reason:
            message, hint = better, advice
            break
    is_noticed_later = any(part in reason for part in _NOTICED_LATER)
    mark = next(filter(None, reversed(marks) if is_noticed_later else marks), None)
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
    return Problem(message, file=origin.shown, line=line, column=column, hint=hint)


class _LimitError(Exception):
    """Reading on is pointless; the problem is reported."""


class _Builder:
    """Makes nodes of the parser's events."""

    def __init__(self, origin: Origin, problems: ProblemList) -> None:
        self._origin = origin
        self._problems = problems
        self._count = 0
        self._events: Iterator[Any] = iter(())

    def build(self, text: str) -> Node | None:
        """Return the only document of *text*."""
        yaml = YAML(typ="safe", pure=True)
        self._events = iter(yaml.parse(text))
        root = None
        try:
            for event in self._events:
                if isinstance(event, yaml_events.DocumentStartEvent):
                    root = self._document(event, root)
        except _LimitError:
            return None
        return root

    def _document(self, event: Any, root: Node | None) -> Node:
        if root is not None:
            self._report(event, "a job file is one document; this starts a second one")
            raise _LimitError
        if event.version or event.tags:
            self._report(event, "directives such as %YAML are not supported")
        return self._node(next(self._events), "", 0)

    def _node(self, event: Any, path: str, depth: int) -> Node:
        self._count += 1
        if self._count > MAX_NODES:
            self._report(event, f"the file has more than {MAX_NODES} values")
            raise _LimitError
        if depth > MAX_DEPTH:
            self._report(event, f"the file is nested deeper than {MAX_DEPTH} levels")
            raise _LimitError
        self._refuse(event, path)
        if isinstance(event, yaml_events.MappingStartEvent):
            return self._mapping(event, path, depth)
        if isinstance(event, yaml_events.SequenceStartEvent):
            return self._sequence(event, path, depth)
        return self._scalar(event, path)

    def _refuse(self, event: Any, path: str) -> None:
        if isinstance(event, yaml_events.AliasEvent):
            hint = "write the value out; quote text that starts with '*'"
            self._report(event, "aliases are not supported", path, hint)
            return
        if event.anchor is not None:
            hint = "write the value where it is needed; quote text that starts with '&'"
            self._report(event, "anchors are not supported", path, hint)
        if event.tag is not None:
            hint = "remove it; quote text that starts with '!'"
            self._report(event, "tags are not supported", path, hint)

    def _scalar(self, event: Any, path: str) -> Node:
        if isinstance(event, yaml_events.AliasEvent):
            return self._at(event, NodeKind.SCALAR, path)
        text = str(event.value)
        if _FORBIDDEN.search(text):
            text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            if "\ufffd" in text or _FORBIDDEN.search(text):
                self._report(event, "a character that no text can have", path)
        return self._at(event, NodeKind.SCALAR, path, text=text, is_quoted=event.style is not None)

    def _sequence(self, event: Any, path: str, depth: int) -> Node:
        items: list[Node] = []
        for child in self._until(yaml_events.SequenceEndEvent):
            items.append(self._node(child, f"{path}[{len(items)}]", depth + 1))
        return self._at(event, NodeKind.SEQUENCE, path, items=tuple(items))

    def _mapping(self, event: Any, path: str, depth: int) -> Node:
        entries: dict[str, Entry] = {}
        for child in self._until(yaml_events.MappingEndEvent):
            place = self._node(child, path, depth + 1)
            if place.kind is not NodeKind.SCALAR:
                self._report(child, "a key must be text", path, "quote text with '{' or '['")
            place_path = key_path(path, place.text)
            value = self._node(next(self._events), place_path, depth + 1)
            if place.text in entries:
                first = entries[place.text].place.line
                self._report(child, "this key is there twice", place_path, f"first in line {first}")
                continue
            entries[place.text] = Entry(place.text, place, value)
        return self._at(event, NodeKind.MAPPING, path, entries=tuple(entries.values()))

    def _until(self, end: type) -> Iterator[Any]:
        while not isinstance(event := next(self._events), end):
            yield event

    def _at(self, event: Any, kind: NodeKind, path: str, **content: Any) -> Node:
        mark = event.start_mark
        return Node(kind, path, mark.line + 1, mark.column + 1, self._origin, **content)

    def _report(self, event: Any, message: str, path: str = "", hint: str = "") -> None:
        self._problems.add(self._at(event, NodeKind.SCALAR, path), message, hint=hint)
