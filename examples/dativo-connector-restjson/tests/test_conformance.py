"""The connector keeps the contract."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from fake_api import TOKEN, FakeApi

from dativo.testing import Denied, SourceCases, SourceConformance

LIST = {
    "records": "data.items",
    "paging": {"page_number": {"size_param": "per_page", "size": 100}},
    "primary_key": ["id"],
}
FIELDS = {"id": "int64", "updated_at": "timestamp", "name": "string", "about": "json"}


class TestRestJson(SourceConformance):
    connector = "restjson"

    @contextlib.contextmanager
    def cases(self) -> Iterator[SourceCases]:
        with FakeApi() as api:
            yield cases(api)


def cases(api: FakeApi) -> SourceCases:
    count = 250
    api.add("orders", *(order(number) for number in range(count)))
    api.add("notes")
    api.add("secret", order(1))
    incremental = {"field": "updated_at", "param": "since", "ascending": True}
    orders = {**LIST, "path": "/page/orders", "fields": FIELDS, "incremental": incremental}
    notes = {**LIST, "path": "/page/notes", "fields": FIELDS}
    good = {
        "base_url": api.url,
        "auth": {"bearer": TOKEN},
        "streams": {"orders": orders, "notes": notes},
    }
    api.forbidden.add("secret")
    secret = {**orders, "path": "/page/secret"}
    return SourceCases(
        good=good,
        bad_credentials={**good, "auth": {"bearer": "wrong-secret-token"}},
        unreachable={**good, "base_url": "http://127.0.0.1:9"},
        missing_privilege=Denied(config={**good, "streams": {"secret": secret}}, stream="secret"),
        streams=("orders", "notes"),
        change=lambda _: api.add("orders", order(len(api.records["orders"]))),
        empty="notes",
    )


def order(number: int) -> dict[str, object]:
    stamp = f"2026-01-01T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z"
    return {"id": number, "updated_at": stamp, "name": f"order {number}", "about": {"n": number}}
