from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from dativo.testing import Denied, Inapplicable, Rule, SourceCases, SourceConformance, Waiting
from dativo_connector_stripe._streams import streams
from dativo_test_support.stripe import KINDS, FakeStripe, Step
from dativo_test_support.stripe.wire_faults import never

_ELSEWHERE = (
    "AUTHENTICATION CONFIGURATION CONNECT_TIMEOUT DATABASE_LOCK DATA_NOT_FOUND DATA_VALIDATION "
    "RATE_LIMIT RESOURCE_UNAVAILABLE SCHEMA_VALIDATION SERVICE_UNAVAILABLE STATE"
)
_OTHERS = tuple(name for name in KINDS if name != "product")


class TestStripe(SourceConformance):
    connector = "stripe"
    not_verified: ClassVar = {"memory.bounded": "TestLargeStream looks at it"}
    customers: ClassVar[int] = 10
    fake: ClassVar[FakeStripe]
    silent: ClassVar[FakeStripe]

    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def _accounts(cls) -> Iterator[None]:
        with FakeStripe() as cls.fake, FakeStripe() as cls.silent:
            cls.fake.add_many("charge", 120)
            cls.fake.add_many("product", 30)
            cls.fake.add_many("customer", cls.customers, description="x" * 5000)
            cls.silent.add_many("charge", 120)
            cls.silent.script = [Step(never(), path="/v1/charges.*limit=100", times=None)]
            yield

    @contextlib.contextmanager
    def cases(self) -> Iterator[SourceCases]:
        good = _settings(self.fake)
        expired = self.fake.restricted_key("charge")
        self.fake.expire(expired)
        yield SourceCases(
            good=good,
            bad_credentials={**good, "api_key": "sk_test_unknown0unknown0unknown"},
            unreachable={**good, "api_base": "http://127.0.0.1:1"},
            check_seconds=5.0,
            missing_privilege=Denied(
                config={**good, "api_key": self.fake.restricted_key(*_OTHERS, account=True)},
                stream="products",
            ),
            errors={
                "TOKEN_EXPIRED": {**good, "api_key": expired},
                **dict.fromkeys(_ELSEWHERE.split(), Inapplicable("see the other tests")),
            },
            streams=tuple(streams()),
            sample=("charges", "products", "coupons"),
            change=self.change,
            large="customers" if self.customers > 1000 else None,
            empty="coupons",
            waiting=Waiting(config=_settings(self.silent), stream="charges"),
        )

    def change(self, stream: str) -> Inapplicable | None:
        if stream == "coupons":
            return Inapplicable("it stays empty")
        kind = stream.removesuffix("s")
        self.fake.clock.advance(3600)
        self.fake.update(self.fake.ids(kind)[-1], description=f"changed {self.fake.clock.now}")
        self.fake.add(kind)
        # What happens in the very second of a read is for the next one.
        self.fake.clock.advance(3600)
        return None


class TestLargeStream(TestStripe):
    not_verified: ClassVar = {}
    customers = 7000

    @classmethod
    def rules(cls) -> tuple[Rule, ...]:
        return tuple(rule for rule in super().rules() if rule.name == "memory.bounded")


def _settings(fake: FakeStripe) -> dict[str, Any]:
    rates = {"requests_per_second": 10_000, "endpoint_requests_per_second": 10_000}
    return {"api_key": fake.key, "api_base": fake.url, "timeout_seconds": 2, **rates}
