"""States that were exchanged for others: kept for a time, for readers that have listed them."""

from __future__ import annotations

import secrets
import time
from pathlib import Path

from dativo.contract import failpoint
from dativo_writer_parquet._layout import Place
from dativo_writer_parquet._publish import exchange, make_folder, move, remove_tree

__all__ = ["exchange_and_retire", "sweep_retired"]

_NANOSECONDS = 1_000_000_000


def exchange_and_retire(place: Place, folder: Path) -> None:
    """Make *folder* the stream's folder in one step, and keep what was there among the retired.

    It goes there first and is exchanged from there, so that there is no moment at which the old
    state is nowhere. What a crash of the machine could lose of that is the old state only, so the
    folder of the retired needs no fsync. Call it under the lock.

    Raises:
        OSError: It did not happen, or perhaps it did.
    """
    make_folder(place.retired, is_lasting=False)
    going = place.retired / f"{time.time_ns():020d}-{secrets.token_hex(4)}"
    move(folder, going)
    failpoint("parquet.exchange.before")
    exchange(going, place.data)
    failpoint("parquet.exchange.after")


def sweep_retired(place: Place, *, grace_seconds: float) -> None:
    """Remove what was retired more than *grace_seconds* ago; call it under the lock."""
    latest = time.time_ns() - int(grace_seconds * _NANOSECONDS)
    for folder in place.retired_states():
        stamp = folder.name.partition("-")[0]
        if not stamp.isdecimal() or int(stamp) <= latest:
            remove_tree(folder)
            failpoint("parquet.retired.swept")
