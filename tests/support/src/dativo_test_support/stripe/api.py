"""The API: from a request to its answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from email.utils import formatdate

import attrs

from dativo_test_support.stripe.access import Bucket, Key, Keys, check_version
from dativo_test_support.stripe.clock import Clock
from dativo_test_support.stripe.errors import Refusal, missing
from dativo_test_support.stripe.exchange import Answer, Request
from dativo_test_support.stripe.expand import Expander
from dativo_test_support.stripe.kinds import KINDS, Kind
from dativo_test_support.stripe.lists import EVENT_DAYS, expansions, page, refuse_unknown
from dativo_test_support.stripe.records import Record
from dativo_test_support.stripe.store import Store
from dativo_test_support.stripe.templates import encode

__all__ = ["Api"]

_ACCOUNT_RIGHT = "rak_accounts_kyc_basic_read"
_SMALLEST_PACKED = 1024


@attrs.define
class Api:
    """Answers requests from a store.

    Attributes:
        store: What there is.
        clock: What time it is.
        keys: Who may ask.
        account: The account that the keys belong to.
        account_version: The API version of requests that name none, and of events.
        keeps_cursors: An object that was deleted still serves as a cursor.
        gzip: Whether answers are compressed for who takes it.
        buckets: Limits of requests by path; an empty path is the whole account.
    """

    store: Store
    clock: Clock
    keys: Keys
    account: Record
    account_version: str
    keeps_cursors: bool
    gzip: bool = True
    buckets: dict[str, Bucket] = attrs.field(factory=dict)

    def answer(self, request: Request) -> Answer:
        """Return the answer, which is an error if the request is wrong."""
        try:
            with self.store.lock:
                self.store.now = self.clock.now
                return self.success(request, self._data(request))
        except Refusal as refusal:
            return self.failure(request, refusal)

    def success(self, request: Request, body: bytes) -> Answer:
        return self._answer(request, 200, body, ())

    def failure(self, request: Request, refusal: Refusal) -> Answer:
        """Return *refusal* as an answer to *request*."""
        body = refusal.body(request.id, self.clock.now, livemode=self.account.livemode)
        return self._answer(request, refusal.status, body, refusal.headers)

    def _answer(
        self, request: Request, status: int, body: bytes, more: tuple[tuple[str, str], ...]
    ) -> Answer:
        headers = {
            "Server": "nginx",
            "Date": formatdate(self.clock.now, usegmt=True),
            "Content-Type": "application/json",
            "Connection": "keep-alive",
            "Cache-Control": "no-cache, no-store",
            "Request-Id": request.id,
            "Stripe-Version": request.headers.get("stripe-version", self.account_version),
            "Vary": "Origin",
            **dict(more),
        }
        if self.gzip and request.takes_gzip and len(body) >= _SMALLEST_PACKED:
            headers["Content-Encoding"] = "gzip"
        if "stripe-account" in request.headers:
            headers["Stripe-Account"] = request.headers["stripe-account"]
        return Answer(status, headers, body)

    def _data(self, request: Request) -> bytes:
        key = self.keys.admit(request)
        check_version(request.headers.get("stripe-version", self.account_version))
        for path in ("", request.path):
            if path in self.buckets:
                self.buckets[path].take()
        if request.method == "GET":
            for pattern, serve in _ROUTES:
                found = pattern.fullmatch(request.path)
                if found:
                    return serve(self, request, key, found.groupdict())
        raise Refusal(
            404,
            f"Unrecognized request URL ({request.method}: {request.path}). Please see"
            " https://stripe.com/docs or we can help at https://support.stripe.com/.",
        )

    def own_account(self, request: Request, key: Key, names: dict[str, str]) -> bytes:
        key.demand(_ACCOUNT_RIGHT, self.account.id)
        refuse_unknown(request.params, ["expand"])
        return _document(self.account.text(self.store.embedded))

    def listed(self, kind: Kind, request: Request, key: Key, parent: str | None) -> bytes:
        key.demand(kind.permission, self.account.id)
        owner = KINDS[kind.parent] if parent is not None else kind
        if parent is not None and self.store.find(parent, owner) is None:
            raise missing(owner.called, parent, kind.parent)
        params = request.params
        found = page(self.store, kind, params, parent=parent, keeps_cursors=self.keeps_cursors)
        paths = expansions(params)
        if paths:
            plain = [json.loads(one.text(self.store.embedded)) for one in found.records]
            body = {"object": "list", "data": plain, "has_more": found.has_more}
            for path in paths:
                Expander(self.store, self._allow(key)).expand(body, path)
            return _document(encode({**body, "url": request.path}))
        # Bytes, and not before: one long text with a single wide character is slow to make.
        data = [one.text(self.store.embedded, listed=True).encode() for one in found.records]
        end = f'],\n  "has_more": {encode(found.has_more)},\n  "url": "{request.path}"\n}}\n'
        inner = b"\n    " + b",\n    ".join(data) + b"\n  " if data else b""
        return b"".join([b'{\n  "object": "list",\n  "data": [', inner, end.encode()])

    def retrieved(self, kind: Kind, request: Request, key: Key, name: str) -> bytes:
        key.demand(kind.permission, self.account.id)
        refuse_unknown(request.params, ["expand"])
        record = self.store.find(name, kind)
        if record is None and kind is KINDS["customer"] and self.store.gone(name, kind):
            return _document(encode({"id": name, "object": kind.name, "deleted": True}))
        oldest = self.clock.now - EVENT_DAYS * 86_400
        if record is None or (kind is KINDS["event"] and record.created < oldest):
            raise missing(kind.called, name)
        paths = expansions(request.params)
        if not paths:
            return _document(record.text(self.store.embedded))
        fields = json.loads(record.text(self.store.embedded))
        for path in paths:
            Expander(self.store, self._allow(key)).expand(fields, path)
        return _document(encode(fields))

    def _allow(self, key: Key) -> Callable[[Kind], None]:
        return lambda kind: key.demand(kind.permission, self.account.id)


_Serve = Callable[[Api, Request, Key, dict[str, str]], bytes]


def _document(text: str) -> bytes:
    return text.encode() + b"\n"


def _lists(kind: Kind) -> _Serve:
    return lambda api, request, key, names: api.listed(kind, request, key, names.get("parent"))


def _one(kind: Kind) -> _Serve:
    return lambda api, request, key, names: api.retrieved(kind, request, key, names["name"])


def _routes() -> list[tuple[re.Pattern[str], _Serve]]:
    parent, name = r"(?P<parent>[\w-]+)", r"(?P<name>[\w-]+)"
    routes: list[tuple[re.Pattern[str], _Serve]] = [(re.compile("/v1/account"), Api.own_account)]
    methods = _lists(KINDS["payment_method"])
    routes.append((re.compile(f"/v1/customers/{parent}/payment_methods"), methods))
    for kind in KINDS.values():
        routes.append((re.compile(kind.path.replace("{}", parent)), _lists(kind)))
        if kind.is_retrieved:
            routes.append((re.compile(f"{kind.path}/{name}"), _one(kind)))
    return routes


_ROUTES = _routes()
