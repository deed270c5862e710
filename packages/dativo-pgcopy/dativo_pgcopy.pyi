"""Reads the binary COPY format of PostgreSQL into Arrow.

What is exported follows the Arrow PyCapsule interface, so any Arrow library imports it.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

__version__: Final[str]
FORMAT_VERSION: Final[int]
"""Grows when formats or arguments change their meaning."""

class _Schema(Protocol):
    def __arrow_c_schema__(self) -> object: ...

class CopyError(Exception):
    """There is no next batch."""

class CopyStoppedError(CopyError):
    """Rows stopped coming before the end: the server sent an error, or the connection is lost.

    The connection's next result says which.
    """

class MalformedError(CopyError):
    """The bytes are no COPY data of these columns; nothing of the batch is delivered."""

class ValueRefusedError(CopyError):
    """The delivered type has no place for a value; nothing of the batch is delivered.

    Attributes:
        column: The column, from 0.
        row: The row in the stream, from 0.
        reason: What the value is, in words.
    """

    column: int
    row: int
    reason: str

class RecordBatch:
    """Rows of a stream, for any library that imports Arrow data."""

    @property
    def num_rows(self) -> int:
        """How many rows there are."""

    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]: ...

class CopyReader:
    """Reads the rows of a COPY in batches, without the interpreter's lock.

    Args:
        connection: A ``PGconn`` of psycopg's compiled part, for its ``pgconn_ptr``, in the state
            ``PGRES_COPY_OUT``. Until the end nobody else may use it but to cancel, nor close it
            while a batch is read.
        get_copy_data: The address of ``PQgetCopyData`` in the libpq of that connection.
        free: The address of ``PQfreemem`` there.
        schema: The fields that are delivered, with their metadata.
        formats: How the values of each field travel, by name.
        batch_rows: A batch has no more rows.
        batch_bytes: A batch ends when it has so many bytes of Arrow data, give or take 128 rows.
        nullify: The columns, from 0, in which NULL stands for what cannot be represented.

    Raises:
        ValueError: If the connection is closed, or a format does not become the type of its field.
    """

    def __init__(
        self,
        connection: object,
        *,
        get_copy_data: int,
        free: int,
        schema: _Schema,
        formats: Sequence[str],
        batch_rows: int = 65_536,
        batch_bytes: int = 4_194_304,
        nullify: Sequence[int] = (),
    ) -> None: ...
    def read_next_batch(self) -> RecordBatch | None:
        """Return the next batch, which has at least one row, or None at the end.

        After an error there are no more batches.

        Raises:
            CopyStoppedError: If the connection says so, or is lost.
            MalformedError: If what arrives is no COPY data of these columns.
            ValueError: If the connection was closed.
            ValueRefusedError: If a value cannot be represented.
        """

    def take_failure(self) -> Exception | None:
        """Return once what ended an exported stream, whose consumer is only told its text."""

    def __arrow_c_schema__(self) -> object: ...
    def __arrow_c_stream__(self, requested_schema: object = None) -> object: ...

def decode(
    chunks: Iterable[bytes | bytearray],
    *,
    schema: _Schema,
    formats: Sequence[str],
    batch_rows: int = 65_536,
    batch_bytes: int = 4_194_304,
    nullify: Sequence[int] = (),
) -> CopyReader:
    """Read COPY data from chunks of bytes that may be cut anywhere; the arguments are the reader's.

    An error that *chunks* raises is raised by the reader.
    """
