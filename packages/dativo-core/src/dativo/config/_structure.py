"""Read located values into settings classes: strictly, all problems at once, secrets unseen.

Nothing is coerced: ``"5"`` is not 5 and ``true`` is not 1. The types are those that
:func:`dativo.contract.config_schema` knows.
"""

from __future__ import annotations

import enum
import pathlib
import re
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

import attrs

from dativo.config._node import Node, NodeKind, key_path
from dativo.config._problems import ProblemList, nearest
from dativo.config._references import resolve
from dativo.config._scalars import (
    FAILED,
    SCALARS,
    describe,
    expected,
    read,
    read_choice,
    read_unit,
)
from dativo.contract import Secret, settings_of

__all__ = ["READER", "SAYS", "structure"]

READER = "dativo.read"
"""The key of a field's metadata whose function reads a text with a unit."""

SAYS = "dativo.says"
"""The key of a field's metadata that says in words what its pattern means."""

T = TypeVar("T")


def structure(node: Node, cls: type[T], *, collect: ProblemList) -> T | None:
    """Return *node* as an instance of the frozen attrs class *cls*.

    Every problem goes to *collect*, and ``None`` is returned if there was one. References are
    resolved, paths start from the job's folder, and the job's redactor learns every secret.

    Raises:
        TypeError: *cls* has a field of a type that no setting can have.
    """
    found = _section(node, cls, collect)
    return found if isinstance(found, cls) else None


def _value(node: Node, hint: Any, problems: ProblemList) -> Any:
    """Read *node* as a value of type *hint*, or return ``FAILED``."""
    if hint in SCALARS:
        return read(node, hint, problems)
    if hint in _SPECIAL:
        return _SPECIAL[hint](node, problems)
    if get_origin(hint) in _GENERIC:
        return _GENERIC[get_origin(hint)](node, get_args(hint), problems)
    if isinstance(hint, type) and issubclass(hint, enum.StrEnum):
        return read_choice(node, list(hint), problems)
    return _section(node, hint, problems)


def _itself(node: Node, _: ProblemList) -> Any:
    return node


def _anything(node: Node, problems: ProblemList) -> Any:
    """Read a value without a type; what it refers to is hidden, as nobody says it is no secret."""
    if node.kind is NodeKind.SEQUENCE:
        return _list(node, (Any,), problems)
    if node.kind is NodeKind.MAPPING:
        return _mapping(node, (str, Any), problems)
    resolved = resolve(node, ProblemList())
    for part in () if resolved is None else resolved.parts:
        node.origin.redactor.add(part)
    return _union(node, (type(None), bool, int, float, str), problems)


def _union(node: Node, arms: tuple[Any, ...], problems: ProblemList) -> Any:
    """Take the first arm that fits; else tell of the arm that fits best."""
    if node.is_null and type(None) in arms:
        return None
    arms = tuple(arm for arm in arms if arm is not type(None))
    if len(arms) == 1:
        return _value(node, arms[0], problems)
    if node.kind is NodeKind.SCALAR and resolve(node, problems) is None:
        return FAILED
    attempts = []
    for arm in arms:
        attempt = ProblemList()
        found = _value(node, arm, attempt)
        if found is not FAILED:
            return found
        attempts.append(attempt)
    if node.kind is NodeKind.SCALAR and all(arm in SCALARS for arm in arms):
        wanted = " or ".join(dict.fromkeys(expected(arm) for arm in arms))
        got = describe(node, resolve(node, ProblemList()), is_hidden=Secret in arms)
        problems.add(node, f"expected {wanted}, got {got}")
    else:
        problems.extend(min(attempts, key=len).problems)
    return FAILED


def _choice(node: Node, arguments: tuple[Any, ...], problems: ProblemList) -> Any:
    return read_choice(node, arguments, problems)


def _list(node: Node, arguments: tuple[Any, ...], problems: ProblemList) -> Any:
    if node.kind is not NodeKind.SEQUENCE:
        advice = "write [a, b] or one '- ' line for each" if not node.is_null else ""
        problems.add(node, f"expected a list, got {describe(node)}", hint=advice)
        return FAILED
    found = [_value(item, arguments[0], problems) for item in node.items]
    return FAILED if any(item is FAILED for item in found) else tuple(found)


