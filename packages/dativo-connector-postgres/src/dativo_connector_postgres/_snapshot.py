"""The one snapshot that all streams of a run are read in, and the sessions that read in it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import psycopg

from dativo.contract import Context
from dativo.errors import DativoError, RunInterruptedError, ServiceUnavailableError
from dativo_connector_postgres._activity import Moment, take_moments
from dativo_connector_postgres._client import (
    Connection,
    ServerFacts,
    connect,
    join,
    server_facts,
)
from dativo_connector_postgres._config import PostgresConfig
from dativo_connector_postgres._errors import SNAPSHOT_LOST, DriverError, from_driver
from dativo_connector_postgres._history import Point, latest, point_of
from dativo_connector_postgres._lookup import Lookup
from dativo_connector_postgres._plan import StreamPlan
from dativo_connector_postgres._readers import Opener, chosen, describe, opener
from dativo_connector_postgres._rewritten import refuse_rewritten, rewritten
from dativo_connector_postgres._session import Session

__all__ = ["Snapshot", "open_snapshot"]

_CANCEL_SECONDS = 0.2

_CLOSE_SECONDS = 2.0
"""A server that is dark takes no cancellation; closing does not wait for it any longer."""


class Snapshot:
    """A repeatable-read transaction whose snapshot is exported as long as it lives.

    Attributes:
        config: What it was opened with.
        leader: The connection that holds it and does nothing else: an error in it would end it.
        facts: What the server is.
        earlier: A snapshot from shortly before, for questions only.
        activity: Who may still commit rows that the snapshot does not show.
        since: Where the server was before the snapshot: it shows at least that.
        until: Where the server was after it: it shows no more than that.
        lookup: What its catalogs say of the tables of the run.
        reader: What takes rows off its sessions.
    """

    def __init__(
        self,
        config: PostgresConfig,
        leader: Connection,
        *,
        facts: ServerFacts,
        earlier: Moment,
        moment: Moment,
        since: Point,
        until: Point,
    ) -> None:
        self.config = config
        self.leader = leader
        self.facts = facts
        self.earlier = earlier
        self.activity = moment.activity
        self.since = since
        self.until = until
        self.lookup = Lookup()
        self.reader = chosen(config)
        self._identifier = moment.identifier
        self._lock = threading.Lock()
        self._open_session: Opener | None = None
        self._idle: list[Session] = []
        self._active: set[Session] = set()
        self._is_closed = False
        self._idle_planners: list[Connection] = []
        self._active_planners: set[Connection] = set()

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Lend a session; one that was not read to the end of its statement is closed."""
        session = self._take()
        try:
            yield session
        finally:
            with self._lock:
                self._active.discard(session)
                is_kept = session.is_idle and not self._is_closed
                if is_kept:
                    self._idle.append(session)
            if not is_kept:
                session.close()

    @contextmanager
    def planner(self) -> Iterator[Connection]:
        """Lend a connection for questions about the snapshot; one that failed is closed."""
        with self._lock:
            idle = self._idle_planners.pop() if self._idle_planners else None
        connection = idle or self._joined(self._identifier)
        with self._asking(connection):
            yield connection
        with self._lock:
            if not self._is_closed:
                self._idle_planners.append(connection)
                return
        connection.close()

    def row_earlier(self, sql: str, _plan: StreamPlan) -> Sequence[Any]:
        """Return the one row of a planning query on the earlier snapshot; see :meth:`row`."""
        connection = self._joined(self.earlier.identifier)
        with self._asking(connection):
            row: Sequence[Any] = connection.execute(sql.encode()).fetchall()[0]
        connection.close()
        return row

    @contextmanager
    def _asking(self, connection: Connection) -> Iterator[None]:
        """Let the connection be cancelled meanwhile; close it if it fails."""
        with self._lock:
            self._active_planners.add(connection)
        try:
            yield
        except BaseException:
            connection.close()
            raise
        finally:
            with self._lock:
                self._active_planners.discard(connection)

    def query(self, sql: str, parameters: Mapping[str, object] | None = None) -> list[Any]:
        """Return the rows of a planning query."""
        with self.planner() as connection:
            return connection.execute(sql.encode(), parameters).fetchall()

    def row(self, sql: str, plan: StreamPlan) -> Sequence[Any]:
        """Return the one row of a query on what *plan* reads, which must be as in the snapshot."""
        both = f"SELECT asked.*, ARRAY({rewritten(plan)}) FROM ({sql}\n) AS asked"  # noqa: S608
        (row,) = self.query(both)
        refuse_rewritten(row[-1])
        return tuple(row[:-1])

    def is_alive(self) -> bool:
        """Say whether further sessions can join."""
        try:
            self.leader.execute("SELECT 1")
        except psycopg.Error:
            return False
        return True

    @contextmanager
    def guarded(self, context: Context, stream: str) -> Iterator[None]:
        """Turn the driver's failures into located errors; give up a snapshot that is gone."""
        try:
            yield
        except (psycopg.Error, DriverError, DativoError) as error:
            if context.cancelled():
                raise RunInterruptedError("the read was stopped", stream=stream) from None
            mapped = from_driver(error, stream=stream, password=self.config.password)
            if mapped.retryable and (SNAPSHOT_LOST in mapped.message or not self.is_alive()):
                context.discard("snapshot", self)
            raise mapped from mapped.__cause__

    def close(self) -> None:
        """End all sessions; those at work are stopped, and ended by the threads that use them."""
        with self._lock:
            self._is_closed = True
            sessions, self._idle = self._idle, []
            planners, self._idle_planners = self._idle_planners, []
            self._open_session = None
        _bounded(self.cancel_all)
        for session in sessions:
            session.close()
        for planner in planners:
            planner.close()

    def cancel_all(self) -> None:
        """Stop every statement that runs."""
        with self._lock:
            sessions, planners = list(self._active), list(self._active_planners)
        for session in sessions:
            session.cancel()
        for planner in planners:
            with suppress(psycopg.Error):
                planner.cancel_safe()

    def _joined(self, identifier: str) -> Connection:
        return join(self.config, self.facts, identifier)

    def _take(self) -> Session:
        with self._lock:
            if self._is_closed:
                raise ServiceUnavailableError(SNAPSHOT_LOST)
            if self._idle:
                session = self._idle.pop()
                self._active.add(session)
                return session
            if self._open_session is None:
                self._open_session = opener(
                    self.reader, self.config, self.facts, snapshot=self._identifier
                )
            open_session = self._open_session
        session = open_session()
        with self._lock:
            self._active.add(session)
        return session


