"""What a run and a check do when the source or the target is not as the job says."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import polars as pl
import pytest
from dativo_command import Command, WorkFolder
from shop_job import BOTH, CUSTOMERS, ORDERS, PASSWORD, SETUP, Scene, job_of

from dativo_test_support.postgres import Address, EmbeddedPostgres

pytestmark = pytest.mark.postgres

VARIABLES = {"SHOP_PASSWORD": PASSWORD}

# Root may write everywhere; without these capabilities it is an ordinary user in this respect.
_NO_OVERRIDE = """
import ctypes, os, sys
if os.geteuid() == 0:
    for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
        if ctypes.CDLL(None).prctl(24, capability, 0, 0, 0) != 0:  # PR_CAPBSET_DROP
            sys.exit("cannot drop capabilities")
os.execv(sys.argv[1], sys.argv[1:])
"""
ORDINARY = (sys.executable, "-c", _NO_OVERRIDE)

_FILE_LIMIT = """
import os, resource, sys
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
os.execv(sys.argv[2], sys.argv[2:])
"""


@pytest.fixture(scope="module")
def shop(postgres_server: EmbeddedPostgres) -> Iterator[Address]:
    """A database whose tables tests break and mend."""
    name = f"bad_input_{secrets.token_hex(4)}"
    address = postgres_server.create_database(name)
    address.execute(SETUP)
    yield address
    postgres_server.drop_database(name)


@pytest.fixture(scope="module")
def published(shop: Address, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job folder whose first run has succeeded."""
    work = WorkFolder(tmp_path_factory.mktemp("published") / "work")
    work.path.mkdir()
    work.write_job(job_of(shop))
    Command(work.path, variables=VARIABLES)("run", code=0)
    return work.path


@pytest.fixture
def scene(shop: Address, published: Path, tmp_path: Path) -> Scene:
    """A copy of that folder, and a database that it fits to."""
    work = WorkFolder(tmp_path / "work")
    shutil.copytree(published, work.path)
    shop.execute("DELETE FROM orders WHERE id > 3000")
    return Scene(work, Command(work.path, variables=VARIABLES), shop)


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_host_name_that_nobody_has(scene: Scene) -> None:
    scene.forget()
    scene.configure(host="nowhere.invalid")

    scene.fails("NETWORK", 22, says="nowhere.invalid", fix="Check")
    scene.recovers(rows=3001)


def test_another_host_than_that_of_the_checkpoint(scene: Scene) -> None:
    scene.configure(host="localhost")
    before = scene.published(ORDERS)

    answer = scene.dativo("run", "--json", "-s", ORDERS, code=60)

    assert answer.error["code"] == "STATE"
    assert "source.host is another one" in answer.error["message"]
    assert "--full-refresh" in answer.error["fix"]
    assert scene.published(ORDERS) == before
    scene.recovers()


def test_port_that_nobody_listens_on(scene: Scene) -> None:
    port = closed_port()
    scene.configure(port=port)

    scene.fails("NETWORK", 22, says=f"{port}", fix="Check")


def test_wrong_password(scene: Scene) -> None:
    scene.dativo = Command(scene.work.path, variables={"SHOP_PASSWORD": "not the password"})

    scene.fails("INVALID_CREDENTIALS", 20, says="reader", fix="user and the secret", plain=True)
    scene.dativo = Command(scene.work.path, variables=VARIABLES)
    scene.recovers()


def test_database_that_does_not_exist(scene: Scene) -> None:
    scene.forget()
    scene.configure(database="no_such_database")

    scene.fails("RESOURCE_NOT_FOUND", 10, says="no_such_database", fix="Check `database`")


def test_tls_that_the_server_does_not_offer(scene: Scene) -> None:
    scene.configure(sslmode="require")

    scene.fails("AUTHENTICATION", 20, says="SSL", fix="sslmode")


def test_table_that_is_gone(scene: Scene) -> None:
    scene.shop.execute("ALTER TABLE orders RENAME TO orders_moved")
    try:
        scene.fails(
            "RESOURCE_NOT_FOUND", 10, says="orders", fix="discover", streams=(ORDERS,), plain=True
        )
    finally:
        scene.shop.execute("ALTER TABLE orders_moved RENAME TO orders")
    scene.recovers()


