"""Reading with the compiled reader of dativo-pgcopy: psycopg is the client, Rust takes the rows."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cache
from typing import Any

import psycopg
import pyarrow as pa
from psycopg import pq
from psycopg.pq.abc import PGresult

from dativo.errors import InternalError
from dativo_connector_postgres._client import Connection
from dativo_connector_postgres._fields import BadColumnError
from dativo_connector_postgres._plan import StreamPlan
from dativo_connector_postgres._rewritten import rewritten
from dativo_connector_postgres._session import Limits

__all__ = ["CompiledSession", "unusable"]

_FORMAT_VERSION = 1
"""Of the binary formats' names and of what each becomes."""


def unusable() -> str | None:
    """Say why the compiled reader cannot be used here; ``None`` if it can."""
    try:
        import dativo_pgcopy  # noqa: PLC0415 - it may not be there
    except ImportError:
        return "dativo-pgcopy is not installed"
    found = dativo_pgcopy.FORMAT_VERSION
    if found != _FORMAT_VERSION:
        return f"dativo-pgcopy knows version {found} of the formats, not {_FORMAT_VERSION}"
    if pq.__impl__ == "python":
        return "psycopg runs without its compiled part (psycopg[binary] or psycopg[c])"
    return None


class CompiledSession:
    """A :class:`Session` of psycopg whose rows the compiled reader takes."""

    def __init__(self, connection: Connection) -> None:
        """Use *connection*, which has joined the snapshot, from now on alone."""
        self._connection = connection
        self._is_idle = True
        self._sent: int | None = None
        self._rewritten: list[str] = []

    @property
    def is_idle(self) -> bool:
        """See :class:`Session`."""
        return self._is_idle

    @property
    def sent(self) -> int | None:
        """See :class:`Session`."""
        return self._sent

    def read(
        self, plan: StreamPlan, conditions: Sequence[str | None], limits: Limits
    ) -> Iterator[pa.RecordBatch]:
        """See :class:`Session`."""
        wanted = ", ".join(field.copied for field in plan.fields)
        select = plan.select(*conditions, expressions=wanted)
        self._is_idle, self._sent, self._rewritten = False, None, []
        try:
            # The question that follows each reading goes along: the answer comes after the rows.
            self._start(f"COPY ({select}\n) TO STDOUT (FORMAT binary); {rewritten(plan)}")
            yield from self._rows(plan, limits)
            copied, found = self._end()
            self._sent = copied.command_tuples
            self._rewritten = [_text(found.get_value(row, 0)) for row in range(found.ntuples)]
            self._is_idle = True
        finally:
            # What is left of an abandoned statement is not waited for: the session is closed.
            if not self._is_idle:
                self.cancel()

    def finish(self, plan: StreamPlan, batch: pa.RecordBatch) -> pa.RecordBatch:
        """See :class:`Session`; the reader has delivered what is delivered."""
        return pa.RecordBatch.from_arrays(batch.columns, schema=plan.schema)

    def rewritten(self, plan: StreamPlan) -> list[str]:  # noqa: ARG002 - it knows
        """See :class:`Session`."""
        return self._rewritten

    def cancel(self) -> None:
        """See :class:`Session`."""
        with suppress(psycopg.Error):
            self._connection.cancel_safe()

    def close(self) -> None:
        """End the session."""
        self._connection.close()

    def _start(self, copy: str) -> None:
        result = self._connection.pgconn.exec_(copy.encode())
        if result.status != pq.ExecStatus.COPY_OUT:
            raise psycopg.errors.error_from_result(result)

    def _rows(self, plan: StreamPlan, limits: Limits) -> Iterator[pa.RecordBatch]:
        import dativo_pgcopy  # noqa: PLC0415 - it may not be there

        get_copy_data, free = _functions()
        pgconn: Any = self._connection.pgconn  # what is typed of it has no address
        reader = dativo_pgcopy.CopyReader(
            pgconn,
            get_copy_data=get_copy_data,
            free=free,
            schema=plan.schema,
            formats=[field.encoding.format for field in plan.fields],
            nullify=[place for place, field in enumerate(plan.fields) if field.is_nullified],
            batch_rows=limits.rows,
            batch_bytes=limits.size_bytes,
        )
        try:
            while (batch := reader.read_next_batch()) is not None:
                yield pa.record_batch(batch)
        except dativo_pgcopy.ValueRefusedError as error:
            raise BadColumnError(plan.fields[error.column], error.reason) from None
        except dativo_pgcopy.CopyStoppedError as error:
            self._end()
            raise psycopg.OperationalError("the connection is lost") from error
        except dativo_pgcopy.MalformedError as error:
            raise InternalError(
                f"{plan.name}: {error}",
                fix="Set `reader: adbc` in the connection's settings, and report this.",
                stream=plan.name,
            ) from error

    def _end(self) -> list[PGresult]:
        """Return the results that follow the rows.

        Raises:
            psycopg.Error: The server, or the connection to it, ended them.
        """
        results, failed = [], None
        while (result := self._connection.pgconn.get_result()) is not None:
            results.append(result)
            if result.status not in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK):
                failed = failed or psycopg.errors.error_from_result(result)
        if failed is not None:
            raise failed
        return results


def _text(value: bytes | None) -> str:
    return "" if value is None else value.decode(errors="replace")


@cache
def _functions() -> tuple[int, int]:
    """Return the addresses of PQgetCopyData and PQfreemem in the libpq that psycopg uses."""
    # A symbol is looked for in the libraries that psycopg's own is linked with.
    linked = ctypes.CDLL(sys.modules[pq.PGconn.__module__].__file__)
    return _address(linked.PQgetCopyData), _address(linked.PQfreemem)


def _address(function: Any) -> int:
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    return address
