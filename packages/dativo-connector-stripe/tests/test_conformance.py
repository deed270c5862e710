from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, ClassVar

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

    def cases(self) -> Iterator[SourceCases]:
        with FakeStripe() as fake, FakeStripe() as silent:
            fake.add_many("charge", 120)
            fake.add_many("product", 30)
            fake.add_many("customer", self.customers, description="x" * 5000)
            silent.add_many("charge", 120)
            silent.script = [Step(never(), path="/v1/charges.*limit=100", times=None)]
            yield self.situations(fake, silent)

    def situations(self, fake: FakeStripe, silent: FakeStripe) -> SourceCases:
        good = _settings(fake)
        expired = fake.restricted_key("charge")
        fake.expire(expired)
        return SourceCases(
            good=good,
            bad_credentials={**good, "api_key": "sk_test_unknown0unknown0unknown"},
            unreachable={**good, "api_base": "http://127.0.0.1:1"},
            check_seconds=5.0,
            missing_privilege=Denied(
                config={**good, "api_key": fake.restricted_key(*_OTHERS, account=True)},
                stream="products",
            ),
            errors={
                "TOKEN_EXPIRED": {**good, "api_key": expired},
                **dict.fromkeys(_ELSEWHERE.split(), Inapplicable("see the other tests")),
            },
            streams=tuple(streams()),
            sample=("charges", "products", "coupons"),
            change=functools.partial(_change, fake),
            large="customers" if self.customers > 1000 else None,
            empty="coupons",
            waiting=Waiting(config=_settings(silent), stream="charges"),
        )


class TestLargeStream(TestStripe):
    not_verified: ClassVar = {}
    customers = 7000

    @classmethod
    def rules(cls) -> tuple[Rule, ...]:
        return tuple(rule for rule in super().rules() if rule.name == "memory.bounded")


def _change(fake: FakeStripe, stream: str) -> Inapplicable | None:
    if stream == "coupons":
        return Inapplicable("it stays empty")
    kind = stream.removesuffix("s")
    fake.clock.advance(3600)
    fake.update(fake.ids(kind)[-1], description=f"changed {fake.clock.now}")
    fake.add(kind)
    # What happens in the very second of a read is for the next one.
    fake.clock.advance(3600)
    return None


def _settings(fake: FakeStripe) -> dict[str, Any]:
    rates = {"requests_per_second": 10_000, "endpoint_requests_per_second": 10_000}
    return {"api_key": fake.key, "api_base": fake.url, "timeout_seconds": 2, **rates}
