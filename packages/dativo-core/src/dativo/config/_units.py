"""Sizes and times with units, as people write them."""

from __future__ import annotations

import re

__all__ = ["DURATION_PATTERN", "SIZE_PATTERN", "read_duration", "read_size"]

_SIZES = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
}
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}

SIZE_PATTERN = r"[0-9]{1,12}(\.[0-9]{1,3})? ?(B|[KMGT]i?B)"
DURATION_PATTERN = r"([0-9]{1,9}(\.[0-9]{1,3})?(ms|s|m|h|d))+"

_SIZE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,3})?) ?(B|[KMGT]i?B)")
_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)(ms|s|m|h|d)")


def read_size(text: str) -> int:
    """Return the bytes of a text such as ``512MB``; ``MB`` is 10^6 and ``MiB`` 2^20.

    Raises:
        ValueError: It is no size.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        msg = "expected a size with its unit, such as 512MB or 1.5GiB"
        raise ValueError(msg)
    return int(float(match[1]) * _SIZES[match[2]])


def read_duration(text: str) -> float:
    """Return the seconds of a text such as ``2h``, ``90s`` or ``1h30m``.

    Raises:
        ValueError: It is no time.
    """
    if not re.fullmatch(DURATION_PATTERN, text):
        msg = "expected a time with its unit, such as 90s, 10m or 2h"
        raise ValueError(msg)
    return float(sum(float(number) * _SECONDS[unit] for number, unit in _PART.findall(text)))
