"""Serve charges as Stripe does, in a process of its own, and tell what was asked of it.

Usage: python benchmarks/charges_fake.py COUNT SECONDS PART

It has COUNT charges and takes SECONDS for each answer. Its first line of output is JSON: where it
listens, its key, and for all of them and for the newest PART of them since when they are, how many,
and what their amounts add up to. For each line that it is sent it prints one about the requests for
charges since the last one. It ends when its input does.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from dativo_test_support.stripe import KINDS, FakeStripe

__all__: list[str] = []

_CHARGE = KINDS["charge"]


def main() -> None:
    """Serve until the input ends."""
    count, seconds, part = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    with FakeStripe(seed=1, livemode=True) as fake:
        fake.latency_seconds = seconds
        fake.add_many(_CHARGE.name, count)
        wholes = [_whole(fake, share) for share in (1.0, part)]
        _tell({"url": fake.url, "key": fake.key, "charges": wholes})
        for _ in sys.stdin:
            arrived = [seen.arrived for seen in fake.requests if seen.path == _CHARGE.path]
            fake.requests.clear()
            _tell({"requests": len(arrived), "seconds": max(arrived) - min(arrived)})


def _whole(fake: FakeStripe, share: float) -> dict[str, int]:
    with fake.store.lock:
        charges = fake.store.records(_CHARGE)
        first = charges[round(len(charges) * (1 - share))].created
        newest = [one for one in charges if one.created >= first]
        total = sum(int(str(one.value("amount", fake.store.embedded))) for one in newest)
    return {"since": first, "rows": len(newest), "total": total}


def _tell(said: dict[str, Any]) -> None:
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
