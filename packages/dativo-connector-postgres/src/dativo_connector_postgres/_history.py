"""How far a server was in its history, and whether it lacks what was read before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import attrs
import psycopg

from dativo.contract import Checkpoint, Context
from dativo.errors import ServiceUnavailableError, StateError
from dativo_connector_postgres._client import Connection

__all__ = ["Latest", "Point", "latest", "point_of", "require_history"]

_SYSTEM = "SELECT system_identifier::text FROM pg_control_system()"

# What is visible has been flushed, unless its commit was asynchronous; what has not been flushed
# may be gone after a crash, which is no reason to refuse the server.
_POSITION = """
SELECT pg_is_in_recovery(),
    CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()
        ELSE pg_current_wal_flush_lsn() END::text,
    CASE WHEN NOT pg_is_in_recovery() THEN left(pg_walfile_name(pg_current_wal_flush_lsn()), 8) END
"""

_SET_BACK_FIX = (
    "Let the source be the server that was read last. If this one is to stay, run with "
    "--full-refresh; or, if it has all that the other one had, such as after an upgrade or a "
    "planned move, take `server` out of the checkpoint with `dativo state set`."
)


@attrs.frozen(kw_only=True)
class Point:
    """A point in the history of a server; what the server does not show is ``None``.

    Attributes:
        system: Names the server together with its copies; a restored dump is another one.
        timeline: Grows with each promotion of a standby; a standby does not show it.
        lsn: The position in the write-ahead log, as the server writes it.
        is_standby: Whether the server replays another one's log.
    """

    system: str | None = None
    timeline: int | None = None
    lsn: str | None = None
    is_standby: bool = False

    @property
    def is_known(self) -> bool:
        """Whether the server shows enough to compare it with what was read before."""
        return self.system is not None and self.lsn is not None

    def is_before(self, other: Point) -> bool:
        """Say whether the log ends before that of *other*, as far as both are known."""
        return (
            self.lsn is not None and other.lsn is not None and _bytes(self.lsn) < _bytes(other.lsn)
        )

    def to_json(self) -> dict[str, Any]:
        """Return what a checkpoint says of it; nothing if it is not known."""
        if not self.is_known:
            return {}
        shown = {"system": self.system, "lsn": self.lsn, "timeline": self.timeline}
        return {"server": {name: value for name, value in shown.items() if value is not None}}

    @classmethod
    def of_state(cls, value: Mapping[str, Any]) -> Point:
        """Read what a checkpoint says of it."""
        found: Mapping[str, Any] = value.get("server") or {}
        return cls(system=found.get("system"), timeline=found.get("timeline"), lsn=found.get("lsn"))


def point_of(connection: Connection) -> Point:
    """Ask where the server is; not every fork of Postgres can tell."""
    system = _row(connection, _SYSTEM)
    position = _row(connection, _POSITION)
    if system is None or position is None:
        return Point()
    is_standby, lsn, timeline = position
    return Point(
        system=system[0],
        timeline=None if timeline is None else int(timeline, 16),
        lsn=lsn,
        is_standby=is_standby,
    )


def require_history(now: Point, state: Checkpoint, *, stream: str, context: Context) -> None:
    """See that a server has all that it had when the checkpoint *state* was made.

    Args:
        now: A moment before the snapshot.
        state: The last checkpoint; one that does not tell its server is not compared.
        stream: For errors.
        context: Hears of a promotion, of which it does not show whether it lost anything.

    Raises:
        StateError: The server is another one, or one that was set back.
        ServiceUnavailableError: It is a standby that has not come as far yet.
    """
    last = Point.of_state(state.value)
    if not (now.is_known and last.is_known):
        return
    was = f"the last increment was read from system {last.system} at {last.lsn}"
    here = f"{stream}: the server is"
    if now.system != last.system:
        raise _set_back(f"{here} another one, system {now.system}; {was}", stream)
    if now.timeline is not None and last.timeline is not None and now.timeline != last.timeline:
        promoted = f"on timeline {now.timeline} and not on {last.timeline} any more"
        if now.timeline < last.timeline or now.is_before(last):
            raise _set_back(f"{here} {promoted}, at {now.lsn}; {was}", stream)
        context.log(
            f"{here} {promoted}: a standby was promoted; if it lacked commits that had been read, "
            "rows that take their cursor values are not found, and --full-refresh mends it",
            level="warning",
            stream=stream,
        )
    if now.is_before(last) and now.is_standby:
        raise ServiceUnavailableError(
            f"{here} a standby that has replayed the log up to {now.lsn}; {was}",
            fix="Wait until it has caught up and run again, or read from the primary.",
            retryable=False,  # all streams of a run share one snapshot
            stream=stream,
        )
    if now.is_before(last):
        raise _set_back(f"{here} at {now.lsn} of its log; {was}", stream)


def _set_back(message: str, stream: str) -> StateError:
    text = f"{message}; it may lack records that are published"
    return StateError(text, fix=_SET_BACK_FIX, stream=stream)


@attrs.define
class Latest:
    """The latest point of a run, which a snapshot that is taken again must not be behind."""

    point: Point = attrs.field(factory=Point)

    def require_not_behind(self, now: Point) -> None:
        """See that a server has what the run may have read so far.

        Raises:
            ServiceUnavailableError: It is another server of the same name, and behind.
        """
        last = self.point
        is_other = now.is_known and last.is_known and now.system != last.system
        if is_other or now.is_before(last):
            raise ServiceUnavailableError(
                f"the connection leads to a server at {now.lsn} of the log of system {now.system}; "
                f"this run has read at {last.lsn} of that of {last.system}",
                fix="Name one server as `host`, or see to it that its standbys keep up.",
            )


@contextmanager
def latest() -> Iterator[Latest]:
    """Return what a run begins with."""
    yield Latest()


def _row(connection: Connection, sql: str) -> Any:
    try:
        return connection.execute(sql.encode()).fetchone()
    except psycopg.Error:
        if connection.broken:
            raise
        return None


def _bytes(lsn: str) -> int:
    high, low = lsn.split("/")
    return (int(high, 16) << 32) + int(low, 16)
