"""Where the values of a cursor end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from dativo.errors import DataFormatError
from dativo_connector_postgres._names import quote
from dativo_connector_postgres._plan import StreamPlan
from dativo_connector_postgres._ranges import base_of

__all__ = ["highest"]

_UNBOUNDED = {"date", "timestamp", "timestamptz", "numeric"}


def highest(
    ask: Callable[[str, StreamPlan], Sequence[Any]], plan: StreamPlan, *conditions: str | None
) -> str | None:
    """Return the highest value of the cursor among the rows that meet *conditions*.

    *ask* returns the one row of a query on what the plan reads, in whatever snapshot.

    Raises:
        DataFormatError: It is one that no value can follow.
    """
    cursor = plan.cursor
    assert cursor is not None
    wanted = f"max({quote(cursor.name)})::text"
    (value,) = ask(plan.select(*conditions, expressions=wanted), plan)
    if value is None:
        return None
    last = str(value)
    if base_of(cursor).name in _UNBOUNDED and last.lower().lstrip("-") in {"infinity", "nan"}:
        raise DataFormatError(
            f"{plan.name}: the cursor {cursor.name!r} is {last} in some rows, and nothing can be "
            "read after it",
            fix="Leave such rows out with a `where`, or mend them.",
            stream=plan.name,
        )
    return last
