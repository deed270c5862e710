"""Numbers, times and sizes as people read them, and names made harmless for a terminal."""

from __future__ import annotations

import re

__all__ = ["count", "count_of", "duration", "one_line", "size"]

_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")
_STEP = 1000
_ROUNDS_UP = 0.05
_MINUTE = 60
_HOUR = 3600
_BREAK = re.compile(r"[\t\n\v\f\r\x85\u2028\u2029]+ *")
_STEERING = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def count(number: int) -> str:
    """Return ``1,234,567``."""
    return f"{number:,}"


def count_of(number: int, noun: str) -> str:
    """Return ``1 row`` or ``1,234 rows``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def size(number: float) -> str:
    """Return bytes in powers of ten: ``12.3 MB``."""
    value, unit = float(number), 0
    while value >= _STEP - _ROUNDS_UP and unit < len(_UNITS) - 1:
        value, unit = value / _STEP, unit + 1
    return f"{value:.0f} B" if unit == 0 else f"{value:.1f} {_UNITS[unit]}"


def duration(seconds: float) -> str:
    """Return ``0.04 s``, ``4.2 s``, ``3 min 07 s`` or ``2 h 05 min``."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < _MINUTE - _ROUNDS_UP:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // _HOUR} h {whole % _HOUR // 60:02} min"


def one_line(text: str) -> str:
    """Return *text* on one line, without what a terminal would take for a command.

    A name in a database or a text of a server must not steer the terminal of its reader.
    """
    text = _BREAK.sub(" ", text)
    return _STEERING.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
