"""A strict fake of Stripe's API on loopback."""

from __future__ import annotations

import json
import random
import ssl
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import attrs

from dativo_test_support.stripe.access import Bucket, Key, Keys
from dativo_test_support.stripe.api import Api
from dativo_test_support.stripe.clock import Clock
from dativo_test_support.stripe.events import Events
from dativo_test_support.stripe.exchange import Request, Seen
from dativo_test_support.stripe.kinds import KINDS, Kind
from dativo_test_support.stripe.records import Record
from dativo_test_support.stripe.script import Script, answer_by
from dativo_test_support.stripe.server import Connection, Server, deliver
from dativo_test_support.stripe.store import Store
from dativo_test_support.stripe.templates import token
from dativo_test_support.tls import Certificate

__all__ = ["API_VERSION", "FakeStripe"]

API_VERSION = "2026-10-28.endive"
_DAYS_BACK = 365
_DAY = 86_400


class FakeStripe:
    """A server with one account; used as a context manager.

    Lists are newest first. Parameters that Stripe does not know, a limit above 100, a cursor that
    does not exist and so on are refused as Stripe refuses them. Everything that is random follows
    from *seed*.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        livemode: bool = False,
        clock: Clock | None = None,
        certificate: Certificate | None = None,
        keeps_cursors: bool = False,
    ) -> None:
        self._random = random.Random(seed)
        self._sequence = 0
        mode = "live" if livemode else "test"
        self.clock = clock or Clock()
        self.store = Store()
        self.livemode = livemode
        self.key = f"sk_{mode}_{self._token(32)}"
        self.account_id = f"acct_{self._token(16)}"
        self.requests: list[Seen] = []
        self.script: Script = []
        self.latency_seconds = 0.0
        keys = Keys({self.key: Key(self.key)}, {self.account_id})
        own = self._record(KINDS["account"], {"id": self.account_id}, self.clock.now)
        self.api = Api(self.store, self.clock, keys, own, API_VERSION, keeps_cursors)
        self.events = Events(self.store, self.clock, self._event, API_VERSION)
        self._lock = threading.Lock()
        self._count = 0
        self._request_random = random.Random(seed + 1)
        self._scheme = "https" if certificate else "http"
        self.server = Server(self._serve, _tls(certificate) if certificate else None)

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.server.stop()

    @property
    def url(self) -> str:
        """Where it listens, while it does."""
        return f"{self._scheme}://127.0.0.1:{self.server.port}"

    @property
    def account_version(self) -> str:
        """The API version of the account: of events, and of requests that name none."""
        return self.events.api_version

    @account_version.setter
    def account_version(self, version: str) -> None:
        self.events.api_version = self.api.account_version = version

    def add(
        self, kind: str, *, created: int | None = None, tell: bool = True, **fields: Any
    ) -> dict[str, Any]:
        """Make one object and return it; fields that are not given are made up.

        Args:
            kind: Its `object`, such as `charge` or `checkout.session`.
            created: When it was made; now unless given.
            tell: Whether there is an event about it.
            fields: Its fields; `ABSENT` leaves one out, and new names are new fields.
        """
        record = self._record(KINDS[kind], fields, self.clock.now if created is None else created)
        with self.store.lock:
            siblings = self.events.siblings(record) if tell else {}
            self.store.add([record])
            if tell and record.kind.created_event:
                self.events.tell(record, record.kind.created_event, moment=record.created)
            elif tell:
                self.events.tell_of_parent(record, siblings)
        return self.read(record.id)

    def add_many(
        self,
        kind: str,
        count: int,
        *,
        start: int | None = None,
        end: int | None = None,
        links: Mapping[str, Sequence[str]] | None = None,
        **fields: Any,
    ) -> list[str]:
        """Make *count* objects and return their ids, oldest first; there are no events of them.

        Args:
            kind: Their `object`.
            count: How many.
            start: The first second of `created`; a year ago unless given.
            end: The last second of `created`; now unless given.
            links: Fields that get one of some values at random, such as the ids of customers.
            fields: Fields that are the same for all.
        """
        last = self.clock.now if end is None else end
        first = last - _DAYS_BACK * _DAY if start is None else start
        moments = sorted(self._random.randint(first, last) for _ in range(count))
        records = []
        for moment in moments:
            chosen = {name: self._random.choice(ids) for name, ids in (links or {}).items()}
            records.append(self._record(KINDS[kind], {**fields, **chosen}, moment))
        self.store.add(records)
        return [record.id for record in records]

    def adopt(self, records: Iterable[Record]) -> None:
        """Take objects that another fake has as well; there are no events of them."""
        taken = list(records)
        self._sequence = max([self._sequence, *(one.sequence for one in taken)])
        self.store.add(taken)

    def update(self, key: str, *, event: str | None = None, **fields: Any) -> dict[str, Any]:
        """Change an object, write an event about it, and return it.

        Args:
            key: Its id.
            event: The type of the event; the usual one of its kind unless given, none if empty.
            fields: What changes.
        """
        with self.store.lock:
            old = self.store.get(key)
            new = attrs.evolve(old, given={**old.given, **fields}, text=None)
            previous, siblings = self.events.before(old, fields), self.events.siblings(old)
            self.store.replace(new)
            name = old.kind.updated_event if event is None else event
            if name:
                self.events.tell(new, name, previous=previous)
            elif event is None:
                self.events.tell_of_parent(new, siblings)
        return self.read(key)

    def delete(self, key: str) -> None:
        """End an object as its kind ends, and write an event about it.

        A subscription is canceled and a payment method detached; others are gone. The subscriptions
        of a customer end with it.
        """
        with self.store.lock:
            record = self.store.get(key)
            event = record.kind.deleted_event
            if record.kind is KINDS["subscription"]:
                self._cancel(key)
            elif record.kind is KINDS["payment_method"]:
                self.update(key, event=event, customer=None)
            else:
                if record.kind is KINDS["customer"]:
                    self._cancel_all(key)
                siblings = self.events.siblings(record)
                self.store.remove(key)
                if event:
                    self.events.tell(record, event)
                else:
                    self.events.tell_of_parent(record, siblings)

    def hide_until(self, key: str, moment: int) -> None:
        """Let an object be in no answer before *moment* of the clock."""
        with self.store.lock:
            self.store.replace(attrs.evolve(self.store.get(key), visible_from=moment))

    def read(self, key: str) -> dict[str, Any]:
        """Return an object as the API does, visible or not."""
        with self.store.lock:
            found: dict[str, Any] = json.loads(self.store.get(key).text(self.store.embedded))
            return found

    def ids(self, kind: str) -> list[str]:
        """Return the ids of all objects of a kind, newest first."""
        with self.store.lock:
            return [record.id for record in reversed(self.store.records(KINDS[kind]))]

    def restricted_key(self, *kinds: str, account: bool = False) -> str:
        """Return a new key that may read *kinds* alone, and the account if that is said."""
        mode = "live" if self.livemode else "test"
        secret = f"rk_{mode}_{self._token(32)}"
        rights = {KINDS[kind].permission for kind in kinds}
        rights |= {"rak_accounts_kyc_basic_read"} if account else set()
        self.api.keys.keys[secret] = Key(secret, frozenset(rights))
        return secret

    def expire(self, key: str) -> None:
        """Let a key expire."""
        self.api.keys.keys[key].has_expired = True

    def limit(self, rate: float, *, path: str = "", burst: float | None = None) -> None:
        """Answer 429 to what comes faster than *rate* in a second of real time.

        Args:
            rate: Requests in a second.
            path: Of this path alone; of the account unless given.
            burst: So many may come at once; as many as in a second unless given.
        """
        reason = "endpoint-rate" if path else "global-rate"
        self.api.buckets[path] = Bucket(rate, burst or max(1.0, rate), reason=reason)

    def _record(self, kind: Kind, fields: Mapping[str, object], created: int) -> Record:
        given = dict(fields)
        self._sequence += 1
        return Record(
            kind=kind,
            id=str(given.pop("id", "") or kind.prefix + self._token(kind.token_length)),
            created=created,
            sequence=self._sequence,
            number=self._random.getrandbits(128),
            given=given,
            livemode=self.livemode,
        )

    def _event(self, fields: Mapping[str, object], moment: int) -> Record:
        return self._record(KINDS["event"], fields, moment)

    def _token(self, length: int) -> str:
        return token(self._random.getrandbits(6 * length), length)

    def _cancel(self, key: str) -> None:
        now, event = self.clock.now, KINDS["subscription"].deleted_event
        self.update(key, event=event, status="canceled", canceled_at=now, ended_at=now)

    def _cancel_all(self, customer: str) -> None:
        for record in list(self.store.records(KINDS["subscription"])):
            values = [record.value(name, self.store.embedded) for name in ("customer", "status")]
            if values[0] == customer and values[1] != "canceled":
                self._cancel(record.id)

    def _serve(self, request: Request, connection: Connection) -> None:
        arrived = connection.arrived
        with self._lock:
            numbered = attrs.evolve(
                request,
                ordinal=self._count,
                id=f"req_{token(self._request_random.getrandbits(84), 14)}",
            )
            self._count += 1
        connection.wait(self.latency_seconds)
        answer = answer_by(self.script, numbered, self.api)
        now, wait = time.monotonic(), answer.retry_after_seconds
        self.requests.append(Seen(numbered, arrived, now, answer.status, wait))
        deliver(answer, connection)
        if request.headers.get("connection", "").lower() == "close":
            connection.end()


def _tls(certificate: Certificate) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.certificate, certificate.key)
    return context
