"""Arrow in the engine: lazy readers of Python code, the counting tap, schemas as text.

Batches pass through untouched; nothing here converts a value.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TYPE_CHECKING, Protocol

import arro3.core as arro3

from dativo.contract import ArrowArray, ArrowSchema, ArrowStream
from dativo.engine._capsules import Export, export_stream, import_batches
from dativo.errors import ContractViolationError, DataValidationError

if TYPE_CHECKING:
    from dativo.engine._views import Field

__all__ = ["LazyReader", "Tap", "changed_fields", "fields_of", "lazy", "read_schema"]


class LazyReader:
    """A stream of record batches made by Python code, pulled when the consumer pulls.

    An exception in the Python code reaches an Arrow consumer as text without a cause; it is kept
    in :attr:`error` for whoever knows this reader.
    """

    def __init__(self, schema: ArrowSchema, batches: Iterable[ArrowArray]) -> None:
        self.schema = read_schema(schema)
        self.error: BaseException | None = None
        self._batches = batches
        self._is_taken = False
        self._export: Export | None = None

    def __arrow_c_schema__(self) -> object:
        return self.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Export the stream; *requested_schema* is a wish that the interface allows to ignore."""
        capsule, self._export = export_stream(self.schema, self.batches())
        return capsule

    def batches(self) -> Generator[ArrowArray, None, None]:
        """Pull in Python, without a detour over the C interface."""
        if self._is_taken:
            msg = "a lazy reader can be read once"
            raise ContractViolationError(msg)
        self._is_taken = True
        return self._pull()

    def close(self) -> None:
        """Give up a stream that was handed out, if its consumer has not drained it."""
        if self._export is not None:
            self._export.close()

    def _pull(self) -> Generator[ArrowArray, None, None]:
        try:
            # A generator that is not drained is closed with this one (yield from does that).
            yield from self._batches
        except GeneratorExit:
            raise
        except BaseException as error:
            self.error = error
            raise


class _Counter(Protocol):
    def __call__(self, rows: int, size_bytes: int, /) -> None: ...


class _Change(Protocol):
    @property
    def schema(self) -> arro3.Schema: ...

    def apply(self, batch: ArrowArray, /) -> arro3.RecordBatch: ...


class Tap:
    """Passes a stream on to the writer, changed or not, and counts what goes by.

    Args:
        data: What the source yielded.
        change: What becomes of each record batch; ``None`` for nothing.
        tell: Called with rows and bytes of each record batch.
        check: Called before each pull; it raises to stop.
    """

    def __init__(
        self,
        data: ArrowStream,
        *,
        tell: _Counter,
        check: Callable[[], None],
        change: _Change | None = None,
    ) -> None:
        self.rows = 0
        self.size_bytes = 0
        self._tell = tell
        self._check = check
        self._change = change
        self._stopped: BaseException | None = None
        self._reader = lazy(data)
        self._out = LazyReader(self.schema, self._count())

    @property
    def schema(self) -> arro3.Schema:
        """The schema of what passes."""
        return self._reader.schema if self._change is None else self._change.schema

    @property
    def error(self) -> BaseException | None:
        """The exception of the source or of a change, if it is what ended the stream."""
        return self._reader.error or self._stopped

    def __arrow_c_schema__(self) -> object:
        return self._out.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._out.__arrow_c_stream__(requested_schema)

    def batches(self) -> Generator[ArrowArray, None, None]:
        """Pull in Python what passes."""
        return self._out.batches()

    def close(self) -> None:
        """Forget a stream that the writer has not drained, and with it the source's reader."""
        self._out.close()

    def _count(self) -> Iterator[ArrowArray]:
        for batch in self._reader.batches():
            record_batch = arro3.RecordBatch.from_arrow(batch)
            if not record_batch.schema.equals(self._reader.schema):
                self._stopped = _changed(self._reader.schema, record_batch.schema)
                raise self._stopped
            passed = batch
            if self._change is not None:
                passed = record_batch = self._changed(self._change, record_batch)
            self.rows += record_batch.num_rows
            self.size_bytes += record_batch.nbytes
            self._tell(record_batch.num_rows, record_batch.nbytes)
            yield passed
            try:
                self._check()
            except BaseException as error:
                self._stopped = error
                raise

    def _changed(self, change: _Change, batch: arro3.RecordBatch) -> arro3.RecordBatch:
        try:
            return change.apply(batch)
        except BaseException as error:
            self._stopped = error
            raise


def read_schema(schema: ArrowSchema) -> arro3.Schema:
    """Return *schema* as the core's own Arrow library has it.

    Raises:
        ContractViolationError: It is no Arrow schema.
    """
    try:
        return arro3.Schema.from_arrow(schema)
    except Exception as error:
        msg = f"not an Arrow schema: {type(schema).__name__}"
        raise ContractViolationError(msg) from error


def fields_of(schema: ArrowSchema | None) -> tuple[Field, ...]:
    """Return the fields of *schema* with their types as text; none where there is no schema."""
    from dativo.engine._views import Field  # noqa: PLC0415 - no run shows fields

    if schema is None:
        return ()
    fields = [read_schema(schema).field(i) for i in range(len(read_schema(schema).names))]
    return tuple(Field(field.name, type_text(field), field.nullable) for field in fields)


def changed_fields(expected: arro3.Schema, actual: arro3.Schema) -> str:
    """Name the fields in which two schemas differ."""
    before, after = dict(_types(expected)), dict(_types(actual))
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    return ", ".join(names) or "metadata"


def type_text(field: arro3.Field) -> str:
    """Return the type of *field*: the extension's name where it has one, else Arrow's."""
    extension = field.metadata_str.get("ARROW:extension:name")
    if extension:
        return extension
    text = repr(field.type).strip()
    return text.removeprefix("arro3.core.DataType<").removesuffix(">").lower()


def lazy(data: object) -> LazyReader:
    """Return *data* as a reader that is pulled in Python: itself, or one around a native stream.

    Raises:
        ContractViolationError: It is no Arrow stream.
    """
    if isinstance(data, LazyReader):
        return data
    if not isinstance(data, ArrowStream):
        msg = f"a batch must have __arrow_c_stream__; got {type(data).__name__}"
        raise ContractViolationError(msg)
    schema, batches = import_batches(data)
    return LazyReader(schema, batches)


def _changed(expected: arro3.Schema, actual: arro3.Schema) -> DataValidationError:
    names = changed_fields(expected, actual)
    return DataValidationError(f"a record batch does not have the schema of its stream: {names}")


def _types(schema: arro3.Schema) -> Iterator[tuple[str, str]]:
    for field in fields_of(schema):
        yield field.name, f"{field.type}{'' if field.nullable else ' not null'}"
