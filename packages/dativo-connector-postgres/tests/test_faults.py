from __future__ import annotations

import random
import threading
import time
from typing import Any

import attrs
import pyarrow as pa
import pytest

from dativo.errors import DativoError, NetworkError, ServiceUnavailableError
from dativo_test_support.postgres import Address, EmbeddedPostgres
from dativo_test_support.proxy import FaultKind, TcpProxy

LARGE = "SELECT i AS id, repeat('x', 200) AS v FROM generate_series(1, 400000) i"


def drain(source: Any, data: Any, disturb: Any, *, after: int) -> DativoError:
    """Read *data*, disturb the server after some batches, and return the error that follows."""
    reader = pa.RecordBatchReader.from_stream(data)
    try:
        for number, _ in enumerate(reader):
            if number == after:
                disturb()
    except pa.ArrowException:
        error = source.context.errors.pop()
        assert isinstance(error, DativoError)
        return error
    raise AssertionError("the read went on as if nothing had happened")


def terminate_all(source: Any) -> None:
    source.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'dativo' AND datname = current_database()"
    )


@pytest.mark.parametrize("seed", range(4))
def test_terminated_sessions_give_a_retryable_error(source: Any, seed: int) -> None:
    after = random.Random(seed).randint(0, 10)
    source.context.batch_bytes = 200_000
    (batch,) = source.batches("large", query=LARGE)

    error = drain(source, batch.data, lambda: terminate_all(source), after=after)

    assert isinstance(error, ServiceUnavailableError | NetworkError), seed
    assert error.retryable
    assert error.stream == "large"
    source.context.close()
    assert source.sessions() == 0
    assert source.read("large", query=LARGE).num_rows == 400_000


def test_cancelled_statement_keeps_the_snapshot(source: Any) -> None:
    source.context.batch_bytes = 200_000
    (batch,) = source.batches("large", query=LARGE)
    cancel = (
        "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'dativo' "
        "AND state = 'active' AND datname = current_database()"
    )

    error = drain(source, batch.data, lambda: source.execute(cancel), after=1)

    assert error.retryable
    assert "canceling statement" in error.message
    (batch,) = source.batches("large", query=LARGE)
    source.context.read(batch.data)
    assert source.context.opened.count("snapshot") == 1


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["immediate", "fast"])
def test_server_that_stops_in_mid_read(source_of: Any, mode: Any) -> None:
    with EmbeddedPostgres() as server:
        source = source_of(server.address)
        source.context.batch_bytes = 200_000
        (batch,) = source.batches("large", query=LARGE)

        error = drain(source, batch.data, lambda: server.stop(mode), after=2)

        assert isinstance(error, ServiceUnavailableError | NetworkError)
        assert error.retryable
        assert error.stream == "large"
        with pytest.raises(NetworkError):
            list(source.batches("large", query=LARGE))
        server.start()
        source.context.close()
        assert source.read("large", query=LARGE).num_rows == 400_000
        assert source.sessions() == 0


def test_server_that_is_starting_is_retryable(source: Any, postgres_server: Any) -> None:
    address: Address = source.address
    postgres_server.execute(f"ALTER DATABASE {address.database} ALLOW_CONNECTIONS false")

    with pytest.raises(DativoError) as caught:
        source.read("q", query="SELECT 1 AS v")

    assert "not currently accepting connections" in caught.value.message


def test_snapshot_that_is_given_up_stops_its_readers_safely(source: Any) -> None:
    source.context.batch_bytes = 200_000
    first, second = (next(iter(source.batches(name, query=LARGE))) for name in ("one", "two"))
    reader = pa.RecordBatchReader.from_stream(first.data)
    reader.read_next_batch()
    source.context.close()

    with pytest.raises(pa.ArrowException, match="canceling statement"):
        reader.read_all()
    with pytest.raises(ServiceUnavailableError, match="the snapshot of the run is gone"):
        source.context.read(second.data)
    assert source.sessions() == 0
    assert source.read("again", query=LARGE).num_rows == 400_000


@pytest.mark.parametrize("is_cancelled", [False, True])
def test_closing_does_not_wait_for_a_server_that_does_not_answer(
    source: Any, source_of: Any, is_cancelled: bool
) -> None:
    address = source.address
    with TcpProxy(address.host, address.port) as proxy:
        behind = source_of(attrs.evolve(address, host=proxy.host, port=proxy.port))
        behind.context.batch_bytes = 200_000
        (batch,) = behind.batches("large", query=LARGE)
        reader = pa.RecordBatchReader.from_stream(batch.data)
        reader.read_next_batch()
        proxy.strike(FaultKind.DARKNESS)
        if is_cancelled:
            behind.context.cancel()
        closing = threading.Thread(target=behind.context.close, daemon=True)
        closing.start()
        closing.join(30)

        assert not closing.is_alive()
        proxy.heal()
        # What was cancelled hears of it now, and nothing is left.
        with pytest.raises(pa.ArrowException):
            reader.read_all()
    wait_until(lambda: source.sessions() == 0)


def wait_until(is_so: Any) -> None:
    deadline = time.monotonic() + 40
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.slow
def test_older_server_is_read_the_same_way(source_of: Any) -> None:
    with EmbeddedPostgres(major=16) as server:
        source = source_of(server.address)
        source.execute(
            "CREATE TABLE t (id int PRIMARY KEY, at timestamptz NOT NULL, n numeric(9,2), "
            "i interval, a int[], j jsonb, r int4multirange); "
            "INSERT INTO t SELECT i, now(), i, '1 day', ARRAY[i], '{}', '{[1,2)}' "
            "FROM generate_series(1, 100) i"
        )

        (stream,) = source.discover().values()
        table, state = source.read_on("public.t", None, mode="incremental", cursor="at")
        again, _ = source.read_on("public.t", state, mode="incremental", cursor="at")
        items = source.check(source.request("public.t"))

        assert stream.schema == table.schema
        assert (table.num_rows, again.num_rows) == (100, 0)
        assert all(item.error is None for item in items.values())
