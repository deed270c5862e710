"""Rows: what a server and its administrator do to sessions in the middle of a run."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import psycopg
from fault_frame import Row, Workspace
from fault_postgres import ITEMS, OTHERS, Bench, bench
from fault_servers import READER

from dativo_test_support.postgres import StopMode

__all__ = ["ROWS"]

_OURS = f"FROM pg_stat_activity WHERE usename = '{READER}'"


def _signalled(function: str) -> Callable[[Bench], None]:
    def act(found: Bench) -> None:
        """Strike one session of ours or all of them."""
        pids = _pids(found)
        chosen = pids if found.dice.random() < 0.4 else [found.dice.choice(pids)]
        found.execute(f"SELECT {function}(pid) {_OURS} AND pid = ANY ('{{{_list(chosen)}}}')")

    return act


def _restarted(mode: StopMode) -> Callable[[Bench], None]:
    def act(found: Bench) -> None:
        """Stop the server and start it again, at once or after a while in which it is away."""
        found.server.stop(mode)
        if found.dice.random() < 0.5:
            found.proxy.heal()
            time.sleep(0.8)
        found.server.start()

    return act


def _frozen(found: Bench) -> None:
    """Freeze one backend for a while, in which all others and the network go on."""
    pid = found.dice.choice(_pids(found))
    os.kill(pid, signal.SIGSTOP)
    try:
        found.proxy.heal()
        time.sleep(found.dice.uniform(0.5, 3))
    finally:
        os.kill(pid, signal.SIGCONT)


def _waiting(seconds: float) -> Callable[[Bench], None]:
    def act(found: Bench) -> None:
        """Take so long to answer that a limit of the server strikes."""
        time.sleep(seconds)

    return act


def _disturbed(
    name: str, act: Callable[[Bench], None], prepare: Callable[[Bench], None] | None = None
) -> Callable[[int, Workspace], None]:
    def case(number: int, workspace: Workspace) -> None:
        with bench(name, number, workspace) as found:
            before = found.now()
            if prepare is not None:
                prepare(found)
            ended = found.disturbed(lambda _: act(found))
            found.ends_well(ended, before)
            _lift_limits(found)
            found.recovers()

    return case


def _killed(number: int, workspace: Workspace) -> None:
    """Kill dativo itself; the server must notice by itself."""
    with bench("postgres.kill_dativo", number, workspace) as found:
        before = found.now()
        ended = found.disturbed(lambda running: running.tell(signal.SIGKILL))
        assert ended.code == -signal.SIGKILL, str(ended)
        workspace.kills += 1
        found.is_whole(before, ended)
        found.has_no_session()
        found.recovers()


def _killed_while_it_waits(number: int, workspace: Workspace) -> None:
    """Kill dativo while the server works on a statement and has nothing to send."""
    with bench("postgres.kill_waiting", number, workspace, kind="replace") as found:
        query = f"SELECT 1 AS id FROM pg_sleep({30 + number})"
        found.write_job(streams=[{"name": "slow", "mode": "full", "query": query}])
        with found.dativo.running("run", "--json") as running:
            _until(lambda: bool(found.execute(f"SELECT pid {_OURS} AND query LIKE '%pg_sleep%'")))
            time.sleep(found.dice.uniform(0, 0.5))
            assert running.tell(signal.SIGKILL)
            running.wait()
        workspace.kills += 1
        found.has_no_session()


def _locked(number: int, workspace: Workspace) -> None:
    """Hold a table in another session, before or in the middle of the run."""
    with bench("postgres.lock_timeout", number, workspace) as found:
        found.write_job(lock_timeout=0.4, run={"retries": 1})
        before, table = found.now(), found.dice.choice((ITEMS, OTHERS))
        with ExitStack() as stack:
            if found.dice.random() < 0.5:
                ended = found.disturbed(lambda _: stack.enter_context(_lock(found, table)))
            else:
                stack.enter_context(_lock(found, table, wait=True))
                ended = found.dativo("run", "--json")
                assert ended.code != 0, str(ended)
                error = next(one["error"] for one in ended.document["streams"] if one["error"])
                assert (error["code"], error["stream"]) == ("DATABASE_LOCK", table), str(ended)
        found.ends_well(ended, before)
        found.write_job()
        found.recovers()


@contextmanager
def _lock(found: Bench, table: str, *, wait: bool = False) -> Iterator[None]:
    """Hold *table* exclusively, or queue for it where it is in use."""
    with found.database.connect(autocommit=False) as connection:

        def lock() -> None:
            connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())

        thread = threading.Thread(target=lock)
        thread.start()
        thread.join(None if wait else 0.2)
        yield
        thread.join()
        connection.rollback()


def _full(number: int, workspace: Workspace) -> None:
    """Leave the server few connections or none, to the end of the run or for a while."""
    with bench("postgres.max_connections", number, workspace) as found:
        before = found.now()
        free, is_short = found.dice.randrange(4), found.dice.random() < 0.5
        with ExitStack() as stack:
            others = _fill(found, stack)
            for connection in others[:free]:
                connection.close()
            running = stack.enter_context(found.dativo.running("run", "--json"))
            if is_short:
                time.sleep(found.dice.uniform(0.3, 2))
                for connection in others:
                    connection.close()
            ended = running.wait()
        if not free and not is_short:
            assert ended.code != 0, str(ended)
        found.ends_well(ended, before)
        found.recovers()


def _fill(found: Bench, stack: ExitStack) -> list[psycopg.Connection[tuple[object, ...]]]:
    """Take all connections that an ordinary role can have; the administrator's stay free."""
    taken: list[psycopg.Connection[tuple[object, ...]]] = []
    limit = int(found.execute("SHOW max_connections")[0][0])
    reserved = int(found.execute("SHOW superuser_reserved_connections")[0][0])
    while len(taken) < limit - reserved:
        taken.append(stack.enter_context(found.database.connect()))
    return taken


