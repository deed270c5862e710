"""The connector keeps the contract."""

from __future__ import annotations

from collections.abc import Iterator

from fake_api import LIMITED, TOKEN, FakeApi

from dativo.testing import Denied, Inapplicable, SourceCases, SourceConformance, Waiting

LIST: dict[str, object] = {
    "records": "data.items",
    "paging": {"page_number": {"size_param": "per_page", "size": 100}},
    "primary_key": ["id"],
}
FIELDS = {"id": "int64", "updated_at": "timestamp", "name": "string", "about": "json"}


class TestRestJson(SourceConformance):
    connector = "restjson"

    def cases(self) -> Iterator[SourceCases]:
        with FakeApi() as api:
            yield situations(api)


def situations(api: FakeApi) -> SourceCases:
    api.size = 100
    api.add("orders", *(order(number) for number in range(250)))
    api.add("notes")
    api.add("everything")
    api.add("huge", {"text": "x" * (2 << 20)})
    api.add("staff", order(1))
    api.unlimited.add("staff")
    incremental = {"field": "updated_at", "param": "since", "ascending": True}
    streams: dict[str, object] = {
        "orders": {**LIST, "path": "/page/orders", "fields": FIELDS, "incremental": incremental},
        "notes": {**LIST, "path": "/page/notes", "fields": FIELDS},
        "staff": {**LIST, "path": "/page/staff"},
        "large": {**LIST, "records": "$", "path": "/large/everything"},
    }
    good: dict[str, object] = {"base_url": api.url, "auth": {"bearer": TOKEN}, "streams": streams}
    return SourceCases(
        good=good,
        bad_credentials={**good, "auth": {"bearer": "wrong-secret-token"}},
        unreachable={**good, "base_url": "http://127.0.0.1:9"},
        missing_privilege=Denied(config={**good, "auth": {"bearer": LIMITED}}, stream="staff"),
        streams=tuple(streams),
        change=lambda name: api.add(name, order(len(api.records[name]))),
        empty="notes",
        large="large",
        waiting=Waiting(config=one(good, path="/hang"), stream="orders"),
        errors={
            "AUTHENTICATION": Inapplicable("the API of the tests has no TLS"),
            "CAPABILITY_MISSING": Inapplicable("a job brings it about, and not the settings"),
            "CONFIGURATION": one(good, path="/status/400"),
            "CONNECT_TIMEOUT": {**one(good, path="/hang"), "timeout_seconds": 0.2},
            "DATA_FORMAT": one(good, path="/link/orders", records="data"),
            "DATA_VALIDATION": one(good, path="/link/orders", fields={"id": "boolean"}),
            "RATE_LIMIT": one(good, path="/status/429"),
            "RESOURCE_NOT_FOUND": one(good, path="/link/nothing"),
            "RESOURCE_UNAVAILABLE": {**one(good, path="/link/huge"), "max_response_mib": 1},
            "SCHEMA_VALIDATION": one(good, path="/link/staff", incremental={"field": "about"}),
            "SERVICE_UNAVAILABLE": one(good, path="/status/500"),
            "STATE": Inapplicable("a change between two reads brings it about"),
        },
    )


def one(good: dict[str, object], **stream: object) -> dict[str, object]:
    return {**good, "streams": {"orders": stream}}


def order(number: int) -> dict[str, object]:
    stamp = f"2026-01-01T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}Z"
    return {"id": number, "updated_at": stamp, "name": f"order {number}", "about": {"n": number}}
