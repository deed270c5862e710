"""The connector keeps the contract: one test per rule of Dativo's conformance kit."""

from __future__ import annotations

from collections.abc import Iterator

from dativo.testing import Denied, Inapplicable, SourceCases, SourceConformance, Waiting
from fake_api import TOKEN, TOKEN_WITHOUT_CUSTOMERS, FakeApi

# Error codes, and the way in which the API fails then.
FAILURES = {
    "CONFIGURATION": "400",
    "DATA_FORMAT": "200",
    "DATA_VALIDATION": "odd",
    "RATE_LIMIT": "429",
    "RESOURCE_NOT_FOUND": "404",
    "SERVICE_UNAVAILABLE": "503",
}


class TestConformance(SourceConformance):
    connector = "sample-system"

    def cases(self) -> Iterator[SourceCases]:
        with FakeApi(orders=30_000).serving() as api:
            good = {"base_url": api.base_url, "token": TOKEN, "timeout_seconds": 5}
            slow = {**good, "base_url": f"{api.base_url}/fail/slow", "timeout_seconds": 60}
            limited = {**good, "token": TOKEN_WITHOUT_CUSTOMERS}
            yield SourceCases(
                good=good,
                bad_credentials={**good, "token": "token-of-somebody-else"},
                unreachable={**good, "base_url": "http://127.0.0.1:1"},
                missing_privilege=Denied(config=limited, stream="customers"),
                errors={
                    "CONNECT_TIMEOUT": {**slow, "timeout_seconds": 0.2},
                    **{
                        code: {**good, "base_url": f"{api.base_url}/fail/{how}"}
                        for code, how in FAILURES.items()
                    },
                    "SCHEMA_VALIDATION": Inapplicable("no setting brings it about"),
                },
                check_seconds=5,
                streams=("customers", "orders", "regions"),
                change=api.change,
                empty="regions",
                large="orders",
                waiting=Waiting(config=slow, stream="customers"),
            )
