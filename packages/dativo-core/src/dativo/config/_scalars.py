"""Read single values against the type of their field, and say what was found instead."""

from __future__ import annotations

import enum
import math
import pathlib
from collections.abc import Callable, Mapping, Sequence

from dativo.config._node import Node, NodeKind, Scalar, read_scalar
from dativo.config._problems import ProblemList, nearest
from dativo.config._references import Resolved, resolve
from dativo.contract import Secret, Url

__all__ = ["FAILED", "SCALARS", "describe", "expected", "read", "read_choice", "read_unit"]

FAILED = object()
"""Stands for a value that could not be read; the problem is reported."""

_MAX_SHOWN = 40
_KINDS: Mapping[type, str] = {bool: "a boolean", int: "an integer", float: "a number"}
_EXPECTED: Mapping[object, str] = {
    str: "a text",
    int: "an integer",
    float: "a number",
    bool: "true or false",
    Secret: "a text",
    pathlib.Path: "a path",
    Url: "a URL",
    type(None): "nothing",
}


def read(node: Node, hint: object, problems: ProblemList) -> object:
    """Read *node* as the scalar type *hint*."""
    resolved = _resolved(node, hint, problems)
    if resolved is None:
        return FAILED
    if hint is Secret:
        for secret in (resolved.text, *resolved.parts):
            node.origin.redactor.add(secret)
    value = SCALARS[hint](node, resolved)
    if value is FAILED:
        got = describe(node, resolved, is_hidden=hint is Secret)
        advice = "" if resolved.parts else _advice(hint, resolved)
        problems.add(node, f"expected {expected(hint)}, got {got}", hint=advice)
    return value


def read_choice(
    node: Node, choices: Sequence[Scalar | enum.StrEnum], problems: ProblemList
) -> object:
    """Read *node* as one of *choices*."""
    listed = "one of " + ", ".join(repr(_plain(choice)) for choice in choices)
    resolved = _resolved(node, listed, problems)
    if resolved is None:
        return FAILED
    found = (resolved.text, _value(resolved)) if resolved.parts else (_value(resolved),)
    for choice in choices:
        plain = _plain(choice)
        if any(type(plain) is type(value) and plain == value for value in found):
            return choice
    words = [str(choice) for choice in choices if isinstance(choice, str)]
    hint = nearest(resolved.text, words) if resolved.is_shown and words else ""
    got = describe(node, resolved)
    hint = hint if hint.startswith("did") else ""
    problems.add(node, f"expected {listed}, got {got}", hint=hint)
    return FAILED


def read_unit(node: Node, reader: Callable[[str], object], problems: ProblemList) -> object:
    """Read *node* with *reader*, which takes text and raises ``ValueError`` with the reason."""
    resolved = _resolved(node, str, problems)
    if resolved is None:
        return FAILED
    try:
        return reader(resolved.text)
    except ValueError as error:
        problems.add(node, f"{error}, got {describe(node, resolved)}")
        return FAILED


def expected(hint: object) -> str:
    """Return what a message calls the type *hint*."""
    return _EXPECTED.get(hint, "") or str(hint)


def describe(node: Node, resolved: Resolved | None = None, *, is_hidden: bool = False) -> str:
    """Return what a message calls the value that was found, without its text if *is_hidden*."""
    if node.kind is not NodeKind.SCALAR:
        return str(node.kind.value)
    if resolved is None:
        return "a single value" if not node.is_null else "nothing"
    value = _value(resolved)
    if value is None:
        return "nothing"
    if is_hidden or not resolved.is_shown:
        kind = str(_KINDS.get(type(value), "a text"))
        return kind if resolved.is_shown else f"{kind} from a reference"
    text = resolved.text
    shown = text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + "..."
    if not isinstance(value, str):
        return shown
    is_odd = bool(text) and resolved.is_text and not isinstance(read_scalar(text), str)
    return f"the text {shown!r}" if is_odd else repr(shown)


def _resolved(node: Node, hint: object, problems: ProblemList) -> Resolved | None:
    if node.kind is not NodeKind.SCALAR:
        problems.add(node, f"expected {expected(hint)}, got {describe(node)}")
        return None
    return resolve(node, problems)


def _value(resolved: Resolved) -> Scalar:
    return resolved.text if resolved.is_text else read_scalar(resolved.text)


def _plain(choice: Scalar | enum.StrEnum) -> Scalar:
    return choice.value if isinstance(choice, enum.StrEnum) else choice


def _advice(hint: object, resolved: Resolved) -> str:
    value, bare = _value(resolved), read_scalar(resolved.text)
    if hint in (str, Secret, pathlib.Path):
        return "put it in quotes" if value is not None else ""
    if isinstance(value, str) and not isinstance(bare, str | None):
        return "remove the quotes"
    if hint is bool and resolved.text.lower() in ("yes", "no", "on", "off", "y", "n"):
        return "write true or false"
    return ""


def _text(_: Node, resolved: Resolved) -> object:
    is_text = bool(resolved.parts) or isinstance(_value(resolved), str)
    return resolved.text if is_text else FAILED


def _secret(node: Node, resolved: Resolved) -> object:
    text = _text(node, resolved)
    return Secret(text) if isinstance(text, str) else FAILED


def _url(node: Node, resolved: Resolved) -> object:
    text = _text(node, resolved)
    try:
        return Url(text) if isinstance(text, str) else FAILED
    except ValueError:
        return FAILED


def _path(node: Node, resolved: Resolved) -> object:
    text = _text(node, resolved)
    if not isinstance(text, str) or not text:
        return FAILED
    try:
        return node.origin.folder / pathlib.Path(text).expanduser()
    except RuntimeError:  # there is no such user
        return node.origin.folder / text


def _integer(_: Node, resolved: Resolved) -> object:
    value = _value(resolved)
    return value if isinstance(value, int) and not isinstance(value, bool) else FAILED


def _number(_: Node, resolved: Resolved) -> object:
    value = _value(resolved)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return FAILED
    return float(value)


def _boolean(_: Node, resolved: Resolved) -> object:
    value = _value(resolved)
    return value if isinstance(value, bool) else FAILED


def _nothing(_: Node, resolved: Resolved) -> object:
    return None if _value(resolved) is None else FAILED


SCALARS: Mapping[object, Callable[[Node, Resolved], object]] = {
    str: _text,
    int: _integer,
    float: _number,
    bool: _boolean,
    Secret: _secret,
    pathlib.Path: _path,
    Url: _url,
    type(None): _nothing,
}
