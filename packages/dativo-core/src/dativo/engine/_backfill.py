"""Backfill: a range of the cursor is read again, beside the checkpoints."""

from __future__ import annotations

import attrs

from dativo.contract import ReadMode, StreamRequest, WriteMode
from dativo.errors import ConfigurationError, UsageError

__all__ = ["Backfill", "backfill_of", "bounded"]


@attrs.frozen(kw_only=True)
class Backfill:
    """What is read again; the values are texts, in the source's own notation.

    Attributes:
        lower: From this value of the cursor on; ``None`` for the beginning.
        upper: Up to this value, without it; ``None`` for the end.
        allow_duplicates: Whether records may be published twice, as append mode does.
    """

    lower: str | None = None
    upper: str | None = None
    allow_duplicates: bool = False


def backfill_of(
    lower: str | None, upper: str | None, *, allow_duplicates: bool, full_refresh: bool
) -> Backfill | None:
    """Return the backfill that somebody asks for, ``None`` without a range.

    Raises:
        UsageError: What is asked for contradicts itself.
    """
    if lower is None and upper is None:
        if allow_duplicates:
            msg = "duplicates can only be allowed for a backfill"
            raise UsageError(msg, fix="Name the range with --from and --to.")
        return None
    if full_refresh:
        msg = "a full refresh reads everything, a backfill a range; they exclude each other"
        raise UsageError(msg, fix="Leave out --full-refresh, or --from and --to.")
    return Backfill(lower=lower, upper=upper, allow_duplicates=allow_duplicates)


def bounded(request: StreamRequest, mode: WriteMode, backfill: Backfill | None) -> StreamRequest:
    """Return *request* within the range of *backfill*.

    Raises:
        ConfigurationError: The stream has no cursor, or its records would be doubled.
    """
    if backfill is None:
        return request
    if request.mode is not ReadMode.INCREMENTAL:
        msg = f"stream {request.stream!r} is read in full; a backfill needs the range of a cursor"
        fix = "Choose incremental streams with --stream."
        raise ConfigurationError(msg, fix=fix, stream=request.stream)
    if mode is not WriteMode.MERGE and not backfill.allow_duplicates:
        msg = (
            f"stream {request.stream!r} is written with {mode.value}: what a backfill reads again "
            "would be published twice"
        )
        fix = "Write it with merge, or pass --allow-duplicates."
        raise ConfigurationError(msg, fix=fix, stream=request.stream)
    return attrs.evolve(request, lower=backfill.lower, upper=backfill.upper)