def test_table_without_the_privilege_to_read_it(scene: Scene) -> None:
    scene.shop.execute("REVOKE SELECT ON customers FROM reader")
    try:
        check, _ = scene.fails(
            "INSUFFICIENT_PERMISSIONS", 21, says="customers", fix="RANT", streams=(CUSTOMERS,)
        )
    finally:
        scene.shop.execute("GRANT SELECT ON customers TO reader")

    assert [item["scope"] for item in check.failed_items()] == [f"stream {CUSTOMERS}"]


@contextmanager
def slow_customers(shop: Address, seconds_per_row: float = 0.005) -> Iterator[None]:
    """Put a view in the place of the table that takes its time for every row."""
    shop.execute(
        "ALTER TABLE customers RENAME TO customers_fast;"
        "CREATE FUNCTION wait(name text, seconds float) RETURNS text LANGUAGE plpgsql AS "
        "$$ BEGIN PERFORM pg_sleep(seconds); RETURN name; END $$;"
        f"CREATE VIEW customers AS SELECT id, wait(name, {seconds_per_row}) AS name "
        "FROM customers_fast; GRANT SELECT ON customers TO reader"
    )
    try:
        yield
    finally:
        shop.execute(
            "DROP VIEW customers; DROP FUNCTION wait;ALTER TABLE customers_fast RENAME TO customers"
        )


def test_statement_timeout(scene: Scene) -> None:
    scene.configure(statement_timeout=0.7)
    with slow_customers(scene.shop):
        scene.fails(
            "DATABASE_LOCK",
            22,
            says="statement timeout",
            fix="statement_timeout",
            streams=(CUSTOMERS,),
            checks=False,
        )
    scene.recovers()


def test_lock_that_somebody_holds(scene: Scene) -> None:
    scene.configure(lock_timeout=0.5)
    with scene.shop.connect(autocommit=False) as holder:
        holder.execute("LOCK TABLE orders IN ACCESS EXCLUSIVE MODE")
        scene.fails("DATABASE_LOCK", 22, says="lock timeout", fix="lock_timeout", streams=(ORDERS,))
        holder.rollback()


def wait_for_the_read(shop: Address, *, seconds: float = 30) -> None:
    """Wait until a session of the run is sending rows."""
    sql = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'dativo' "
        "AND datname = %s AND state = 'active' AND query LIKE '%%customers%%' "
        "AND clock_timestamp() - query_start > interval '0.15 s'"
    )
    deadline = time.monotonic() + seconds
    while not int(shop.execute(sql, [shop.database])[0][0]):
        assert time.monotonic() < deadline, "the run never came to read"
        time.sleep(0.02)


TERMINATE = (
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
    "WHERE application_name = 'dativo' AND datname = %s"
)


def test_sessions_that_are_terminated_in_mid_read(scene: Scene) -> None:
    before = scene.published(CUSTOMERS)
    with slow_customers(scene.shop):
        process = scene.dativo.start("run", "--json")
        wait_for_the_read(scene.shop)
        assert scene.shop.execute(TERMINATE, [scene.shop.database])[0][0] >= 2
        answer = scene.dativo.finish(process)

        error = answer.stream(CUSTOMERS)["error"]
        assert answer.stream(ORDERS)["outcome"] == "done"
        assert answer.code == 31
        assert error["exit_code"] == 22
        assert error["code"] in {"SERVICE_UNAVAILABLE", "NETWORK"}
        assert (error["connector"], error["stream"]) == ("postgres", CUSTOMERS)
        assert error["phase"] == "extract"
        assert error["retryable"]
        assert len(error["fix"]) > 10
    assert scene.published(CUSTOMERS) == before
    assert scene.sessions() == 0
    scene.recovers()


