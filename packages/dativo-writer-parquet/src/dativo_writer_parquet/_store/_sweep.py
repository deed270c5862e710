"""Removing what no reader will ask for: files of broken sessions, and of states replaced long ago.

It runs right after a claim. Every earlier session would have to publish at a key that is taken
since, so whatever it has put into the store and no commit names can never be published. Only the
clock of the store is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from dativo.contract import Context
from dativo.errors import DativoError
from dativo_writer_parquet._store._log import Log
from dativo_writer_parquet._store._objects import Listed

__all__ = ["LATE_UPLOAD", "sweep"]

LATE_UPLOAD = timedelta(hours=1)
"""So long a session is looked at again: a last request of it may still have been on its way."""

_AT_ONCE = 1000


def sweep(log: Log, context: Context, *, grace: timedelta) -> None:
    """Remove what is left over; call it when this session's claim is the newest entry.

    Files of a replaced state stay for *grace*: a reader may have begun before the replace. What
    the store does not let us remove is told and stays for the next session.
    """
    try:
        removed = _removed(log, grace)
    except DativoError as error:
        text = f"leftovers could not be removed: {error.message}"
        context.log(text, level="warning", stream=log.keys.stream)
        return
    if removed:
        context.log("removed files that nobody will publish", stream=log.keys.stream, files=removed)


def _removed(log: Log, grace: timedelta) -> int:
    base = 0 if log.commit is None else log.commit.base
    now = _written(log, log.head)
    # After a replace, everything is looked at once more, when nobody reads the old state any more.
    is_old = bool(base) and now - _written(log, base) > grace
    start = 0 if is_old and log.hint.base != base else log.hint.swept
    listed = log.objects.list(log.keys.data, after=log.keys.session(start))
    live = {file.key for commit in log.commits_after(start) for file in commit.files}
    gone = []
    for one in listed:
        claim = log.keys.claim_of(one.key)
        is_dead = claim is not None and claim < log.head and (claim > base or is_old)
        if is_dead and one.key not in live:
            gone.append(one.key)
    for first in range(0, len(gone), _AT_ONCE):
        log.objects.delete(gone[first : first + _AT_ONCE])
    swept = _quiet_until(log, listed, now, start)
    log.write_hint(swept=swept, base=base if is_old else log.hint.base)
    return len(gone)


def _quiet_until(log: Log, listed: Sequence[Listed], now: datetime, start: int) -> int:
    """Return a claim whose predecessors have been silent for long.

    A session writes after its claim, so the age of its files is one that its claim has reached.
    """
    old = (log.keys.claim_of(one.key) for one in listed if now - one.modified > LATE_UPLOAD)
    return max((claim for claim in old if claim is not None), default=start)


def _written(log: Log, sequence: int) -> datetime:
    """Return when the store took an entry, by its clock.

    Raises:
        StateUnreadableError: It is missing.
    """
    found = log.objects.read(log.keys.entry(sequence))
    if found is None:
        raise log.unreadable(sequence, "it is missing")
    return found.modified
