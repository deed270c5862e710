"""What a run promises: nothing lost, nothing doubled, nothing half, whatever ends it."""

from __future__ import annotations

import os
import random
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import polars as pl
import psutil
import pyarrow.parquet as pq
import pytest
from dativo_command import Answer, Command, WorkFolder

from dativo_test_support.figures import figure
from dativo_test_support.plugins import scripted_connectors
from dativo_test_support.postgres import Address, EmbeddedPostgres
from dativo_test_support.shop import change_orders
from dativo_test_support.wheels import install

KILLS = figure(8, 60)
ORDERS, STOCK = "public.orders", "public.inventory"

Version = tuple[int, str]


def source_of(address: Address, **settings: Any) -> dict[str, Any]:
    config = {
        "host": address.host,
        "port": address.port,
        "database": address.database,
        "user": address.user,
        "password": "${env:SHOP_PASSWORD}",
    }
    return {"connector": "postgres", "config": {**config, **settings}}


def shop_job(address: Address) -> dict[str, Any]:
    return {
        "name": "shop_to_lake",
        "source": source_of(address),
        "streams": [
            {
                "name": ORDERS,
                "mode": "incremental",
                "cursor": "updated_at",
                "primary_key": ["id"],
                "columns": ["id", "updated_at", "status"],
                "write_mode": "append",
            },
            {"name": STOCK, "mode": "full", "columns": ["product_id", "warehouse", "quantity"]},
        ],
        "writer": {"connector": "parquet", "config": {"path": "./lake"}, "mode": "replace"},
        "run": {"parallelism": 2, "retries": 0},
    }


def numbers_job(**source: Any) -> dict[str, Any]:
    """Describe a job that takes its time and commits often."""
    config = {"rows": 2000, "batch_rows": 10, "delay_seconds": 0.05, **source}
    return {
        "name": "numbers_to_lake",
        "source": {"connector": "numbers", "config": config},
        "streams": [{"name": "numbers", "mode": "incremental"}],
        "writer": {"connector": "parquet", "config": {"path": "./lake"}, "mode": "append"},
        "run": {"epoch_rows": 50, "parallelism": 2, "retries": 0},
    }


@pytest.fixture
def shop_command(work: WorkFolder, shop_database: Address) -> Command:
    work.write_job(shop_job(shop_database))
    return Command(work.path, variables={"SHOP_PASSWORD": shop_database.password})


@pytest.fixture
def numbers_command(work: WorkFolder, tmp_path: Path) -> Command:
    work.write_job(numbers_job())
    return Command(work.path, site=(install(tmp_path / "site", scripted_connectors()),))


def epochs(work: WorkFolder, stream: str) -> dict[str, int]:
    """Return the rows of each visible epoch, by its folder."""
    folders = sorted((work.lake / stream).glob("epoch-*"))
    return {
        folder.name: sum(pq.read_metadata(file).num_rows for file in folder.rglob("*.parquet"))
        for folder in folders
    }


class Reader:
    """Reads the stock and counts the orders all the time, as a reader of the lake would."""

    def __init__(self, work: WorkFolder) -> None:
        self._work = work
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self.order_counts: set[int] = set()
        self.stock_levels: set[tuple[int, ...]] = set()
        self.stock_heights: set[int] = set()
        self.failures: list[str] = []
        self.reads = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(20)

    def _read(self) -> None:
        while not self._ended.wait(0.03):
            for look in (self._look_at_orders, self._look_at_stock):
                try:
                    look()
                except FileNotFoundError:
                    pass  # nothing is published yet, or a replace came between list and open
                except Exception as error:  # noqa: BLE001 - the test tells what it was
                    text = f"{type(error).__name__}: {error}"
                    if "No such file" not in text and "expanded paths were empty" not in text:
                        self.failures.append(text)

    def _look_at_orders(self) -> None:
        glob = self._work.glob(ORDERS)
        self.order_counts.add(pl.scan_parquet(glob).select(pl.len()).collect().item())
        self.reads += 1

    def _look_at_stock(self) -> None:
        found = pl.read_parquet(self._work.glob(STOCK), columns=["quantity"])["quantity"]
        self.stock_levels.add(tuple(sorted(found.unique().to_list())))
        self.stock_heights.add(len(found))
        self.reads += 1


