"""Moments as a job file writes them, and as Stripe counts them: whole seconds since 1970 UTC."""

from __future__ import annotations

import datetime as dt
import math

__all__ = ["moment_of", "seconds_of", "text_of_seconds"]


def seconds_of(text: str) -> int:
    """Return the first whole second that is not before the moment *text*.

    Args:
        text: Seconds since 1970, or a date or time as in ISO 8601; UTC if it has no offset.

    Raises:
        ValueError: It is neither.
    """
    if text.isascii() and text.isdigit():
        return int(text)
    return math.ceil(moment_of(text).timestamp())


def moment_of(text: str) -> dt.datetime:
    """Return the moment of a date or time as in ISO 8601; UTC if it has no offset.

    Raises:
        ValueError: It is neither.
    """
    moment = dt.datetime.fromisoformat(text)
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)


def text_of_seconds(seconds: int) -> str:
    """Return *seconds* since 1970 as a person reads them."""
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
