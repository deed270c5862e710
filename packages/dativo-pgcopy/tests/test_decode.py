"""Streams from bytes: cut anywhere, and changed on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dativo_pgcopy
import pyarrow as pa
import pytest

SCHEMA = pa.schema([("i", pa.int32()), ("t", pa.string())])
FORMATS = ("int4", "text")
SQL = "SELECT i, repeat('é', i % 50) AS t FROM generate_series(1, 2000) AS u(i)"


def read(chunks: Any, batches_of: Any) -> pa.Table:
    reader = dativo_pgcopy.decode(chunks, schema=SCHEMA, formats=FORMATS)
    return pa.Table.from_batches(batches_of(reader), SCHEMA)


@pytest.fixture
def stream(server: Any) -> bytes:
    stream = server.dump(SQL)
    assert isinstance(stream, bytes)
    return stream


@pytest.mark.parametrize("size", [1, 7, 1_000, 1 << 30])
def test_chunks_may_be_cut_anywhere(server: Any, stream: bytes, batches_of: Any, size: int) -> None:
    chunks = (stream[start : start + size] for start in range(0, len(stream), size))

    assert read(chunks, batches_of).equals(server.read(SQL, SCHEMA, FORMATS))


def test_chunks_may_be_empty_or_bytearrays(stream: bytes, batches_of: Any) -> None:
    assert read([b"", bytearray(stream), b""], batches_of).num_rows == 2_000


@pytest.mark.parametrize("length", [0, 5, 18, 19, 30, -3, -2, -1])
def test_stream_that_is_cut_short_is_malformed(stream: bytes, batches_of: Any, length: int) -> None:
    with pytest.raises(dativo_pgcopy.MalformedError, match="end before the trailer"):
        read([stream[:length]], batches_of)


@pytest.mark.parametrize("more", [b"\0", b"\xff\xff"])
def test_bytes_behind_the_trailer_are_malformed(
    stream: bytes, batches_of: Any, more: bytes
) -> None:
    with pytest.raises(dativo_pgcopy.MalformedError, match="behind the trailer"):
        read([stream, more], batches_of)


def test_text_that_is_not_utf8_is_malformed(stream: bytes, batches_of: Any) -> None:
    with pytest.raises(dativo_pgcopy.MalformedError, match="column 1"):
        read([stream.replace("é".encode(), b"\xc3\x28", 1)], batches_of)


def test_rows_of_other_columns_are_malformed(stream: bytes) -> None:
    reader = dativo_pgcopy.decode([stream], schema=pa.schema([]), formats=[])

    with pytest.raises(dativo_pgcopy.MalformedError, match="2 fields instead of 0"):
        reader.read_next_batch()


def test_value_of_another_length_is_malformed(stream: bytes) -> None:
    schema = pa.schema([("i", pa.int64()), ("t", pa.string())])
    reader = dativo_pgcopy.decode([stream], schema=schema, formats=("int8", "text"))

    with pytest.raises(dativo_pgcopy.MalformedError, match=r"column 0, row 0: .* wrong length"):
        reader.read_next_batch()


def test_error_of_the_chunks_is_passed_on(stream: bytes, batches_of: Any) -> None:
    def chunks() -> Iterator[bytes]:
        yield stream[:100]
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        read(chunks(), batches_of)


def test_chunk_that_is_no_bytes_is_a_type_error(batches_of: Any) -> None:
    with pytest.raises(TypeError):
        read(["PGCOPY"], batches_of)


def test_names_are_versioned() -> None:
    assert dativo_pgcopy.FORMAT_VERSION == 1
    assert dativo_pgcopy.__version__ == "0.1.0"
