"""A strict fake of Stripe's API on loopback, with faults as a test scripts them.

The faults are in `faults` (whole answers), `wire_faults` and `data_faults`.
"""

from __future__ import annotations

from dativo_test_support.stripe.clock import START, Clock
from dativo_test_support.stripe.errors import Refusal
from dativo_test_support.stripe.exchange import Answer, Line, Request, Seen
from dativo_test_support.stripe.fake import API_VERSION, FakeStripe
from dativo_test_support.stripe.kinds import KINDS, Kind
from dativo_test_support.stripe.log import too_early
from dativo_test_support.stripe.records import ABSENT
from dativo_test_support.stripe.script import Answers, Fault, Script, Step, together

__all__ = [
    "ABSENT",
    "API_VERSION",
    "KINDS",
    "START",
    "Answer",
    "Answers",
    "Clock",
    "FakeStripe",
    "Fault",
    "Kind",
    "Line",
    "Refusal",
    "Request",
    "Script",
    "Seen",
    "Step",
    "together",
    "too_early",
]
