"""Servers that lack what was read before: standbys that lag, older copies, other servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import pytest

from dativo.contract import Checkpoint
from dativo.errors import ServiceUnavailableError, StateError
from dativo_connector_postgres import _history, plan_read
from dativo_connector_postgres._history import Latest, Point, require_history
from dativo_test_support.postgres import EmbeddedPostgres
from dativo_test_support.standby import Standby

HERE = Point(system="7", timeline=2, lsn="A/10")

INCREMENT = {"mode": "incremental", "cursor": "at", "primary_key": ("id",)}


def read(source: Any, state: Checkpoint | None = None) -> tuple[list[int], Checkpoint]:
    table, checkpoint = source.read_on("public.t", state, **INCREMENT)
    assert checkpoint is not None
    return sorted(table["id"].to_pylist()), Checkpoint.from_json(checkpoint.to_json())


@pytest.fixture
def table(source: Any) -> Any:
    source.execute("CREATE TABLE t (id int PRIMARY KEY, at int NOT NULL)")
    source.execute("INSERT INTO t VALUES (1, 1), (2, 2)")
    return source


def moved(state: Checkpoint, **parts: Any) -> Checkpoint:
    """Return a checkpoint that was made elsewhere."""
    server: Any = state.value["server"]
    return attrs.evolve(state, value={**state.value, "server": {**server, **parts}})


def test_checkpoint_tells_the_server(table: Any) -> None:
    _, state = read(table)

    server: Any = state.value["server"]
    assert (server["system"],) in table.execute(
        "SELECT system_identifier::text FROM pg_control_system()"
    )
    assert server["timeline"] == 1
    assert table.execute(f"SELECT '{server['lsn']}'::pg_lsn <= pg_current_wal_lsn()") == [(True,)]


def test_role_without_privileges_can_tell(restricted: Any, table: Any, reader_role: str) -> None:
    table.execute(f"GRANT SELECT ON t TO {reader_role}")
    _, state = read(restricted)

    assert set(state.value["server"]) == {"system", "lsn", "timeline"}  # type: ignore[arg-type]


def test_empty_increment_leaves_the_checkpoint_as_it_is(table: Any) -> None:
    _, state = read(table)
    table.execute("CREATE TABLE other (id int); INSERT INTO other VALUES (1)")

    assert read(table, state) == ([], state)


def test_increment_that_waits_leaves_the_checkpoint_as_it_is(source: Any) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY, at timestamptz NOT NULL)")
    source.execute("INSERT INTO t VALUES (1, now() + interval '1 day')")
    _, state = read(source)
    source.execute("CREATE TABLE other (id int); INSERT INTO other VALUES (1)")

    assert read(source, state) == ([], state)


@pytest.mark.parametrize(
    ("elsewhere", "said"),
    [
        ({"system": "1"}, "the server is another one, system 7"),
        ({"lsn": "FFFFFFFF/0"}, "of its log; the last increment was read from system 7"),
        ({"timeline": 2}, "the server is on timeline 1 and not on 2 any more"),
        ({"timeline": 0, "lsn": "FFFFFFFF/0"}, "the server is on timeline 1 and not on 0 any more"),
    ],
)
def test_server_that_was_set_back_is_refused(
    table: Any, elsewhere: dict[str, Any], said: str
) -> None:
    _, state = read(table)
    late = moved(state, **elsewhere)

    with pytest.raises(StateError, match=said) as caught:
        read(table, late)
    with pytest.raises(StateError, match=said):
        plan_read(table.config, table.request("public.t", **INCREMENT), late, table.context)
    table.context.close()

    assert "it may lack records that are published" in caught.value.message
    assert "--full-refresh" in str(caught.value.fix)
    assert not caught.value.retryable
    assert caught.value.stream == "public.t"


def test_checkpoint_without_a_server_is_taken(table: Any) -> None:
    _, state = read(table)
    value = {name: part for name, part in state.value.items() if name != "server"}
    table.execute("INSERT INTO t VALUES (3, 3)")

    new, state = read(table, attrs.evolve(state, value=value))

    assert new == [3]
    assert "server" in state.value


def test_promotion_is_reported(table: Any) -> None:
    _, state = read(table)

    read(table, moved(state, timeline=0, lsn="0/0"))

    ((level, text),) = [one for one in table.context.logs if one[0] != "info"]
    assert level == "warning"
    assert "public.t: the server is on timeline 1 and not on 0 any more: a standby was" in text


def test_server_that_does_not_tell_where_it_is_is_read(
    table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, state = read(table)
    monkeypatch.setattr(_history, "_SYSTEM", "SELECT no_such_function()")

    new, later = read(table, moved(state, system="1"))
    found = plan_read(table.config, table.request("public.t", **INCREMENT), state, table.context)
    table.context.close()

    assert (new, later.value["server"]) == ([], {**state.value["server"], "system": "1"})  # type: ignore[dict-item]
    assert found.assumptions[-1].startswith("no server lacks what was read before")
    table.execute("INSERT INTO t VALUES (3, 3)")
    assert "server" not in read(table, state)[1].value


def test_points_that_are_not_known_are_not_compared() -> None:
    assert not Point().is_known
    assert Point().to_json() == {}
    assert not Point().is_before(HERE)
    assert not HERE.is_before(Point())
    Latest(HERE).require_not_behind(Point())


def test_positions_are_compared_as_numbers() -> None:
    assert Point(lsn="9/FF").is_before(HERE)
    assert Point(lsn="A/F").is_before(HERE)
    assert not Point(lsn="A/10").is_before(HERE)
    assert not Point(lsn="10/0").is_before(HERE)


@pytest.mark.parametrize("now", [Point(system="8", lsn="A/20"), Point(system="7", lsn="A/F")])
def test_run_does_not_go_on_with_a_server_that_is_behind(now: Point) -> None:
    with pytest.raises(ServiceUnavailableError, match="the connection leads to a server") as caught:
        Latest(HERE).require_not_behind(now)

    assert caught.value.retryable


def test_snapshot_that_is_taken_again_is_compared_with_the_first(
    table: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_before = iter(table.batches("public.t"))
    next(read_before)
    snapshot = table.context.resource("snapshot", list)
    table.context.discard("snapshot", snapshot)
    monkeypatch.setattr(_history, "_POSITION", "SELECT false, '0/1', '00000001'")

    with pytest.raises(ServiceUnavailableError, match="the connection leads to a server at 0/1"):
        next(iter(table.batches("public.t", columns=("id",), primary_key=("id",))))


@pytest.fixture(scope="module")
def primary() -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres() as server:
        yield server


@pytest.mark.slow
def test_standby_that_lags_is_refused_until_it_has_caught_up(
    primary: EmbeddedPostgres, source_of: Any
) -> None:
    source = source_of(primary.address)
    source.execute("CREATE TABLE t (id int PRIMARY KEY, at int NOT NULL)")
    with Standby(primary) as standby:
        behind = source_of(standby.address)
        standby.pause_replay()
        source.execute("INSERT INTO t VALUES (1, 1), (2, 2)")
        _, state = read(source)

        with pytest.raises(ServiceUnavailableError, match="is a standby that has") as caught:
            read(behind, state)
        assert not caught.value.retryable
        assert "Wait until it has caught up" in str(caught.value.fix)

        standby.resume_replay()
        assert read(behind, state) == ([], state)
        source.execute("INSERT INTO t VALUES (3, 3)")
        standby.catch_up()
        new, state = read(behind, state)
        assert new == [3]
        assert set(state.value["server"]) == {"system", "lsn"}  # type: ignore[arg-type]
        source.execute("INSERT INTO t VALUES (4, 4)")
        assert read(source, state)[0] == [4]
    source.execute("DROP TABLE t")


@pytest.mark.slow
def test_standby_does_not_pass_by_what_is_open_on_its_primary(
    primary: EmbeddedPostgres, source_of: Any
) -> None:
    source = source_of(primary.address, {"settle_timeout": 0})
    source.execute("CREATE TABLE t (id int PRIMARY KEY, at int NOT NULL)")
    source.execute("INSERT INTO t VALUES (1, 1)")
    with Standby(primary) as standby:
        replayed = source_of(standby.address, {"settle_timeout": 0})
        with primary.address.connect(autocommit=False) as late:
            late.execute("INSERT INTO t VALUES (2, 2)")
            source.execute("INSERT INTO t VALUES (3, 3)")
            delivered, state = read(source)
            standby.catch_up()
            new, state = read(replayed, state)
            delivered += new
        standby.catch_up()
        for _ in range(2):
            new, state = read(replayed, state)
            delivered += new

        assert sorted(delivered) == [1, 2, 3]
    source.execute("DROP TABLE t")


@pytest.mark.slow
def test_promoted_standby_that_lacks_what_was_read_is_refused(source_of: Any) -> None:
    with EmbeddedPostgres() as primary, Standby(primary) as standby:
        source = source_of(primary.address)
        source.execute("CREATE TABLE t (id int PRIMARY KEY, at int NOT NULL)")
        source.execute("INSERT INTO t VALUES (1, 1)")
        _, first = read(source)
        standby.catch_up()
        standby.cut_off()
        source.execute("CREATE TABLE u AS SELECT generate_series(1, 20000) i")
        source.execute("INSERT INTO t VALUES (2, 2)")
        _, second = read(source, first)
        copy = source_of(standby.address)
        with pytest.raises(ServiceUnavailableError, match="is a standby that has replayed"):
            read(copy, second)

        standby.promote()

        with pytest.raises(StateError, match="is on timeline 2 and not on 1 any more"):
            read(copy, second)
        standby.execute("INSERT INTO t VALUES (20, 2)")
        assert read(copy, first)[0] == [20]
        assert "a standby was promoted" in copy.context.logs[-1][1]


def test_contexts_hear_nothing_of_a_server_that_went_on(table: Any) -> None:
    state = Checkpoint({"server": {"system": "7", "timeline": 2, "lsn": "A/F"}})

    require_history(HERE, state, stream="public.t", context=table.context)

    assert [one for one in table.context.logs if one[0] != "info"] == []