def _mapping(node: Node, arguments: tuple[Any, ...], problems: ProblemList) -> Any:
    if node.kind is not NodeKind.MAPPING:
        problems.add(node, f"expected a mapping, got {describe(node)}")
        return FAILED
    found = {entry.key: _value(entry.value, arguments[1], problems) for entry in node.entries}
    return FAILED if any(value is FAILED for value in found.values()) else found


def _section(node: Node, cls: Any, problems: ProblemList) -> Any:
    """Read a mapping as the settings class *cls*; a section without content has no keys."""
    if node.kind is not NodeKind.MAPPING and not node.is_null:
        keys = ", ".join(list(settings_of(cls))[:4])
        hint = f"its keys: {keys}, ..." if keys else ""
        problems.add(node, f"expected a mapping, got {describe(node)}", hint=hint)
        return FAILED
    before = len(problems)
    fields = {name: about for name, about in settings_of(cls).items() if about[0].init}
    for entry in node.entries:
        if entry.key not in fields:
            path = key_path(node.path, entry.key)
            is_glued = ":" in entry.key and entry.value.is_null
            hint = "a ':' needs a space after it" if is_glued else nearest(entry.key, fields)
            problems.add(entry.place, "unknown key", path=path, hint=hint)
    values = dict(_fields(node, fields, problems))
    return FAILED if len(problems) > before else _make(node, cls, values, problems)


def _fields(
    node: Node, fields: Mapping[str, tuple[attrs.Attribute[Any], Any]], problems: ProblemList
) -> Iterator[tuple[str, object]]:
    for name, (field, hint) in fields.items():
        found = node.get(name)
        if found is not None:
            yield field.alias or name, _field(found, field, hint, problems)
        elif field.default is attrs.NOTHING:
            about = field.metadata.get("dativo", {}).get("help", "")
            problems.add(node, "is missing", path=key_path(node.path, name), hint=about)
        elif isinstance(field.default, pathlib.Path):
            yield field.alias or name, node.origin.folder / field.default


def _field(node: Node, field: attrs.Attribute[Any], hint: Any, problems: ProblemList) -> object:
    before = len(problems)
    reader = field.metadata.get(READER)
    value = _value(node, hint, problems) if reader is None else read_unit(node, reader, problems)
    if len(problems) == before:
        _check_limits(node, value, field, problems)
    return value


def _check_limits(
    node: Node, value: object, field: attrs.Attribute[Any], problems: ProblemList
) -> None:
    """Check what ``setting`` declares: ``minimum``, ``maximum`` and ``pattern``."""
    about = field.metadata.get("dativo", {})
    wanted = _limit(value, about, field.metadata.get(SAYS, ""))
    if wanted:
        is_hidden = isinstance(value, Secret)
        got = describe(node, resolve(node, ProblemList()), is_hidden=is_hidden)
        problems.add(node, f"expected {wanted}, got {got}")


def _limit(value: object, about: Mapping[str, Any], says: str) -> str:
    """Return what was wanted, or nothing if *value* is within the limits."""
    low, high, pattern = about.get("minimum"), about.get("maximum"), about.get("pattern")
    text = value.reveal() if isinstance(value, Secret) else value
    if isinstance(value, int | float) and not isinstance(value, bool):
        if low is not None and value < low:
            return f"at least {low}"
        if high is not None and value > high:
            return f"at most {high}"
    if isinstance(text, str) and pattern is not None and re.fullmatch(pattern, text) is None:
        return says or f"a text that matches {pattern}"
    return ""


def _make(
    node: Node, cls: Callable[..., Any], values: dict[str, Any], problems: ProblemList
) -> Any:
    """Call the class; its validators are the connector's code and may raise anything."""
    try:
        return cls(**values)
    except Exception as error:  # noqa: BLE001 - around a plugin call
        origin = node.origin
        message = origin.references.redact(origin.redactor.redact(f"{error}"))
        problems.add(node, " ".join(message.split())[:500] or type(error).__name__)
        return FAILED


_SPECIAL: Mapping[object, Callable[[Node, ProblemList], Any]] = {Node: _itself, Any: _anything}
_GENERIC: Mapping[object, Callable[[Node, tuple[Any, ...], ProblemList], Any]] = {
    Union: _union,
    types.UnionType: _union,
    Literal: _choice,
    tuple: _list,
    Mapping: _mapping,
}