def versions_in_source(shop: Address) -> set[Version]:
    sql = "SELECT id, (extract(epoch FROM updated_at) * 1000000)::bigint::text FROM orders"
    return {(int(key), str(at)) for key, at in shop.execute(sql)}


def versions_in_lake(work: WorkFolder) -> list[Version]:
    found = pl.read_parquet(work.glob(ORDERS), columns=["id", "updated_at"])
    at = found["updated_at"].dt.epoch("us")
    return [(int(key), str(value)) for key, value in zip(found["id"], at, strict=True)]


@pytest.mark.postgres
@pytest.mark.slow
def test_killed_runs_lose_nothing_and_double_nothing(
    shop_command: Command, work: WorkFolder, shop_database: Address
) -> None:
    seed = int(os.environ.get("DATIVO_TEST_SEED", secrets.randbelow(1_000_000)))
    print(f"DATIVO_TEST_SEED={seed}")  # noqa: T201 - pytest shows it when the test fails
    chance = random.Random(seed)
    delivered: set[Version] = set()
    level = 0
    shop_database.execute("UPDATE inventory SET quantity = 0")
    with Reader(work) as reader:
        for number in range(KILLS):
            change_orders(shop_database, changed=chance.randrange(200), added=chance.randrange(40))
            level += 1
            shop_database.execute(f"UPDATE inventory SET quantity = {level}")
            process = shop_command.start("run", "--json", "--verbose")
            kill_at_random(process, chance)
            if work.visible():
                check_lake(work, versions_in_source(shop_database) | delivered)
            if number % 4 == 3:
                shop_command("run", "--json", code=0)
                check_lake(work, versions_in_source(shop_database) | delivered)
                now = versions_in_lake(work)
                lost = versions_in_source(shop_database) - set(now)
                assert not lost, f"seed {seed}: lost {sorted(lost)[:5]}"
                delivered |= set(now)
                stock = pl.read_parquet(work.glob(STOCK))
                assert (stock.height, set(stock["quantity"])) == (6000, {level})
            delivered |= set(versions_in_lake(work)) if (work.lake / ORDERS).exists() else set()

    counts, sums = [0], 0
    for rows in epochs(work, ORDERS).values():
        sums += rows
        counts.append(sums)
    assert reader.failures == []
    assert reader.reads > 20
    assert reader.order_counts <= set(counts), f"seed {seed}: part of an epoch was visible"
    assert reader.stock_heights == {6000}, f"seed {seed}: part of a replace was visible"
    assert all(len(one) == 1 for one in reader.stock_levels), f"seed {seed}: a mix was visible"
    assert work.staged() == []


def kill_at_random(process: subprocess.Popen[str], chance: random.Random) -> None:
    """Kill at a random moment; two of three times after the run has opened its streams."""
    assert process.stderr is not None
    if chance.random() < 2 / 3:
        line = process.stderr.readline()
        while line and ": started" not in line and ": resumed" not in line:
            line = process.stderr.readline()
        time.sleep(chance.random() * 0.6)
    else:
        time.sleep(chance.random() * 1.5)
    process.kill()
    process.communicate()


def check_lake(work: WorkFolder, known: set[Version]) -> None:
    """No row twice, and none that the source never had."""
    if not (work.lake / ORDERS).exists():
        return
    found = versions_in_lake(work)
    assert len(found) == len(set(found)), "a row was published twice"
    assert set(found) <= known, "a row was published that the source never had"


