"""What a reading session is: a connection inside the run's snapshot that reads streams."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import attrs
import pyarrow as pa

from dativo_connector_postgres._plan import StreamPlan

__all__ = ["Limits", "Session"]


@attrs.frozen(kw_only=True)
class Limits:
    """How large a batch may be."""

    rows: int
    size_bytes: int


class Session(Protocol):
    """A connection that runs one statement at a time; to be used by one thread at a time.

    There are two: one of the ADBC driver, and one that feeds the compiled reader.
    """

    @property
    def is_idle(self) -> bool:
        """Whether the last statement was read to its end, so that another one may follow."""
        ...

    @property
    def sent(self) -> int | None:
        """How many rows the server says that it sent for the last statement, once that is read.

        ``None`` if the driver does not say.
        """
        ...

    def read(
        self, plan: StreamPlan, conditions: Sequence[str | None], limits: Limits
    ) -> Iterator[pa.RecordBatch]:
        """Yield the plan's rows that meet *conditions* as they arrive.

        They are what :meth:`finish` takes, and may have more rows than the limit.

        Raises:
            BadColumnError: A column holds what cannot be represented.
            DriverError: The ADBC driver failed.
            psycopg.Error: libpq failed.
        """
        ...

    def finish(self, plan: StreamPlan, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Make what is delivered of what arrived.

        Raises:
            BadColumnError: A column holds what cannot be represented.
        """
        ...

    def rewritten(self, plan: StreamPlan) -> list[str]:
        """Return the tables that look empty though they are not, once *plan* was read.

        See :mod:`dativo_connector_postgres._rewritten`.
        """
        ...

    def cancel(self) -> None:
        """Ask the server to end the statement that runs, and wait until it has heard.

        Safe from any thread.
        """
        ...

    def close(self) -> None:
        """End the session."""
        ...
