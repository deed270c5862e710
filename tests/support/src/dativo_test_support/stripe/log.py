"""What the log of requests says about a client's manners."""

from __future__ import annotations

from collections.abc import Iterable

from dativo_test_support.stripe.exchange import Seen

__all__ = ["too_early"]


def too_early(requests: Iterable[Seen], grace_seconds: float = 0.1) -> list[Seen]:
    """Return the requests that came while an answer had told to wait.

    What was on its way when that answer came is not meant: so much is the grace.
    """
    early, waits = [], list[tuple[float, float]]()
    for one in sorted(requests, key=lambda seen: seen.arrived):
        if any(since + grace_seconds < one.arrived < until for since, until in waits):
            early.append(one)
        if one.retry_after_seconds:
            waits.append((one.answered, one.answered + one.retry_after_seconds))
    return early