@pytest.mark.postgres
def test_increments_bring_new_and_changed_rows_once(
    shop_command: Command, work: WorkFolder, shop_database: Address
) -> None:
    first = shop_command("run", "--json", code=0)
    change_orders(shop_database, changed=7, added=5)
    second = shop_command("run", "--json", code=0)
    third = shop_command("run", "--json", code=0)

    assert [answer.stream(ORDERS)["rows"] for answer in (first, second, third)] == [2000, 12, 0]
    assert [answer.stream(ORDERS)["epochs"] for answer in (first, second, third)] == [1, 1, 0]
    assert third.stream(STOCK)["epochs"] == 1
    found = versions_in_lake(work)
    assert len(found) == len(set(found)) == 2012
    assert versions_in_source(shop_database) <= set(found)
    only = shop_command("run", "--json", "-s", ORDERS, code=0)
    assert (only.document["rows"], only.stream(ORDERS)["outcome"]) == (0, "done")


@pytest.fixture
def transfers(postgres_database: Address) -> Iterator[Address]:
    """Money that somebody moves between two tables and within them, all the time."""
    postgres_database.execute(
        "CREATE TABLE left_bank (id int PRIMARY KEY, money bigint NOT NULL);"
        "CREATE TABLE right_bank (id int PRIMARY KEY, money bigint NOT NULL);"
        "CREATE TABLE journal (id bigserial PRIMARY KEY, moved bigint NOT NULL);"
        "INSERT INTO left_bank SELECT i, 1000 FROM generate_series(1, 500) i;"
        "INSERT INTO right_bank SELECT i, 1000 FROM generate_series(1, 500) i;"
    )
    ended = threading.Event()

    def move() -> None:
        chance = random.Random(7)
        with postgres_database.connect(autocommit=False) as connection:
            while not ended.is_set():
                amount = chance.randrange(1, 100)
                one, other = chance.randrange(1, 501), chance.randrange(1, 501)
                for sql, key in (
                    ("UPDATE left_bank SET money = money - %s WHERE id = %s", one),
                    ("UPDATE right_bank SET money = money + %s WHERE id = %s", other),
                ):
                    connection.execute(sql.encode(), [amount, key])
                connection.execute("INSERT INTO journal (moved) VALUES (%s)", [amount])
                connection.commit()
                time.sleep(0.002)

    thread = threading.Thread(target=move)
    thread.start()
    yield postgres_database
    ended.set()
    thread.join(20)


@pytest.mark.postgres
def test_all_streams_of_a_run_show_one_moment(work: WorkFolder, transfers: Address) -> None:
    dativo = Command(work.path, variables={"SHOP_PASSWORD": transfers.password})
    work.write_job(
        {
            "name": "banks",
            "source": source_of(transfers),
            "streams": [{"name": "public.*", "mode": "full", "options": {"partitions": 4}}],
            "writer": {"connector": "parquet", "config": {"path": "./lake"}, "mode": "replace"},
            "run": {"parallelism": 4, "require_one_snapshot": True},
        }
    )
    journal = []
    for _ in range(2):
        answer = dativo("run", "--json", code=0)

        assert answer.document["snapshots"] == 1
        left, right = (
            int(pl.read_parquet(work.glob(f"public.{side}_bank"))["money"].sum())
            for side in ("left", "right")
        )
        moved = int(pl.read_parquet(work.glob("public.journal"))["moved"].sum())
        assert (left + right, right - 500_000) == (1_000_000, moved)
        journal.append(moved)
    assert 0 < journal[0] < journal[1], "nobody wrote while the runs read"


@contextmanager
def long_run(dativo: Command, work: WorkFolder) -> Iterator[subprocess.Popen[str]]:
    """Run the numbers until some epochs are published and many are still to come."""
    with dativo.running("run", "--json") as process:
        deadline = time.monotonic() + 30
        while len(epochs(work, "numbers")) < 2:
            assert time.monotonic() < deadline, "nothing was published"
            assert process.poll() is None, "the run ended"
            time.sleep(0.02)
        yield process


def finish(dativo: Command, work: WorkFolder) -> Answer:
    """Let a second run complete what the first began, without its delays."""
    work.write_job(numbers_job(delay_seconds=0.0))
    return dativo("run", "--json", code=0)


