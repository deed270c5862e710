"""What the server is left with: no session of a client that is gone, no time limit of a role."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

CLIENT = """
import sys
from dativo.contract import Secret, StreamRequest
from dativo_connector_postgres import PostgresConfig, extract
from dativo_test_support.context import FakeContext
import pyarrow as pa

host, port, user, password, database, query = sys.argv[1:]
config = PostgresConfig(
    host=host, port=int(port), user=user, password=Secret(password), database=database
)
context = FakeContext(batch_bytes=100_000)
(batch,) = extract(config, StreamRequest(stream="q", query=query), None, context)
reader = pa.RecordBatchReader.from_stream(batch.data)
print("ready", flush=True)
reader.read_next_batch()
print("reading", flush=True)
sys.stdin.read()
"""

LONG = "SELECT i, repeat('x', 1000) AS v FROM generate_series(1, 10000000) i"
COMPUTING = "SELECT count(*) AS n FROM generate_series(1, 100000) a, generate_series(1, 10000000) b"


@pytest.mark.parametrize(("query", "said"), [(LONG, "reading"), (COMPUTING, "ready")])
def test_server_ends_the_sessions_of_a_client_that_was_killed(
    source: Any, query: str, said: str
) -> None:
    source.execute(
        f"ALTER DATABASE {source.address.database} SET client_connection_check_interval = '1h'"
    )
    address = source.address
    given = [address.host, str(address.port), address.user, address.password, address.database]
    with subprocess.Popen(
        [sys.executable, "-c", CLIENT, *given, query],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONWARNINGS": "ignore"},
    ) as client:
        assert client.stdout is not None
        while said not in client.stdout.readline():
            assert client.poll() is None
        wait_until(lambda: active(source) == 1)
        client.send_signal(signal.SIGKILL)

    wait_until(lambda: source.sessions() == 0)


def test_time_limits_of_the_role_do_not_end_a_snapshot(source: Any) -> None:
    name = source.address.database
    source.execute(
        f"ALTER DATABASE {name} SET transaction_timeout = '1s'; "
        f"ALTER DATABASE {name} SET idle_session_timeout = '1s'; "
        f"ALTER DATABASE {name} SET idle_in_transaction_session_timeout = '1s'"
    )
    query = "SELECT 1 AS v"
    batches = [next(iter(source.batches(stream, query=query))) for stream in ("a", "b")]
    assert source.context.read(batches[0].data).num_rows == 1
    time.sleep(1.5)

    assert source.context.read(batches[1].data).num_rows == 1


def test_settings_that_a_server_does_not_know_are_left_out(
    source: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dativo_connector_postgres import _client

    monkeypatch.setitem(_client._OPTIONAL, "no_such_setting", "0")

    assert source.read("q", query="SELECT 1 AS v").num_rows == 1


def active(source: Any) -> int:
    sql = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dativo' "
        "AND datname = current_database() AND state = 'active' AND query LIKE '%generate_series%'"
    )
    return int(source.execute(sql)[0][0])


def wait_until(is_so: Any) -> None:
    deadline = time.monotonic() + 40
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)
