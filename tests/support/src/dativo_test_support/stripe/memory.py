"""Stripe's lists and events in memory, with the connector's own client interface.

What the wire does is tried with the fake server; here thousands of reads take a second.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Sequence
from typing import Any

import attrs

from dativo.contract import Context
from dativo.errors import ResourceNotFoundError
from dativo_connector_stripe._client import Account, Answer

__all__ = ["MemoryApi"]

Record = dict[str, Any]

_VERSION = "2026-10-28.endive"


@attrs.define
class MemoryApi:
    """An account; ``clock`` is in seconds since 1970.

    Attributes:
        clock: Stripe's time.
        objects: By path, in the order of their insertion.
        visible: From when on an object is in its list, by id.
        requests: The path and parameters of each request.
        naps: Gives how long a request takes, in seconds.
        writes_in: The version in which payloads of events are written.
        says: The path that pages name, if it is a wrong one.
        owner: Whose key it is.
        ignores: Parameters that are not looked at.
    """

    clock: int = 1_700_000_000
    objects: dict[str, list[Record]] = attrs.field(factory=dict)
    visible: dict[str, int] = attrs.field(factory=dict)
    requests: list[tuple[str, dict[str, str]]] = attrs.field(factory=list)
    naps: Any = lambda: 0.0
    writes_in: str = _VERSION
    ignores: tuple[str, ...] = ()
    says: str = ""
    owner: Account = attrs.field(factory=lambda: Account("acct_1", livemode=False))
    latency_seconds: float = 0.1
    requests_per_second: float = 80.0
    _lock: threading.Lock = attrs.field(factory=threading.Lock)
    _numbers: int = 0

    def add(self, path: str, kind: str, created: int | None = None, **fields: Any) -> Record:
        """Create an object; with an event if it is created now."""
        self._numbers += 1
        record = {
            "id": f"{kind}_{self._numbers:06d}",
            "object": kind,
            "created": self.clock if created is None else created,
            **fields,
        }
        self.objects.setdefault(path, []).append(record)
        return record

    def tell(self, kind: str, record: Record, before: Record | None = None) -> Record:
        """Add an event about *record* as it is now."""
        data: Record = {"object": json.loads(json.dumps(record))}
        if before is not None:
            data["previous_attributes"] = before
        return self.add("/v1/events", "event", type=kind, data=data, api_version=self.writes_in)

    def remove(self, path: str, record: Record) -> None:
        """Take an object out of its list."""
        self.objects[path].remove(record)

    def rate(self, endpoint: str) -> float:
        return self.requests_per_second

    def now(self, context: Context) -> int:
        return self.clock

    def account(self, context: Context) -> Account:
        return self.owner

    def get(
        self,
        context: Context,
        path: str,
        params: Sequence[tuple[str, str]] = (),
        *,
        endpoint: str = "",
    ) -> Answer:
        asked = {name: value for name, value in params if name not in self.ignores}
        with self._lock:
            self.requests.append((path, asked))
            body = self._list(path, asked) if path in self.objects or params else self._one(path)
            nap = self.naps()
        time.sleep(nap)
        return Answer(json.dumps(body).encode(), self.clock, "req_1")

    def _one(self, path: str) -> Record:
        folder, _, name = path.rpartition("/")
        for record in self.objects.get(folder, []):
            if record["id"] == name:
                return record
        raise _missing("id")

    def _list(self, path: str, asked: dict[str, str]) -> Record:
        def order(numbered: tuple[int, Record]) -> tuple[int, int]:
            return -numbered[1]["created"], -numbered[0]

        there = [record for _, record in sorted(enumerate(self.objects.get(path, [])), key=order)]
        kind = asked.get("type", "*").rstrip("*")
        found = [
            record
            for record in there
            if self.visible.get(record["id"], 0) <= self.clock
            and record["created"] >= int(asked.get("created[gte]", 0))
            and record["created"] < int(asked.get("created[lt]", 1 << 40))
            and record.get("type", "").startswith(kind)
        ]
        after = asked.get("starting_after")
        if after is not None:
            ids = [record["id"] for record in there]
            if after not in ids:
                raise _missing("starting_after")
            passed = set(ids[: ids.index(after) + 1])
            found = [record for record in found if record["id"] not in passed]
        size = int(asked["limit"])
        url = self.says or path
        return {"object": "list", "url": url, "data": found[:size], "has_more": len(found) > size}


def napping(source: random.Random, longest: float) -> Any:
    """Return naps of random length up to *longest* seconds."""
    return lambda: source.random() * longest


def _missing(parameter: str) -> ResourceNotFoundError:
    return ResourceNotFoundError(
        "No such object", details={"param": parameter, "status": 400 if parameter != "id" else 404}
    )