def _limit_idle(found: Bench) -> None:
    found.execute(
        f"ALTER ROLE {READER} SET idle_in_transaction_session_timeout = '300ms';"
        f"ALTER ROLE {READER} SET idle_session_timeout = '300ms'"
    )


def _limit_transaction(found: Bench) -> None:
    found.execute(f"ALTER ROLE {READER} SET transaction_timeout = '600ms'")


def _limit_statement(found: Bench) -> None:
    found.write_job(statement_timeout=0.4)


def _lift_limits(found: Bench) -> None:
    found.execute(f"ALTER ROLE {READER} RESET ALL")
    found.write_job()


_LOGIN_SECONDS = 2


def _pids(found: Bench) -> list[int]:
    pids: list[int] = []

    started = time.monotonic()

    def some() -> bool:
        pids[:] = [row[0] for row in found.execute(f"SELECT pid {_OURS} ORDER BY pid")]
        if time.monotonic() - started > _LOGIN_SECONDS:
            # It went dark while they logged in, where the server does not list them yet.
            found.proxy.heal()
        return bool(pids)

    _until(some)
    return pids


def _list(pids: list[int]) -> str:
    return ",".join(map(str, pids))


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


def _row(what: str, about: str, case: Callable[[int, Workspace], None], *, quick: int = 0) -> Row:
    return Row(
        name=f"postgres.{what}",
        about=f"PostgreSQL: {about}, at a random byte",
        demanded=20,
        case=case,
        sampled=4,
        quick=quick,
    )


def _disturbed_row(
    what: str,
    about: str,
    act: Callable[[Bench], None],
    prepare: Callable[[Bench], None] | None = None,
    *,
    quick: int = 0,
) -> Row:
    return _row(what, about, _disturbed(f"postgres.{what}", act, prepare), quick=quick)


ROWS = (
    _disturbed_row("terminate", "pg_terminate_backend", _signalled("pg_terminate_backend")),
    _disturbed_row("cancel", "pg_cancel_backend", _signalled("pg_cancel_backend")),
    _disturbed_row("restart_fast", "a fast restart", _restarted("fast")),
    _disturbed_row("restart_immediate", "an immediate restart", _restarted("immediate")),
    _disturbed_row("frozen_backend", "a backend is frozen", _frozen),
    _disturbed_row("statement_timeout", "statement_timeout", _waiting(0.6), _limit_statement),
    _disturbed_row("idle_timeout", "the time-outs of idle sessions", _waiting(0.6), _limit_idle),
    _disturbed_row("transaction_timeout", "transaction_timeout", _waiting(0.8), _limit_transaction),
    _row("lock_timeout", "a table is locked", _locked),
    _row("max_connections", "no connection is left", _full),
    _row("kill_dativo", "dativo is killed", _killed, quick=1),
    _row("kill_waiting", "dativo is killed during a long statement", _killed_while_it_waits),
)
