"""How far behind an increment stays, as a job says it: a duration, or a distance."""

from __future__ import annotations

import re
from datetime import timedelta

from dativo.errors import SchemaValidationError
from dativo_connector_postgres._ranges import base_of, is_of_time
from dativo_connector_postgres._relations import Column

__all__ = ["lag_of"]

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_NUMBERS = {"int2", "int4", "int8", "numeric"}


def lag_of(text: str | None, cursor: Column) -> timedelta | int | None:
    """Read the option ``lag`` for *cursor*.

    Raises:
        SchemaValidationError: It does not suit the cursor.
    """
    if text is None:
        return None
    match = re.fullmatch(r"([0-9]+)([smhd]?)", text)
    if match is not None and match.group(2) and is_of_time(cursor):
        return timedelta(**{_UNITS[match.group(2)]: int(match.group(1))})
    if match is not None and not match.group(2) and base_of(cursor).name in _NUMBERS:
        return int(match.group(1))
    raise SchemaValidationError(
        f"the lag {text!r} does not suit the cursor {cursor.name!r} of type {cursor.type_text}",
        fix="Write a duration such as 5m for a cursor of time, a distance such as 1000 for one of "
        "numbers, and none for a text.",
    )
