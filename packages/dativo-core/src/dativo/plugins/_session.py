"""A write session, and the lock of a target, inside the error boundary."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from dativo.contract import Batch, Commit, CommitRecord, HeldLock, Receipt, Staged, WriteSession
from dativo.errors import CommitUnknownError
from dativo.plugins._boundary import Place

__all__ = ["GuardedSession", "guard_lock", "guard_session"]

_METHODS = ("stage", "commit", "abort", "last_commit", "close")


def guard_session(place: Place, session: object) -> GuardedSession:
    """Put *session*, which a ``write`` hook returned, inside the error boundary."""
    missing = [name for name in _METHODS if not callable(getattr(session, name, None))]
    if session is None:
        raise place.violation("gave None where a WriteSession is due")
    if missing:
        kind, listed = type(session).__name__, ", ".join(missing)
        raise place.violation(f"gave a session of type {kind!r} without {listed}")
    return GuardedSession(place, session)  # type: ignore[arg-type] # its methods were looked at


def guard_lock(place: Place, held: object) -> HeldLock:
    """Put *held*, which entering a ``lock`` gave, inside the error boundary."""
    if not callable(getattr(held, "is_held", None)):
        raise place.violation(f"gave a lock of type {type(held).__name__!r} without is_held")
    return _GuardedLock(place, held)  # type: ignore[arg-type] # its method was looked at


@attrs.frozen
class _GuardedLock:
    _place: Place
    _held: HeldLock

    def is_held(self) -> bool:
        return self._place.expect(self._place.call(self._held.is_held), bool)


@attrs.frozen
class GuardedSession:
    """Calls a plugin's session; see :class:`dativo.contract.WriteSession`."""

    _place: Place
    _session: WriteSession

    def stage(self, batch: Batch) -> Staged:
        """Stage *batch*."""
        place = self._at("stage")
        return place.expect(place.call(lambda: self._session.stage(batch)), Staged)

    def delete_missing(self, keys: Batch) -> Staged:
        """Stage the deletion of what is not among *keys*."""
        place = self._at("delete_missing")
        found = getattr(self._session, "delete_missing", None)
        if not callable(found):
            raise place.violation("is missing, although the writer says that it deletes")
        return place.expect(place.call(lambda: found(keys)), Staged)

    def commit(self, commit: Commit, staged: Sequence[Staged]) -> Receipt:
        """Publish *staged*; an error that the plugin did not classify leaves the outcome open."""
        place = attrs.evolve(self._at("commit"), default=CommitUnknownError)
        return place.expect(place.call(lambda: self._session.commit(commit, staged)), Receipt)

    def abort(self) -> None:
        """Remove what was staged."""
        self._at("abort").call(self._session.abort)

    def last_commit(self) -> CommitRecord | None:
        """Return the newest published record."""
        place = self._at("last_commit")
        record = place.call(self._session.last_commit)
        return None if record is None else place.expect(record, CommitRecord)

    def close(self) -> None:
        """Give back what the session holds."""
        self._at("close").call(self._session.close)

    def _at(self, phase: str) -> Place:
        return attrs.evolve(self._place, phase=phase)
