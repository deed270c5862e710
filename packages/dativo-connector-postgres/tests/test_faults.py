from __future__ import annotations

import random
from typing import Any

import pyarrow as pa
import pytest

from dativo.errors import DativoError, NetworkError, ServiceUnavailableError
from dativo_test_support.postgres import Address, EmbeddedPostgres

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
    assert source.context.opened == ["snapshot"]


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
