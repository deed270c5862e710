"""One reading session: an ADBC connection inside the snapshot that all streams of a run share."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress

import adbc_driver_postgresql  # type: ignore[import-untyped]
import pyarrow as pa
from adbc_driver_manager import AdbcConnection, AdbcDatabase, AdbcStatement
from adbc_driver_manager import Error as AdbcError

# The public reader of pyarrow drops the SQLSTATE of what fails in mid-stream; this one keeps it.
from adbc_driver_manager._reader import AdbcRecordBatchReader

__all__ = ["Session"]

_CLOSE_SECONDS = 1.0

_BATCH_SIZE = adbc_driver_postgresql.StatementOptions.BATCH_SIZE_HINT_BYTES.value


class Session:
    """A connection that runs one statement at a time; to be used by one thread at a time."""

    def __init__(self, database: AdbcDatabase, snapshot: str) -> None:
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
        """Whether the last statement was read to its end, so that another one may follow."""
        return self._is_idle

    def read(self, sql: str, batch_bytes: int) -> Iterator[pa.RecordBatch]:
        """Run *sql*, which must return rows, and yield them as they arrive."""
        self._is_idle = False
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
                    with suppress(AdbcError):
                        self.cancel()
                reader.close()
        finally:
            statement.close()

    def cancel(self) -> None:
        """Ask the server to end the statement that runs, and wait until it has heard.

        Safe from any thread; takes for ever if the server does not answer.
        """
        with self._cancelling:
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

    def _command(self, sql: str) -> None:
        statement = AdbcStatement(self._connection)
        try:
            statement.set_sql_query(sql)
            statement.execute_update()
        finally:
            statement.close()
