"""The reader on a connection: batches, streams, errors of the server, cancelling."""

from __future__ import annotations

import re
import sys
import threading
import time
from contextlib import closing
from typing import Any

import dativo_pgcopy
import pyarrow as pa
import pytest

NUMBERS = pa.schema([("i", pa.int64())])


def series(rows: int) -> str:
    return f"SELECT i::int8 FROM generate_series(1, {rows}) AS t(i)"


def sleep_after_a_row(seconds: float) -> str:
    """The first row is so long that the server sends it at once, and with it that rows follow."""
    return (
        f"SELECT CASE i WHEN 1 THEN repeat('x', 100000) ELSE pg_sleep({seconds})::text END "
        "FROM generate_series(1, 2) AS t(i)"
    )


def test_batches_end_at_the_number_of_rows(server: Any, batches_of: Any) -> None:
    reader = server.reader(series(2_500), NUMBERS, ["int8"], batch_rows=1_000)

    batches = batches_of(reader)

    assert [len(batch) for batch in batches] == [1_000, 1_000, 500]
    assert [value for batch in batches for value in batch["i"].to_pylist()] == [*range(1, 2_501)]
    assert reader.read_next_batch() is None
    assert server.results() == [("COMMAND_OK", "")]


def test_batches_end_at_the_number_of_bytes(server: Any, batches_of: Any) -> None:
    reader = server.reader(series(10_000), NUMBERS, ["int8"], batch_bytes=16_000)

    sizes = [len(batch) for batch in batches_of(reader)]

    assert sum(sizes) == 10_000
    assert {size // 128 for size in sizes[:-1]} == {16_000 // 8 // 128 + 1}


def test_query_without_rows_has_no_batch(server: Any) -> None:
    assert server.read(series(0), NUMBERS, ["int8"]).num_rows == 0


def test_query_without_columns_has_rows(server: Any, batches_of: Any) -> None:
    reader = server.reader("SELECT FROM generate_series(1, 3)", pa.schema([]), [])

    assert [batch.num_rows for batch in batches_of(reader)] == [3]


def test_a_table_as_wide_as_postgres_allows(server: Any) -> None:
    names = [f"c{number}" for number in range(1_600)]
    columns = ", ".join(f"(i + {number})::int2" for number in range(1_600))
    schema = pa.schema([(name, pa.int16()) for name in names])

    table = server.read(
        f"SELECT {columns} FROM generate_series(1, 300) AS t(i)", schema, ["int2"] * 1_600
    )

    assert [table[name][299].as_py() for name in names] == [*range(300, 1_900)]


def test_rows_larger_than_any_batch(server: Any) -> None:
    sql = "SELECT repeat('x', 5000000 + i) FROM generate_series(1, 3) AS t(i)"

    table = server.read(sql, pa.schema([("t", pa.string())]), ["text"], batch_bytes=1_000)

    assert [len(text.as_py()) for text in table["t"]] == [5_000_001, 5_000_002, 5_000_003]


def test_metadata_and_names_of_items_are_those_of_the_schema(server: Any) -> None:
    item = pa.field("element", pa.uuid(), metadata={"a": "b"})
    field = pa.field("l", pa.list_(item), metadata={"postgres:type": "uuid[]"})
    schema = pa.schema([field], metadata={"c": "d"})

    table = server.read("SELECT array[gen_random_uuid()] AS l", schema, ["list<uuid>"])

    assert table.schema.equals(schema, check_metadata=True)


def test_stream_is_read_by_its_consumer(server: Any) -> None:
    reader = server.reader(series(5_000), NUMBERS, ["int8"], batch_rows=2_000)

    table = pa.table(reader)

    assert table["i"].to_pylist() == [*range(1, 5_001)]
    assert reader.take_failure() is None
    assert server.results() == [("COMMAND_OK", "")]


def test_failure_of_a_stream_can_be_taken_once(server: Any) -> None:
    schema = pa.schema([("d", pa.date32())])
    reader = server.reader("SELECT date 'infinity' AS d", schema, ["date"])

    with pytest.raises(pa.ArrowException, match="infinity is no date"):
        pa.table(reader)
    failure = reader.take_failure()

    assert isinstance(failure, dativo_pgcopy.ValueRefusedError)
    assert (failure.column, failure.row) == (0, 0)
    assert reader.take_failure() is None


def test_error_of_the_server_stops_the_rows(server: Any) -> None:
    reader = server.reader(
        "SELECT 1 / (5000 - i) FROM generate_series(1, 9000) AS t(i)",
        pa.schema([("i", pa.int32())]),
        ["int4"],
        batch_rows=1_000,
    )

    for _ in range(4):
        assert reader.read_next_batch().num_rows == 1_000
    with pytest.raises(dativo_pgcopy.CopyStoppedError, match="ask the connection"):
        reader.read_next_batch()

    assert server.results() == [("FATAL_ERROR", "ERROR:  division by zero")]
    assert server.execute("SELECT 1") == [(1,)]


def test_lost_connection_stops_the_rows(server: Any, batches_of: Any) -> None:
    ((pid,),) = server.execute("SELECT pg_backend_pid()")
    reader = server.reader(series(10_000_000), NUMBERS, ["int8"])
    assert reader.read_next_batch().num_rows > 0

    server.address.execute("SELECT pg_terminate_backend(%s)", [pid])
    with pytest.raises(dativo_pgcopy.CopyStoppedError):
        batches_of(reader)

    assert {state for state, _ in server.results()} == {"FATAL_ERROR"}


def test_cancelling_from_another_thread_ends_a_read(server: Any) -> None:
    reader = server.reader(sleep_after_a_row(60), pa.schema([("t", pa.string())]), ["text"])
    errors: list[BaseException] = []

    def read() -> None:
        try:
            reader.read_next_batch()
        except dativo_pgcopy.CopyStoppedError as error:
            errors.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    while not errors:
        server.connection.cancel_safe()
        thread.join(0.05)
    thread.join()

    ((state, message),) = server.results()
    assert (state, "canceling statement due to user request" in message) == ("FATAL_ERROR", True)


def test_other_threads_run_while_rows_are_awaited(server: Any) -> None:
    reader = server.reader(sleep_after_a_row(0.5), pa.schema([("t", pa.string())]), ["text"])
    turns = 0
    thread = threading.Thread(target=reader.read_next_batch)
    thread.start()
    while thread.is_alive():
        turns += 1
        time.sleep(0.001)

    assert turns > 10
    assert server.results() == [("COMMAND_OK", "")]


def test_closed_connection_is_noticed(server: Any) -> None:
    reader = server.reader(series(10), NUMBERS, ["int8"])
    server.connection.close()

    with pytest.raises(ValueError, match="the connection is closed"):
        reader.read_next_batch()
    with pytest.raises(ValueError, match="the connection is closed"):
        pa.table(reader)


def test_connection_lives_as_long_as_its_reader(server: Any) -> None:
    counts = [sys.getrefcount(server.connection.pgconn)]
    reader = server.reader_of_rows(NUMBERS, ["int8"])
    counts.append(sys.getrefcount(server.connection.pgconn))
    del reader
    counts.append(sys.getrefcount(server.connection.pgconn))

    assert [count - counts[0] for count in counts] == [0, 1, 0]


def test_connection_that_is_not_copying_has_no_rows(server: Any) -> None:
    reader = server.reader_of_rows(NUMBERS, ["int8"])

    with pytest.raises(dativo_pgcopy.CopyStoppedError):
        reader.read_next_batch()


@pytest.mark.parametrize(
    ("arrow", "formats", "others", "what"),
    [
        (pa.int64(), [], {}, "0 formats for 1 fields"),
        (pa.int64(), ["int4"], {}, 'column 0 ("v"): the format "int4" does not become Int64'),
        (pa.int64(), ["int9"], {}, 'the format "int9" does not become Int64'),
        (pa.int64(), ["int8"], {"nullify": [1]}, "there is no column 1 to nullify"),
        (pa.int64(), ["int8"], {"batch_rows": 0}, "at least one row"),
        (pa.int64(), ["int8"], {"batch_bytes": 0}, "at least one row and one byte"),
        (pa.list_(pa.list_(pa.int32())), ["list<list<int4>>"], {}, "does not become List"),
        (pa.list_(pa.int32()), ["int4"], {}, "does not become List"),
        (pa.decimal128(5, -2), ["numeric"], {}, "does not become Decimal128"),
        (pa.decimal128(18, 2), ["money"], {}, "does not become Decimal128"),
        (pa.timestamp("ms"), ["timestamp"], {}, "does not become Timestamp"),
        (pa.timestamp("us"), ["timestamptz"], {}, "does not become Timestamp"),
        (pa.string(), ["range<text>"], {}, "does not become Utf8"),
    ],
)
def test_layout_is_checked_before_anything_is_read(
    arrow: pa.DataType, formats: list[str], others: dict[str, Any], what: str
) -> None:
    schema = pa.schema([("v", arrow)])

    with pytest.raises(ValueError, match=re.escape(what)):
        dativo_pgcopy.decode([], schema=schema, formats=formats, **others)


def test_database_in_another_encoding_is_asked_for_utf8(server: Any, postgres_server: Any) -> None:
    postgres_server.execute("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'")
    try:
        with closing(postgres_server.address_of("latin").connect()) as connection:
            server.connection.close()
            server.connection = connection
            server.execute("SET client_encoding = 'UTF8'")
            table = server.read("SELECT 'é' AS t", pa.schema([("t", pa.string())]), ["text"])
    finally:
        postgres_server.drop_database("latin")

    assert table["t"].to_pylist() == ["é"]
