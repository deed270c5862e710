"""The library API: the operations of ``dativo`` and what they return."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping

import attrs

import dativo
from _generate.markdown import code, sentence, table
from _generate.signatures import signature_text
from dativo import engine

__all__ = ["LIBRARY_BLOCKS"]


def _operations() -> str:
    names = [name for name in dativo.__all__ if not name.startswith("_")]
    return "\n\n".join(_operation(name) for name in names)


def _operation(name: str) -> str:
    function = getattr(dativo, name)
    signature = f"```text\n{name}{signature_text(function)}\n```"
    parts = [f"### `dativo.{name}`", signature, sentence(function.__doc__)]
    rows = list(_arguments(function.__doc__))
    if rows:
        parts.append(table(("argument", "meaning"), rows))
    return "\n\n".join(parts)


def _arguments(text: str | None) -> Iterator[tuple[str, str]]:
    section = inspect.cleandoc(text or "").partition("Args:\n")[2].partition("\n\n")[0]
    for name, about in re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", section, re.MULTILINE):
        yield code(name), sentence(about)


def _results() -> str:
    classes = [value for name in engine.__all__ if _is_result(value := getattr(engine, name))]
    return "\n\n".join(_result(value) for value in classes)


def _is_result(value: object) -> bool:
    return isinstance(value, type) and attrs.has(value)


def _result(value: type) -> str:
    fields = ", ".join(code(field.name) for field in attrs.fields(value))
    more = [
        name
        for name, member in vars(value).items()
        if isinstance(member, property) and not name.startswith("_")
    ]
    besides = f"\nComputed: {', '.join(map(code, more))}." if more else ""
    return f"### `{value.__name__}`\n\n{sentence(value.__doc__)}\nFields: {fields}.{besides}"


LIBRARY_BLOCKS: Mapping[str, Callable[[], str]] = {
    "library.operations": _operations,
    "library.results": _results,
}
