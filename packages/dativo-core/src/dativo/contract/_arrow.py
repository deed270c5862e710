"""The Arrow PyCapsule protocols: how tabular data crosses a hook without anybody's library."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

__all__ = ["ArrowArray", "ArrowSchema", "ArrowStream"]


@runtime_checkable
class ArrowSchema(Protocol):
    """Names, types and metadata of fields: a pyarrow, arro3 or polars schema."""

    def __arrow_c_schema__(self) -> object:
        """Export the schema as a PyCapsule."""
        ...


@runtime_checkable
class ArrowStream(Protocol):
    """A table of any length: a polars frame, a pyarrow table or a lazy record batch reader."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Export the stream as a PyCapsule; a lazy reader can be exported once.

        *requested_schema* is a wish, which may be ignored.
        """
        ...


@runtime_checkable
class ArrowArray(Protocol):
    """One record batch in memory."""

    def __arrow_c_array__(self, requested_schema: object = None) -> tuple[object, object]:
        """Export the batch as a pair of PyCapsules: schema and array.

        *requested_schema* is a wish, which may be ignored.
        """
        ...