def ids(work: WorkFolder) -> list[int]:
    return sorted(work.column("numbers", "id"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_keeps_committed_work(
    numbers_command: Command, work: WorkFolder, number: signal.Signals
) -> None:
    with long_run(numbers_command, work) as process:
        process.send_signal(number)
        started = time.monotonic()
        answer = numbers_command.finish(process)

        assert time.monotonic() - started < 10
    assert answer.code == 130, str(answer)
    assert answer.error["code"] == "INTERRUPTED"
    assert number.name in answer.error["message"]
    assert answer.stream("numbers")["outcome"] == "interrupted"
    kept = ids(work)
    assert kept == list(range(1, len(kept) + 1))
    assert 0 < len(kept) < 2000
    assert answer.stream("numbers")["rows"] == len(kept)
    assert work.leftovers() == []

    assert finish(numbers_command, work).stream("numbers")["rows"] == 2000 - len(kept)
    assert ids(work) == list(range(1, 2001))
    assert work.staged() == []


def test_a_second_signal_ends_the_run_at_once(
    numbers_command: Command, work: WorkFolder, tmp_path: Path
) -> None:
    folder = tmp_path / "failures"
    job = numbers_job(fail_at=151, hang=True, folder=str(folder), delay_seconds=0.0)
    work.write_job(job)
    with numbers_command.running("run", "--json") as process:
        deadline = time.monotonic() + 30
        while not folder.exists():
            assert time.monotonic() < deadline, "it never came to hang"
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        started = time.monotonic()
        process.wait(20)

        assert time.monotonic() - started < 2
        assert process.returncode == 130
    kept = ids(work)
    assert kept == list(range(1, 151))
    finish(numbers_command, work)
    assert ids(work) == list(range(1, 2001))


def test_a_driver_that_is_deaf_to_signals_does_not_keep_the_run(
    numbers_command: Command, work: WorkFolder, tmp_path: Path
) -> None:
    folder = tmp_path / "failures"
    work.write_job(numbers_job(fail_at=151, hang=True, folder=str(folder), delay_seconds=0.0))
    with numbers_command.running("run", "--json") as process:
        deadline = time.monotonic() + 30
        while not folder.exists():
            assert time.monotonic() < deadline, "it never came to hang"
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        started = time.monotonic()
        answer = numbers_command.finish(process)

        assert time.monotonic() - started < 12
    assert (answer.code, answer.error["code"]) == (130, "INTERRUPTED")


@pytest.mark.postgres
def test_a_signal_ends_a_slow_statement(work: WorkFolder, shop_database: Address) -> None:
    dativo = Command(work.path, variables={"SHOP_PASSWORD": shop_database.password})
    job = shop_job(shop_database)
    job["streams"] = [{"name": "slow", "query": "SELECT 1 AS one, pg_sleep(60)::text AS nothing"}]
    work.write_job(job)
    asleep = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND application_name = 'dativo' "
        "AND state = 'active' AND wait_event = 'PgSleep'"
    )
    with dativo.running("run", "--json") as process:
        deadline = time.monotonic() + 30
        while not shop_database.execute(asleep, [shop_database.database])[0][0]:
            assert time.monotonic() < deadline, "the statement never came"
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        started = time.monotonic()
        answer = dativo.finish(process)

        assert time.monotonic() - started < 10
    assert (answer.code, answer.error["code"]) == (130, "INTERRUPTED"), str(answer)
    deadline = time.monotonic() + 5
    while shop_database.execute(asleep, [shop_database.database])[0][0]:
        assert time.monotonic() < deadline, "the statement goes on without us"
        time.sleep(0.05)
    assert work.visible() == {}


@pytest.mark.postgres
def test_a_killed_run_leaves_no_session(
    work: WorkFolder, shop_database: Address, postgres_server: EmbeddedPostgres
) -> None:
    dativo = Command(work.path, variables={"SHOP_PASSWORD": shop_database.password})
    job = shop_job(shop_database)
    query = "SELECT i AS id, repeat(md5(i::text), 100) AS text FROM generate_series(1, 10000000) i"
    job["streams"] = [{"name": "endless", "query": query}]
    work.write_job(job)
    ours = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = %s AND application_name = 'dativo'"
    )
    with dativo.running("run") as process:
        deadline = time.monotonic() + 30
        while postgres_server.execute(ours, [shop_database.database])[0][0] < 2:
            assert time.monotonic() < deadline, "the sessions never came"
            time.sleep(0.05)
        time.sleep(0.3)
        process.kill()
        process.wait(10)
    deadline = time.monotonic() + 5
    while postgres_server.execute(ours, [shop_database.database])[0][0]:
        assert time.monotonic() < deadline, "a session outlives its run"
        time.sleep(0.05)
    assert work.visible() == {}


