"""Days and moments as ISO 8601, for every value that Arrow can hold."""

from __future__ import annotations

import re

__all__ = ["date_text", "days_of", "moment_text", "ticks_of", "ticks_of_time", "time_text"]

_DAYS_PER_ERA = 146_097  # 400 years
_EPOCH_DAY = 719_468  # from the first of March of the year 0 to 1970
_SECONDS_PER_DAY = 86_400

_DATE = re.compile(r"([+-]?[0-9]{4,})-([0-9]{2})-([0-9]{2})")
_TIME = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?")


def date_text(days: int) -> str:
    """Return the day *days* after 1970 in the Gregorian calendar, which goes on in both ways.

    Years beyond 0 to 9999 have a sign, and the year before 1 is 0, as ISO 8601 says.
    """
    era, day = divmod(days + _EPOCH_DAY, _DAYS_PER_ERA)
    year = (day - day // 1460 + day // 36_524 - day // 146_096) // 365
    day_of_year = day - (365 * year + year // 4 - year // 100)
    shifted = (5 * day_of_year + 2) // 153  # months from March on
    month = shifted + 3 if shifted < 10 else shifted - 9  # noqa: PLR2004 - March is the first
    day_of_month = day_of_year - (153 * shifted + 2) // 5 + 1
    year += era * 400 + int(month <= 2)  # noqa: PLR2004 - January and February are of the next year
    shown = f"{year:04d}" if 0 <= year <= 9999 else f"{year:+05d}"  # noqa: PLR2004
    return f"{shown}-{month:02d}-{day_of_month:02d}"


def days_of(text: str) -> int:
    """Return what :func:`date_text` was given.

    Raises:
        ValueError: It is no such text.
    """
    found = _DATE.fullmatch(text)
    if found is None:
        msg = f"no date: {text!r}"
        raise ValueError(msg)
    year, month, day = (int(part) for part in found.groups())
    year -= int(month <= 2)  # noqa: PLR2004 - as above
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * _DAYS_PER_ERA + day_of_era - _EPOCH_DAY


def time_text(ticks: int, digits: int) -> str:
    """Return the time of a day that is *ticks* of 10 to the minus *digits* seconds old.

    Raises:
        ValueError: It is no time of one day.
    """
    seconds, fraction = divmod(ticks, 10**digits)
    if not 0 <= seconds < _SECONDS_PER_DAY:
        msg = f"{ticks} is no time of a day"
        raise ValueError(msg)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    behind = f".{fraction:0{digits}d}" if digits else ""
    return f"{hour:02d}:{minute:02d}:{second:02d}{behind}"


def ticks_of_time(text: str, digits: int) -> int:
    """Return what :func:`time_text` was given.

    Raises:
        ValueError: It is no such text.
    """
    found = _TIME.fullmatch(text)
    if found is None:
        msg = f"no time: {text!r}"
        raise ValueError(msg)
    hour, minute, second = (int(found[group]) for group in (1, 2, 3))
    fraction = int((found[4] or "").ljust(digits, "0") or 0)
    ticks: int = ((hour * 60 + minute) * 60 + second) * 10**digits + fraction
    return ticks


def moment_text(ticks: int, digits: int, *, is_utc: bool) -> str:
    """Return the moment that is *ticks* of 10 to the minus *digits* seconds after 1970."""
    days, rest = divmod(ticks, _SECONDS_PER_DAY * 10**digits)
    return f"{date_text(days)}T{time_text(rest, digits)}{'Z' if is_utc else ''}"


def ticks_of(text: str, digits: int) -> int:
    """Return what :func:`moment_text` was given.

    Raises:
        ValueError: It is no such text.
    """
    day, _, time = text.removesuffix("Z").partition("T")
    ticks: int = days_of(day) * _SECONDS_PER_DAY * 10**digits + ticks_of_time(time, digits)
    return ticks
