"""The catalogue as data: docs, ``dativo errors`` and tests are made from it."""

from __future__ import annotations

import attrs

from dativo.errors import _catalog
from dativo.errors._base import DativoError

__all__ = ["ErrorEntry", "catalog"]


@attrs.frozen
class ErrorEntry:
    """One row of the catalogue; ``family`` is the code of the class one level up."""

    code: str
    name: str
    family: str
    exit_code: int
    retryable: bool
    summary: str
    fix: str
    error: type[DativoError]


def catalog() -> tuple[ErrorEntry, ...]:
    """Return one entry per public error, in the order of the families."""
    members = [value for value in vars(_catalog).values() if isinstance(value, type)]
    return tuple(
        _entry(member)
        for member in members
        if issubclass(member, DativoError) and member is not DativoError
    )


def _entry(error: type[DativoError]) -> ErrorEntry:
    family = error.__mro__[1]
    return ErrorEntry(
        code=error.code,
        name=error.__name__,
        family=family.code if issubclass(family, DativoError) else "",
        exit_code=error.exit_code,
        retryable=error.default_retryable,
        summary=(error.__doc__ or "").strip().splitlines()[0],
        fix=error.default_fix,
        error=error,
    )
