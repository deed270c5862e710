"""The source's own count of what a reader holds, and what its readers leave behind.

The ADBC driver does not pass on how many rows the server says that it sent, so the server counts
tables once more; ``test_compiled.py`` has the reader that knows it.
"""

from __future__ import annotations

import threading
import time
from typing import Any

import pyarrow as pa
import pytest

from dativo.contract import Batch
from dativo.errors import DativoError, NetworkError, RunInterruptedError, ServiceUnavailableError
from dativo_connector_postgres import _parts, _read


def counted(batch: Batch) -> int:
    assert callable(batch.rows)
    return batch.rows()


@pytest.fixture
def table(source: Any) -> Any:
    source.execute(
        "CREATE TABLE t (id int PRIMARY KEY, at int); "
        "INSERT INTO t SELECT i, i FROM generate_series(1, 3000) i; "
        "CREATE VIEW v AS SELECT * FROM t; CREATE MATERIALIZED VIEW m AS SELECT * FROM t"
    )
    return source


def lossy(session: Any, plan: Any, batch: pa.RecordBatch) -> pa.RecordBatch:
    """Lose the last row of every batch, as a bug in the conversion would."""
    return _read_finished(session, plan, batch).slice(0, batch.num_rows - 1)


_read_finished = _read._finished


@pytest.mark.parametrize(
    ("stream", "parts"),
    [
        ("public.t", {}),
        ("public.t", {"where": "id % 3 = 0"}),
        ("public.t", {"mode": "incremental", "cursor": "at"}),
        ("public.t", {"mode": "incremental", "cursor": "at", "lower": "10", "upper": "20"}),
        ("public.v", {}),
        ("public.m", {}),
        ("q", {"query": "SELECT * FROM t"}),
    ],
)
def test_rows_that_get_lost_on_our_side_are_missed(
    table: Any, stream: str, parts: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    (batch,) = table.batches(stream, **parts)
    assert table.context.read(batch.data).num_rows == counted(batch)

    monkeypatch.setattr(_read, "_finished", lossy)
    (batch,) = table.batches(stream, **parts)
    assert table.context.read(batch.data).num_rows == counted(batch) - 1


@pytest.fixture
def asked(table: Any) -> Any:
    """The source where the server is asked for its count."""
    table.settings["reader"] = "adbc"
    return table


def test_batch_that_the_driver_drops_is_missed_in_tables(
    asked: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dativo_connector_postgres._adbc import AdbcSession

    read = AdbcSession.read

    def without_first(self: AdbcSession, *wanted: Any) -> Any:
        return list(read(self, *wanted))[1:]

    monkeypatch.setattr(AdbcSession, "read", without_first)
    asked.context.batch_bytes = 4000
    (batch,) = asked.batches("public.t")

    assert asked.context.read(batch.data).num_rows < counted(batch) == 3000


def test_each_part_is_counted_in_the_snapshot(asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_parts, "_SMALLEST_PART_PAGES", 1)
    batches = list(asked.batches("public.t"))
    asked.execute("DELETE FROM t WHERE id < 1000; INSERT INTO t VALUES (-1), (-2)")

    found = [(asked.context.read(batch.data).num_rows, counted(batch)) for batch in batches]
    assert len(found) > 1
    assert all(arrived == own for arrived, own in found)
    assert sum(own for _, own in found) == 3000
    assert asked.context.notes.count("counting public.t") == len(found)


def test_count_stops_when_the_run_is_cancelled(asked: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    (batch,) = asked.batches("public.t", where="id > 0")
    asked.context.read(batch.data)
    select = "SELECT count(*) FROM t a, t b, t c, t d"
    monkeypatch.setattr(
        "dativo_connector_postgres._plan.StreamPlan.select", lambda *_, **__: select
    )
    failed: list[DativoError] = []

    def count() -> None:
        try:
            counted(batch)
        except DativoError as error:
            failed.append(error)

    thread = threading.Thread(target=count)
    thread.start()
    wait_until(lambda: active(asked) == 1)
    asked.context.cancel()
    thread.join(30)

    assert isinstance(failed[0], RunInterruptedError)
    asked.context.close()
    assert asked.sessions() == 0
    with pytest.raises(RunInterruptedError):
        counted(batch)


def test_count_of_a_session_that_is_terminated_is_retryable(asked: Any) -> None:
    (batch,) = asked.batches("public.t")
    asked.context.read(batch.data)
    asked.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = 'dativo' AND datname = current_database()"
    )

    with pytest.raises((NetworkError, ServiceUnavailableError)) as caught:
        counted(batch)
    assert caught.value.retryable
    assert caught.value.stream == "public.t"


def test_statement_timeout_of_a_count_is_located(asked: Any) -> None:
    asked.settings["statement_timeout"] = 0.2
    (batch,) = asked.batches("public.t")
    asked.context.read(batch.data)
    with asked.address.connect(autocommit=False) as blocker:
        blocker.execute("SELECT 1")
        with pytest.raises(DativoError, match="statement timeout") as caught:
            counted(slow(asked))
    assert caught.value.retryable
    assert "statement_timeout" in caught.value.fix
    assert counted(batch) == 3000


def slow(table: Any) -> Batch:
    (batch,) = table.batches("public.t", where="pg_sleep(0.001) IS NOT NULL")
    assert isinstance(batch, Batch)
    return batch


def active(source: Any) -> int:
    sql = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dativo' "
        "AND datname = current_database() AND state = 'active'"
    )
    return int(source.execute(sql)[0][0])


def wait_until(is_so: Any) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)