def open_snapshot(config: PostgresConfig, context: Context) -> Snapshot:
    """Return the snapshot of the run; the first call takes it.

    Raises:
        DativoError: The server cannot be reached, refuses, or cannot export a snapshot.
    """
    return context.resource("snapshot", lambda: _opened(config, context))


@contextmanager
def _opened(config: PostgresConfig, context: Context) -> Iterator[Snapshot]:
    reached = context.resource("latest point", latest)
    with ExitStack() as stack:
        leader = stack.enter_context(connect(config))
        try:
            facts = server_facts(leader)
            since = point_of(leader)
            reached.require_not_behind(since)
            earlier, moment = take_moments(leader, config.settle_timeout)
            until = point_of(leader) if since.is_known else since
        except psycopg.Error as error:
            raise from_driver(error, password=config.password) from error
        snapshot = Snapshot(
            config,
            leader,
            facts=facts,
            earlier=earlier,
            moment=moment,
            since=since,
            until=until,
        )
        context.log(f"rows are read by the {describe(snapshot.reader)}")
        reached.point = until
        stack.callback(snapshot.close)
        stack.enter_context(_cancelling(snapshot, context))
        yield snapshot


@contextmanager
def _cancelling(snapshot: Snapshot, context: Context) -> Iterator[None]:
    """Cancel what runs as soon as the run is cancelled: a pull may be waiting for the server."""
    ended = threading.Event()

    def cancel() -> None:
        # Again and again: a statement may be on its way to the server right now.
        snapshot.cancel_all()
        while not ended.wait(_CANCEL_SECONDS):
            snapshot.cancel_all()

    thread = threading.Thread(target=cancel, name="dativo-postgres-cancel", daemon=True)
    try:
        with context.on_cancel(thread.start):
            yield
    finally:
        ended.set()
        if thread.ident is not None:
            thread.join(_CLOSE_SECONDS)


def _bounded(act: Callable[[], None]) -> None:
    """Do it, and leave it behind if it takes too long."""
    thread = threading.Thread(target=act, name="dativo-postgres-close", daemon=True)
    thread.start()
    thread.join(_CLOSE_SECONDS)
