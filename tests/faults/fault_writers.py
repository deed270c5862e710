"""Sessions that change a table in transactions of any length, while runs follow them."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import attrs
import psycopg

from dativo.contract import WriteMode
from dativo_test_support.postgres import Address

__all__ = ["Play", "writing"]

_WRITERS = 3
_SHARE_OF_TIES = 0.3
_LONGEST_SECONDS = 3.0
_SLACK_SECONDS = 2.5
"""A commit may take so long on a busy machine."""


@attrs.frozen(kw_only=True)
class Play:
    """What the writers do, and how they are followed.

    Attributes:
        what: The name of the row.
        about: What is proven.
        mode: How it is published; in append mode rows are only inserted.
        cursor: What increments follow.
        lag_seconds: How far behind, which is how late rows may come; 0 for the clock of the
            transaction itself.
        deletes: Whether rows are deleted.
    """

    what: str
    about: str
    mode: WriteMode = WriteMode.MERGE
    cursor: str = "at"
    lag_seconds: int = 0
    deletes: bool = False


@contextmanager
def writing(database: Address, play: Play, source: random.Random) -> Iterator[None]:
    """Let writers work for the length of a block, and finish what they have begun."""
    end = threading.Event()
    failures: list[BaseException] = []

    def write(seed: int) -> None:
        try:
            _Writer(database, play, random.Random(seed)).work(end)
        except BaseException as error:  # noqa: BLE001 - it belongs to the case, not to the thread
            failures.append(error)

    seeds = [source.getrandbits(32) for _ in range(_WRITERS)]
    threads = [threading.Thread(target=write, args=(seed,)) for seed in seeds]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        end.set()
        for thread in threads:
            thread.join()
    assert not failures, failures


@attrs.define
class _Writer:
    """One session that changes rows in transactions of any length."""

    database: Address
    play: Play
    dice: random.Random

    def work(self, end: threading.Event) -> None:
        """Work until the end is told."""
        with self.database.connect(autocommit=False) as connection:
            while not end.is_set():
                try:
                    self._transaction(connection, end)
                except psycopg.errors.DeadlockDetected:
                    connection.rollback()

    def _transaction(
        self, connection: psycopg.Connection[tuple[Any, ...]], end: threading.Event
    ) -> None:
        """Make some changes, wait, and commit unless the rows would be older than the lag."""
        for _ in range(self.dice.randint(1, 8)):
            self._change(connection)
            if self.dice.random() < 0.2:
                end.wait(self.dice.uniform(0, 0.2))
        if self.dice.random() < 0.25:
            end.wait(self.dice.uniform(0.1, self._longest_seconds))
        if self.dice.random() < 0.1 or self._is_too_late(connection):
            connection.rollback()
        else:
            connection.commit()

    @property
    def _longest_seconds(self) -> float:
        return self.play.lag_seconds / 4 if self.play.lag_seconds else _LONGEST_SECONDS

    def _is_too_late(self, connection: psycopg.Connection[tuple[Any, ...]]) -> bool:
        if not self.play.lag_seconds:
            return False
        # What the transaction began with may be old by now, were it only by a busy machine.
        allowed = self.play.lag_seconds - _SLACK_SECONDS
        oldest = self.play.lag_seconds / 4
        row = connection.execute(
            "SELECT clock_timestamp() - now() < make_interval(secs => %s)", [allowed - oldest]
        ).fetchone()
        return row is None or not row[0]

    def _change(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        kind = self.dice.random()
        if self.play.mode is WriteMode.APPEND or kind < 0.5:
            connection.execute(
                f"INSERT INTO events (at, amount) VALUES ({self._time()}, %s)".encode(),
                [self._amount()],
            )
        elif kind < 0.85 or not self.play.deletes:
            connection.execute(
                f"UPDATE events SET amount = %s, at = greatest({self._time()}, "
                "at + interval '1 microsecond') WHERE id = %s".encode(),
                [self._amount(), self._id(connection)],
            )
        else:
            connection.execute("DELETE FROM events WHERE id = %s", [self._id(connection)])

    def _time(self) -> str:
        """Return when the row says it was changed; many rows share one time."""
        if not self.play.lag_seconds:
            return self.dice.choice(("now()", "clock_timestamp()"))
        if self.dice.random() < _SHARE_OF_TIES:
            return "date_bin('500 ms', now(), 'epoch')"
        back = self.dice.uniform(0, self.play.lag_seconds / 4)
        return f"now() - interval '{back:.6f} s'"

    def _amount(self) -> int:
        return self.dice.randrange(1_000_000)

    def _id(self, connection: psycopg.Connection[tuple[Any, ...]]) -> int:
        row = connection.execute("SELECT max(id) FROM events").fetchone()
        assert row is not None
        return self.dice.randint(1, int(row[0]))
