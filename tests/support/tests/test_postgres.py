from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from dativo_test_support.postgres import Address, EmbeddedPostgres

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres({"application_name": "it's ours"}) as server:
        yield server


def test_the_server_is_18_and_reached_only_by_tcp_with_a_password(server: EmbeddedPostgres) -> None:
    assert server.execute("SHOW server_version") == [("18.4",)]
    assert server.execute("SHOW unix_socket_directories") == [("",)]
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(host=server.host, port=server.port, user="postgres", password="guess")


def test_settings_can_be_overridden(server: EmbeddedPostgres) -> None:
    assert server.execute("SHOW application_name") == [("it's ours",)]


def test_the_password_is_in_no_process_argument_and_no_repr(server: EmbeddedPostgres) -> None:
    arguments = [" ".join(process.cmdline()) for process in _processes(server)]

    assert arguments
    assert all(server.password not in text for text in arguments)
    assert server.password not in repr(server.address)
    assert server.password not in repr(server)


def test_the_address_is_a_url_and_an_environment(server: EmbeddedPostgres) -> None:
    address = server.create_database('odd "name" / ü')
    environment = address.environment()

    with psycopg.connect(address.dsn) as connection:
        row = connection.execute("SELECT current_database()").fetchone()

    assert row == ('odd "name" / ü',)
    assert environment["PGPORT"] == str(server.port)
    server.drop_database('odd "name" / ü')


def test_several_statements_give_the_last_result(server: EmbeddedPostgres) -> None:
    assert server.execute("SELECT 1; SELECT 2, 3") == [(2, 3)]
    assert server.execute("SELECT %s::text", ["x"]) == [("x",)]


def test_a_restart_keeps_the_port_and_the_data(server: EmbeddedPostgres) -> None:
    server.execute("CREATE TABLE IF NOT EXISTS kept AS SELECT 7 AS a")
    port, pid = server.port, server.pid

    server.restart("immediate")

    assert server.port == port
    assert server.pid != pid
    assert server.execute("SELECT a FROM kept") == [(7,)]


def test_a_stopped_server_refuses_connections_until_it_is_started(server: EmbeddedPostgres) -> None:
    server.stop()
    with pytest.raises(psycopg.OperationalError):
        server.execute("SELECT 1")
    server.start()

    assert server.execute("SELECT 1") == [(1,)]


def test_a_paused_server_holds_connections_open_and_resumes(server: EmbeddedPostgres) -> None:
    with server.address.connect() as connection, server.paused():
        states = {process.status() for process in _processes(server)}
        server.resume()
        row = connection.execute("SELECT 1").fetchone()

    assert states == {psutil.STATUS_STOPPED}
    assert row == (1,)


def test_nothing_is_left_behind_even_if_the_server_is_paused_and_in_use() -> None:
    with EmbeddedPostgres() as server:
        connection = server.address.connect()
        processes, folder = _processes(server), server.folder
        server.pause()
    connection.close()

    assert not folder.exists()
    assert _alive(processes) == []


def test_nothing_is_left_behind_even_if_the_watchdog_was_killed() -> None:
    with EmbeddedPostgres() as server:
        processes, folder = _processes(server), server.folder
        server._watchdog.kill()

    assert not folder.exists()
    assert _alive(processes) == []


def test_the_end_does_not_wait_for_a_forked_child_that_holds_the_pipe() -> None:
    with EmbeddedPostgres() as server:
        child = os.fork()
        if child == 0:
            time.sleep(60)
            os._exit(0)
        started = time.monotonic()
    seconds = time.monotonic() - started
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)

    assert seconds < 10
    assert not server.folder.exists()


def test_nothing_is_left_behind_if_the_block_raises() -> None:
    server = EmbeddedPostgres()
    with pytest.raises(ZeroDivisionError), server:
        _ = 1 / 0

    assert not server.folder.exists()


def test_a_server_that_cannot_start_says_why_and_leaves_nothing() -> None:
    server = EmbeddedPostgres({"no_such_setting": "1"})

    with pytest.raises(RuntimeError, match="no_such_setting"), server:
        pass

    assert not server.folder.exists()


def test_the_watchdog_cleans_up_after_a_killed_parent() -> None:
    code = """
import time
from dativo_test_support.postgres import EmbeddedPostgres
with EmbeddedPostgres() as server:
    print(server.pid, server.folder, flush=True)
    time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid, folder = parent.stdout.readline().split()
        os.kill(parent.pid, signal.SIGKILL)

    _wait_until(lambda: not Path(folder).exists() and not psutil.pid_exists(int(pid)))


def test_an_older_major_is_there_too() -> None:
    with EmbeddedPostgres(major=16) as server:
        version = server.execute("SHOW server_version_num")

    assert version[0][0].startswith("16")


def test_the_fixture_gives_each_test_an_empty_database(postgres_database: Address) -> None:
    assert postgres_database.database.startswith("test_")
    assert postgres_database.execute("SELECT count(*) FROM pg_stat_user_tables") == [(0,)]


def _processes(server: EmbeddedPostgres) -> list[psutil.Process]:
    assert server.pid is not None
    parent = psutil.Process(server.pid)
    return [parent, *parent.children(recursive=True)]


def _alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    _, alive = psutil.wait_procs(processes, timeout=10)
    return alive


def _wait_until(is_true: object, seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    assert callable(is_true)
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