def test_sessions_that_are_terminated_once_are_opened_anew_by_a_retry(scene: Scene) -> None:
    job = job_of(scene.shop)
    job["run"]["retries"] = 2
    scene.work.write_job(job)
    with slow_customers(scene.shop, seconds_per_row=0.0005):
        process = scene.dativo.start("run", "--json")
        wait_for_the_read(scene.shop)
        scene.shop.execute(TERMINATE, [scene.shop.database])
        answer = scene.dativo.finish(process)

    assert answer.code == 0, str(answer)
    assert answer.document["snapshots"] == 2
    assert answer.stream(CUSTOMERS)["attempts"] == 2
    scene.all_is_published()
    assert scene.sessions() == 0


def test_server_that_is_stopped_in_mid_read(tmp_path: Path) -> None:
    work = WorkFolder(tmp_path / "work")
    work.path.mkdir()
    with EmbeddedPostgres() as server:
        shop = server.address
        shop.execute(SETUP)
        scene = Scene(work, Command(work.path, variables=VARIABLES), shop)
        scene.configure()
        scene.dativo("run", code=0)
        before = work.visible()
        with slow_customers(shop):
            process = scene.dativo.start("run", "--json")
            wait_for_the_read(shop)
            server.stop("immediate")
            answer = scene.dativo.finish(process)
            down = scene.dativo("run", "--json")
            server.start()

        error = answer.stream(CUSTOMERS)["error"]
        assert error["exit_code"] == 22, str(answer)
        assert (error["connector"], error["stream"]) == ("postgres", CUSTOMERS)
        assert error["phase"] == "extract"
        assert error["retryable"]
        assert (down.code, down.error["code"]) == (22, "NETWORK")
        assert work.visible() == before
        assert scene.sessions() == 0
        scene.recovers()


def test_file_size_limit_of_the_target(scene: Scene) -> None:
    limited = (sys.executable, "-c", _FILE_LIMIT, "65536")
    scene.dativo = Command(scene.work.path, variables=VARIABLES, wrapper=limited)
    scene.shop.execute("UPDATE customers SET name = md5(random()::text) || name")

    scene.fails(
        "DISK_FULL",
        50,
        says=str(scene.work.lake),
        fix="Free space",
        streams=(CUSTOMERS,),
        connector="parquet",
        checks=False,
        plain=True,
    )
    scene.dativo = Command(scene.work.path, variables=VARIABLES)
    scene.recovers()


@contextmanager
def mounted(path: Path, options: str) -> Iterator[None]:
    """Mount a small file system for the length of a block; skip where that is not allowed."""
    path.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", options, "dativo-test", str(path)]
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root may mount a small file system")
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("this machine does not allow to mount a file system")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def fill(file: Path) -> None:
    """Write until no space is left."""
    with file.open("wb", buffering=0) as sink, suppress(OSError):
        while True:
            sink.write(b"\0" * 4096)


def test_disk_that_fills_up(scene: Scene) -> None:
    kept = scene.work.path / "kept"
    scene.work.lake.rename(kept)
    with mounted(scene.work.lake, "size=1m,mode=0700"):
        shutil.copytree(kept, scene.work.lake, dirs_exist_ok=True)
        (scene.work.lake / "ballast").mkdir()
        ballast = scene.work.lake / "ballast" / "file"
        fill(ballast)
        os.truncate(ballast, ballast.stat().st_size - 65_536)
        scene.shop.execute("UPDATE customers SET name = md5(random()::text) || name")

        check, run = scene.dativo.all(["check", "--json"], ["run", "--json"])

        assert (check.code, check.error["code"]) == (50, "DISK_FULL")
        assert "MiB are free" in check.error["message"]
        error = run.stream(CUSTOMERS)["error"]
        assert (error["code"], error["exit_code"]) == ("DISK_FULL", 50), str(run)
        assert (error["connector"], error["stream"]) == ("parquet", CUSTOMERS)
        assert str(scene.work.lake) in error["message"]
        old = pl.read_parquet(scene.work.glob(CUSTOMERS))
        assert old.height == 2000
        ballast.unlink()
        ballast.parent.rmdir()
        scene.recovers()


def test_read_only_target(scene: Scene) -> None:
    folders = [path for path in scene.work.lake.rglob("*") if path.is_dir()]
    folders = [scene.work.lake, *folders]
    scene.dativo = Command(scene.work.path, variables=VARIABLES, wrapper=ORDINARY)
    for folder in folders:
        folder.chmod(0o500)
    try:
        scene.fails(
            "INSUFFICIENT_PERMISSIONS",
            21,
            says=str(scene.work.lake),
            fix="writable",
            connector="parquet",
        )
    finally:
        for folder in folders:
            folder.chmod(0o700)
    scene.recovers()


