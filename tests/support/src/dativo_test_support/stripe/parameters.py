"""Parameters of a list: what each takes, and which objects it leaves."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import parse_qsl

import attrs

from dativo_test_support.stripe.errors import bad_request

__all__ = [
    "Condition",
    "FieldOf",
    "Given",
    "Reader",
    "bounds",
    "choice",
    "flag",
    "integer",
    "moment",
    "nested",
    "one",
    "parse",
    "several",
    "text",
    "texts",
]

FieldOf = Callable[[str], object]
Condition = Callable[[FieldOf], bool]
_NAME = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")
_COMPARISONS = ("gt", "gte", "lt", "lte")


@attrs.frozen
class Given:
    """The values of one parameter: what stands in brackets behind its name, and the value."""

    name: str
    values: tuple[tuple[tuple[str, ...], str], ...]


Reader = Callable[[Given], Condition]


def parse(query: str) -> dict[str, Given]:
    """Take a query apart: `created[gte]=1&expand[]=data.customer`."""
    found: dict[str, list[tuple[tuple[str, ...], str]]] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        match = _NAME.fullmatch(key)
        name, rest = (match[1], match[2]) if match else (key, "")
        found.setdefault(name, []).append((tuple(re.findall(r"\[([^\[\]]*)\]", rest)), value))
    return {name: Given(name, tuple(values)) for name, values in found.items()}


def one(given: Given) -> str:
    """Return the only value of a parameter that takes no brackets."""
    if len(given.values) != 1 or given.values[0][0]:
        raise bad_request("Invalid string: {:hash}", given.name)
    return given.values[0][1]


def several(given: Given) -> tuple[str, ...]:
    """Return the values of a parameter that takes a list."""
    if any(len(keys) != 1 or not re.fullmatch(r"\d*", keys[0]) for keys, _ in given.values):
        raise bad_request("Invalid array", given.name)
    return tuple(value for _, value in given.values)


def integer(value: str, param: str) -> int:
    if not re.fullmatch(r"-?\d{1,18}", value):
        raise bad_request(f"Invalid integer: {value}", param, "parameter_invalid_integer")
    return int(value)


def bounds(given: Given) -> tuple[int, int]:
    """Return the first and the last second that a moment may be."""
    low, high = -(1 << 62), 1 << 62
    for keys, value in given.values:
        param = given.name + "".join(f"[{key}]" for key in keys)
        comparison = keys[0] if keys else ""
        if len(keys) > 1 or comparison not in ("", *_COMPARISONS):
            message = f"Received unknown parameter: {param}"
            raise bad_request(message, param, "parameter_unknown")
        number = integer(value, param)
        below, above = {
            "gt": (number + 1, high),
            "gte": (number, high),
            "lt": (low, number - 1),
            "lte": (low, number),
            "": (number, number),
        }[comparison]
        low, high = max(low, below), min(high, above)
    return low, high


def text(path: str) -> Reader:
    """A text that the field must be."""

    def read(given: Given) -> Condition:
        wanted = one(given)
        return lambda field: field(path) == wanted

    return read


def texts(path: str) -> Reader:
    """A list of texts of which the field must be one."""

    def read(given: Given) -> Condition:
        wanted = several(given)
        return lambda field: field(path) in wanted

    return read


def flag(path: str) -> Reader:
    """True or false; the field must be it."""

    def read(given: Given) -> Condition:
        wanted = one(given)
        if wanted not in ("true", "false"):
            raise bad_request(f"Invalid boolean: {wanted}", given.name)
        return lambda field: bool(field(path)) is (wanted == "true")

    return read


def choice(
    path: str, choices: Iterable[str], groups: Mapping[str, Iterable[str]] | None = None
) -> Reader:
    """One of some texts; *groups* are names for several values of the field."""
    names, meant = tuple(choices), dict(groups or {})

    def read(given: Given) -> Condition:
        wanted = one(given)
        if wanted not in names and wanted not in meant:
            known = ", ".join([*names, *meant])
            raise bad_request(f"Invalid {given.name}: must be one of {known}", given.name)
        leaves = tuple(meant.get(wanted, (wanted,)))
        return lambda field: field(path) in leaves

    return read


def moment(path: str) -> Reader:
    """A second, or a range of seconds."""

    def read(given: Given) -> Condition:
        low, high = bounds(given)

        def holds(field: FieldOf) -> bool:
            value = field(path)
            return isinstance(value, int) and low <= value <= high

        return holds

    return read


def nested(**readers: Reader) -> Reader:
    """Parameters in brackets: `recurring[interval]=month`."""

    def read(given: Given) -> Condition:
        conditions = []
        for keys, value in given.values:
            param = given.name + "".join(f"[{key}]" for key in keys)
            if not keys or keys[0] not in readers:
                message = f"Received unknown parameter: {param}"
                raise bad_request(message, param, "parameter_unknown")
            inner = Given(param, ((keys[1:], value),))
            conditions.append(readers[keys[0]](inner))
        return lambda field: all(condition(field) for condition in conditions)

    return read
