"""Exit codes, as the catalogue of errors has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from _generate.markdown import code, sentence, table
from dativo import errors
from dativo.errors import ErrorEntry, catalog

__all__ = ["ERROR_BLOCKS"]


def _exit_codes() -> str:
    by_code: dict[int, list[ErrorEntry]] = {}
    for entry in catalog():
        by_code.setdefault(entry.exit_code, []).append(entry)
    rows = [("0", "everything is done; an empty increment is done too", "")]
    rows += [
        (str(number), ", ".join(code(entry.code) for entry in entries), _retry(entries))
        for number, entries in sorted(by_code.items())
    ]
    return table(("exit", "errors", "retry unchanged?"), rows)


def _retry(entries: list[ErrorEntry]) -> str:
    retryable = [entry for entry in entries if entry.retryable]
    if len(retryable) == len(entries):
        return "yes"
    return f"only {', '.join(code(entry.code) for entry in retryable)}" if retryable else "no"


def _names() -> str:
    rows = ((code(name), sentence(vars(errors)[name].__doc__)) for name in errors.__all__)
    return table(("name", "meaning"), rows)


ERROR_BLOCKS: Mapping[str, Callable[[], str]] = {
    "errors.names": _names,
    "exit-codes": _exit_codes,
}
