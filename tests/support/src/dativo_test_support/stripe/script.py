"""Which requests go wrong: steps that are matched by path and number, or any function."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence

import attrs

from dativo_test_support.stripe.api import Api
from dativo_test_support.stripe.errors import Refusal
from dativo_test_support.stripe.exchange import Answer, Request

__all__ = ["Answers", "Fault", "Script", "Step", "answer_by", "together"]

Fault = Callable[[Request, "Answers"], Answer]
"""Makes the answer to a request: it may ask for the right one and change it, or raise a Refusal."""

_COUNTING = threading.Lock()


@attrs.define
class Step:
    """A fault and the requests that it happens to.

    Attributes:
        fault: What happens.
        path: A regular expression that the path with its query contains.
        skip: So many matching requests pass first; those that an earlier step took do not count.
        times: So many are hit; ``None`` for all that follow.
    """

    fault: Fault
    path: str = attrs.field(default="", kw_only=True)
    skip: int = attrs.field(default=0, kw_only=True)
    times: int | None = attrs.field(default=1, kw_only=True)
    hits: int = attrs.field(default=0, init=False)
    _seen: int = attrs.field(default=0, init=False)

    def takes(self, request: Request) -> bool:
        """Say whether it hits this request, and count it."""
        if not re.search(self.path, f"{request.path}?{request.query}"):
            return False
        with _COUNTING:
            self._seen += 1
            if self._seen <= self.skip or (self.times is not None and self.hits >= self.times):
                return False
            self.hits += 1
            return True


Script = Sequence[Step] | Callable[[Request], Fault | None]


@attrs.frozen
class Answers:
    """What a fault asks for the right answer, or what faults within it make of that."""

    api: Api
    faults: tuple[Fault, ...] = ()

    def __call__(self, request: Request) -> Answer:
        """Return the answer; never raises a Refusal."""
        try:
            if not self.faults:
                return self.api.answer(request)
            return self.faults[0](request, Answers(self.api, self.faults[1:]))
        except Refusal as refusal:
            return self.api.failure(request, refusal)


def together(*faults: Fault) -> Fault:
    """Let several faults happen to one request; the first is the last to touch the answer."""
    return lambda request, answers: Answers(answers.api, (*faults, *answers.faults))(request)


def answer_by(script: Script, request: Request, api: Api) -> Answer:
    """Return the answer of *api* to *request*, changed by *script*."""
    if callable(script):
        chosen = script(request)
    else:
        chosen = next((step.fault for step in script if step.takes(request)), None)
    return Answers(api, () if chosen is None else (chosen,))(request)
