"""Reading through the ADBC driver, which is everywhere: a projection per type, finished in bulk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial

import adbc_driver_postgresql  # type: ignore[import-untyped]
import pyarrow as pa
from adbc_driver_manager import AdbcConnection, AdbcDatabase, AdbcStatement
from adbc_driver_manager import Error as AdbcError

# The public reader of pyarrow drops the SQLSTATE of what fails in mid-stream; this one keeps it.
from adbc_driver_manager._reader import AdbcRecordBatchReader

from dativo_connector_postgres._errors import DriverError
from dativo_connector_postgres._plan import StreamPlan
from dativo_connector_postgres._rewritten import rewritten
from dativo_connector_postgres._session import Limits

__all__ = ["AdbcSession", "opener"]

_CLOSE_SECONDS = 1.0

_BATCH_SIZE = adbc_driver_postgresql.StatementOptions.BATCH_SIZE_HINT_BYTES.value


def opener(conninfo: str, snapshot: str) -> Callable[[], AdbcSession]:
    """Return what opens sessions in *snapshot*; it loads the server's types once for all of them.

    Raises:
        DriverError: The server cannot be reached or refuses.
    """
    with _translated():
        return partial(AdbcSession, adbc_driver_postgresql.connect(conninfo), snapshot)


class AdbcSession:
    """A :class:`Session` of the ADBC driver."""

    def __init__(self, database: AdbcDatabase, snapshot: str) -> None:
        with _translated():
            self._connection = AdbcConnection(database)
        self._is_idle = True
        self._cancelling = threading.Lock()
        try:
            self._command("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            self._command(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
        except BaseException:
            self._connection.close()
            raise

    @property
    def is_idle(self) -> bool:
        """See :class:`Session`."""
        return self._is_idle

    @property
    def sent(self) -> None:
        """See :class:`Session`; the driver keeps it to itself."""
        return

    def read(
        self, plan: StreamPlan, conditions: Sequence[str | None], limits: Limits
    ) -> Iterator[pa.RecordBatch]:
        """See :class:`Session`."""
        wanted = ", ".join(field.sql for field in plan.fields)
        return self._rows(plan.select(*conditions, expressions=wanted), limits.size_bytes)

    def finish(self, plan: StreamPlan, batch: pa.RecordBatch) -> pa.RecordBatch:
        """See :class:`Session`."""
        pairs = zip(plan.fields, batch.columns, strict=True)
        return pa.RecordBatch.from_arrays(
            [field.finish(array) for field, array in pairs], schema=plan.schema
        )

    def rewritten(self, plan: StreamPlan) -> list[str]:
        """See :class:`Session`."""
        found = self._rows(rewritten(plan), 1 << 16)
        return [name for batch in found for name in batch["name"].to_pylist()]

    def cancel(self) -> None:
        """See :class:`Session`; it takes for ever if the server does not answer."""
        with self._cancelling, suppress(AdbcError):
            self._connection.cancel()

    def close(self) -> None:
        """End the session."""
        # The driver frees what a cancellation uses. One that waits for a server that does not
        # answer ends the session itself: with it the last reference to the connection is gone.
        if self._cancelling.acquire(timeout=_CLOSE_SECONDS):
            try:
                self._connection.close()
            finally:
                self._cancelling.release()

    def _rows(self, sql: str, batch_bytes: int) -> Iterator[pa.RecordBatch]:
        self._is_idle = False
        with _translated():
            statement = AdbcStatement(self._connection)
            try:
                statement.set_options(**{_BATCH_SIZE: str(batch_bytes)})
                statement.set_sql_query(sql)
                handle, _ = statement.execute_query()
                reader = AdbcRecordBatchReader._import_from_c(handle.address)  # noqa: SLF001
                try:
                    yield from reader
                    self._is_idle = True
                finally:
                    # What is left of an abandoned statement would be read to its end first.
                    if not self._is_idle:
                        self.cancel()
                    reader.close()
            finally:
                statement.close()

    def _command(self, sql: str) -> None:
        with _translated():
            statement = AdbcStatement(self._connection)
            try:
                statement.set_sql_query(sql)
                statement.execute_update()
            finally:
                statement.close()


@contextmanager
def _translated() -> Iterator[None]:
    """Let nobody else need to know the driver's errors, whose import takes time."""
    try:
        yield
    except AdbcError as error:
        raise DriverError(str(error), error.sqlstate) from error