def test_file_in_the_place_of_the_target(scene: Scene) -> None:
    kept = scene.work.path / "kept"
    scene.work.lake.rename(kept)
    scene.work.lake.write_text("somebody's notes")
    try:
        check, run = scene.dativo.all(["check", "--json"], ["run", "--json"])

        # The target is locked before its streams begin, so the run as a whole fails.
        for answer in (check, run):
            assert (answer.code, answer.error["code"]) == (10, "RESOURCE_NOT_FOUND"), str(answer)
        assert run.error["connector"] == "parquet", str(run)
        assert str(scene.work.lake) in run.error["message"], str(run)
        assert "path" in run.error["fix"], str(run)
        assert scene.sessions() == 0
        assert scene.work.lake.read_text() == "somebody's notes"
    finally:
        scene.work.lake.unlink()
        kept.rename(scene.work.lake)
    scene.recovers()


def test_job_folder_that_may_not_be_written(scene: Scene, tmp_path: Path) -> None:
    lake, work = tmp_path / "elsewhere", WorkFolder(tmp_path / "locked")
    work.path.mkdir()
    job = job_of(scene.shop)
    job["writer"]["config"]["path"] = str(lake)
    work.write_job(job)
    work.path.chmod(0o500)
    dativo = Command(work.path, variables=VARIABLES, wrapper=ORDINARY)
    try:
        answer = dativo("run", "--json", code=21)
        text = dativo("run", code=21)
    finally:
        work.path.chmod(0o700)

    assert answer.error["code"] == "INSUFFICIENT_PERMISSIONS"
    assert answer.error["phase"] == "state"
    assert ".dativo" in answer.error["message"]
    assert "rite" in answer.error["fix"] or "rant" in answer.error["fix"]
    assert "[INSUFFICIENT_PERMISSIONS]" in text.err
    assert not lake.exists()
    assert scene.sessions() == 0


def test_state_that_may_not_be_written(scene: Scene) -> None:
    state = scene.work.path / ".dativo"
    scene.dativo = Command(scene.work.path, variables=VARIABLES, wrapper=ORDINARY)
    before = scene.work.visible()
    database = state / "state.db"
    database.write_bytes(b"this is no database" * 100)

    answer = scene.dativo("run", "--json", code=60)

    assert answer.error["code"] == "STATE_UNREADABLE"
    assert str(database) in answer.error["message"]
    assert scene.work.visible() == before
    assert scene.sessions() == 0


def test_all_streams_of_the_job_are_told_in_one_answer(scene: Scene) -> None:
    job = job_of(scene.shop)
    job["streams"] += [{"name": "public.gone", "mode": "full"}, {"name": "public.lost"}]
    scene.work.write_job(job)

    check, run = scene.dativo.all(["check", "--json"], ["run", "--json"])

    assert {item["scope"] for item in check.failed_items()} == {
        "stream public.gone",
        "stream public.lost",
    }
    assert check.code == 10
    assert run.code == 31
    assert "public.gone" in run.error["message"]
    assert [run.stream(name)["outcome"] for name in (*BOTH, "public.gone")] == [
        "done",
        "done",
        "failed",
    ]


def test_target_that_is_taken_away_during_the_run(scene: Scene) -> None:
    scene.configure()
    with slow_customers(scene.shop, seconds_per_row=0.0005):
        process = scene.dativo.start("run", "--json")
        wait_for_the_read(scene.shop)
        shutil.rmtree(scene.work.lake)
        answer = scene.dativo.finish(process)

    assert answer.code in {31, 40, 50, 10, 60}, str(answer)
    assert answer.stream(CUSTOMERS)["error"]["connector"] == "parquet"
    again = scene.dativo("run", "--json", code=31)
    assert again.stream(ORDERS)["error"]["code"] == "STATE"
    scene.dativo("run", "--full-refresh", code=0)
    scene.all_is_published()