def test_a_second_run_of_a_job_is_told_who_holds_it(
    numbers_command: Command, work: WorkFolder
) -> None:
    with long_run(numbers_command, work) as process:
        before = len(epochs(work, "numbers"))
        second = numbers_command("run", "--json", code=60)
        text = numbers_command("run", code=60)

        assert process.poll() is None
        assert second.error["code"] == "STATE_LOCKED"
        assert second.error["retryable"]
        assert f"process {process.pid} on " in second.error["message"]
        assert second.error["details"]["pid"] == process.pid
        assert f"process {process.pid} on " in text.err
        assert "fix:" in text.err
        process.send_signal(signal.SIGTERM)
        assert numbers_command.finish(process).code == 130
    assert len(epochs(work, "numbers")) >= before
    finish(numbers_command, work)
    assert ids(work) == list(range(1, 2001))


def test_runs_that_start_at_once_publish_once(numbers_command: Command, work: WorkFolder) -> None:
    work.write_job(numbers_job(delay_seconds=0.005))

    answers = numbers_command.all(*[["run", "--json"]] * 3)

    codes = sorted(answer.code for answer in answers)
    assert codes.count(0) >= 1
    assert set(codes) <= {0, 60}
    assert ids(work) == list(range(1, 2001))


def test_a_run_from_a_second_folder_is_kept_out_by_the_lake(
    numbers_command: Command, work: WorkFolder, tmp_path: Path
) -> None:
    """Another checkout has another lock, so what keeps them apart lies with the data."""
    other = WorkFolder(tmp_path / "other")
    other.path.mkdir()
    job = numbers_job(delay_seconds=0.0)
    job["writer"]["config"]["path"] = str(work.lake)
    other.write_job(job)
    elsewhere = Command(other.path, site=numbers_command.site)
    with long_run(numbers_command, work) as process:
        second = elsewhere("run", "--json")
        process.send_signal(signal.SIGCONT)
        first = numbers_command.finish(process)

    assert sorted((first.code, second.code)) in ([0, 60], [60, 60]), f"{first}\n{second}"
    found = ids(work)
    assert found == list(range(1, len(found) + 1))


def test_a_run_has_no_child_that_outlives_it(numbers_command: Command, work: WorkFolder) -> None:
    with long_run(numbers_command, work) as process:
        children = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        process.wait(10)

    _, alive = psutil.wait_procs(children, timeout=2)
    assert alive == []


def test_a_lost_state_is_rebuilt_from_the_lake(numbers_command: Command, work: WorkFolder) -> None:
    with long_run(numbers_command, work) as process:
        process.kill()
        process.wait(10)
    for file in (work.path / ".dativo").glob("state.db*"):
        file.unlink()

    answer = finish(numbers_command, work)

    assert answer.stream("numbers")["recovered"]
    assert ids(work) == list(range(1, 2001))


def test_state_that_is_ahead_of_the_lake_is_an_error(
    numbers_command: Command, work: WorkFolder
) -> None:
    work.write_job(numbers_job(delay_seconds=0.0))
    numbers_command("run", code=0)
    newest = max((work.lake / "numbers").glob("epoch-*"))
    moved = work.path / newest.name
    newest.rename(moved)
    before = work.visible()

    answer = numbers_command("run", "--json", code=60)

    assert answer.error["code"] == "STATE"
    assert "--full-refresh" in answer.error["fix"]
    assert work.visible() == before
    moved.rename(newest)
    assert numbers_command("run", "--json", code=0).document["rows"] == 0
