"""An account of 5,000 objects on the fake of Stripe, which one case reads as a run would."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import attrs
from fault_frame import dice
from stripe_account import OBJECTS, Account, account
from stripe_run import RunContext, Stalls, noted_stalls, watched
from stripe_target import Target, compare

from dativo.contract import ReadMode, Secret, StreamRequest, Url
from dativo.engine._retry import RetryPolicy
from dativo.errors import DativoError
from dativo_connector_stripe._config import StripeConfig
from dativo_connector_stripe._extract import extract
from dativo_test_support.stripe import (
    START,
    Answer,
    Answers,
    Clock,
    FakeStripe,
    Fault,
    Request,
    Seen,
    Step,
    too_early,
)
from dativo_test_support.tls import Certificate

__all__ = ["Bench", "Counted", "bench"]

_FAST = {"requests_per_second": 10_000.0, "endpoint_requests_per_second": 10_000.0}
_BATCH_ROWS = 250
_CROSSING_SECONDS = 0.05
_RETRIES = 5
_MOST_RUNS = 30
_PAGE = 100
_OTHER_REQUESTS = 2
"""Whose account it is, and the newest part of the list, which is read by itself."""
_UNFINISHED_PAGES = 8
"""At the end of a run: whose account it is, the newest part, and what makes no full batch yet."""


@attrs.define(kw_only=True)
class Bench:
    """A case: an account, the settings of a job that reads it, and what has happened.

    Attributes:
        fake: The account.
        account: The objects that it began with.
        source: The randomness of the case.
        stream: What is read.
        stalls: When this process could not go on.
        settings: Of the connector.
        run_seconds: How long a run may take; ``None`` for ever.
        target: What has arrived, and the state.
        errors: How runs have ended that did not succeed.
        waits: For which error the retry layer waited how many seconds.
        tries: How long requests took, in seconds.
        thrown_away: How many requests ended runs had made beyond the full pages that were stored.
        windows: How many windows they had begun; each may end in a page that is not full.
    """

    fake: FakeStripe
    account: Account
    source: Any
    stream: str
    stalls: Stalls
    settings: dict[str, Any] = attrs.field(factory=dict)
    run_seconds: float | None = None
    target: Target = attrs.field(factory=Target)
    errors: list[DativoError] = attrs.field(factory=list)
    waits: list[tuple[DativoError, float]] = attrs.field(factory=list)
    tries: list[float] = attrs.field(factory=list)
    runs: int = 0
    thrown_away: int = 0
    windows: int = 0
    steps: list[Step] = attrs.field(factory=list)

    def hit(self, fault: Fault, *, times: int | None = 1, latest: int = 40) -> Step:
        """Let *fault* happen to some requests for the list, from a random one on."""
        step = Step(fault, path=self.account.path, skip=self.source.randint(0, latest), times=times)
        self.steps.append(step)
        self.fake.script = self.steps
        return step

    def read(self) -> DativoError | None:
        """Run once from the last checkpoint; return the error that ended it."""
        self.runs += 1
        asked, stored = len(self.fake.requests), self.target.stored
        try:
            with self._context() as context, watched(context):
                config = self._config()
                request = StreamRequest(stream=self.stream, mode=ReadMode.INCREMENTAL, deletes=True)
                for batch in extract(config, request, self.target.state, context):
                    self.target.take(batch)
        except DativoError as error:
            self.target.abandon()
            self.errors.append(error)
            self._check_told(error)
            used = (self.target.stored - stored) // _PAGE
            mine = self.fake.requests[asked:]
            self.thrown_away += len(mine) - used
            self.windows += len({one.params.get("created[lt]") for one in mine})
            return error
        return None

    def read_to_the_end(self, *, mend: Callable[[DativoError], object] | None = None) -> None:
        """Run until a run succeeds; what cannot be retried needs *mend*, as by an operator."""
        for _ in range(_MOST_RUNS):
            error = self.read()
            if error is None:
                return
            if not error.retryable:
                assert mend is not None, f"not to be retried: {error!r} {error.details}"
                mend(error)
        raise AssertionError(f"no end after {_MOST_RUNS} runs: {self.errors[-1]!r}")

    def check(self, *, pages: int | None = None, ahead: int = 0, is_appended: bool = True) -> None:
        """Compare the target with the account, and the requests with what was necessary.

        Args:
            pages: How many requests were necessary; those for the list unless given.
            ahead: How many pages may have been read ahead of what the writer had taken.
            is_appended: Whether a row must not be written twice, even where merging heals that.
        """
        compare(self.fake, self.account, self.target, is_appended=is_appended)
        self.check_manners()
        least = math.ceil(OBJECTS / _PAGE) if pages is None else pages
        hits = sum(step.hits for step in self.steps)
        ideal = least + _OTHER_REQUESTS + max(hits, self.thrown_away)
        asked = len(self.fake.requests)
        under_way = len(self.errors) * (self.settings["concurrency"] + _UNFINISHED_PAGES)
        assert self.thrown_away <= hits + under_way + self.windows + ahead, (
            f"{self.thrown_away} requests thrown away"
        )
        assert asked <= 1.3 * ideal, (
            f"{asked} requests where {ideal} are needed ({hits} faults, {self.runs} runs, "
            f"{self.thrown_away} thrown away)"
        )

    def check_ends(self, *kinds: type[DativoError]) -> None:
        """Check that runs and tries have ended with errors of *kinds* alone."""
        seen = [*self.errors, *(error for error, _ in self.waits)]
        assert seen, "nobody noticed the fault"
        others = [repr(error) for error in seen if not isinstance(error, kinds)]
        assert not others, others

    def an_hour_later(self) -> None:
        """Let the waits of the past be over."""
        self.fake.requests[:] = [
            attrs.evolve(one, retry_after_seconds=None) for one in self.fake.requests
        ]

    def check_manners(self) -> None:
        """Check that no request came too early and no wait was longer than it may be."""
        early = [
            (since, one.arrived)
            for one in too_early(self.fake.requests, _CROSSING_SECONDS)
            for since in self._refused_before(one)
            if one.arrived - since > _CROSSING_SECONDS + self.stalls.lost(since, one.arrived)
        ]
        assert not early, (
            f"{len(early)} requests before Retry-After allowed them, "
            f"{[round(arrived - since, 3) for since, arrived in early]} s after it was told"
        )
        for error, wait in self.waits:
            asked = error.retry_after
            most = 0.1 if asked is None else asked + 0.1
            assert wait <= most, f"waited {wait:.3f} s for {error!r}"

    def _refused_before(self, early: Seen) -> Iterator[float]:
        """Yield when those refusals were told for which *early* came too early."""
        for one in self.fake.requests:
            wait = one.retry_after_seconds
            if wait and one.answered < early.arrived < one.answered + wait:
                yield one.answered

    def check_slowest(self, seconds: float) -> None:
        """Check that no request took much longer than *seconds*."""
        slowest = max(self.tries)
        # A busy machine may let a thread wait for a while.
        assert slowest <= seconds + 3, f"a request took {slowest:.1f} s"

    def _check_told(self, error: DativoError) -> None:
        told = f"{error} {error.details} {error.fix} {error.__cause__}"
        assert self.fake.key not in told, "the key was shown"
        assert error.message, f"{error!r} does not say what happened"

    def _config(self) -> StripeConfig:
        return StripeConfig(
            api_key=Secret(self.fake.key),
            api_base=Url(self.fake.url),
            **{**_FAST, "timeout_seconds": 20.0, **self.settings},
        )

    def _context(self) -> RunContext:
        jitter = self.source.random
        return RunContext(
            policy=RetryPolicy(retries=_RETRIES, base_seconds=0.01, cap_seconds=0.1, jitter=jitter),
            waits=self.waits,
            tries=self.tries,
            batch_rows=_BATCH_ROWS,
            deadline=None if self.run_seconds is None else time.monotonic() + self.run_seconds,
        )


@attrs.define
class Counted:
    """A fault that counts how often the answer was not the right one."""

    fault: Fault
    wrong: int = 0

    def __call__(self, request: Request, answers: Answers) -> Answer:
        right, answer = answers(request), self.fault(request, answers)
        self.wrong += right.body != answer.body
        return answer


@contextmanager
def bench(
    row: str,
    number: int,
    *,
    kind: str = "balance_transaction",
    clock: Clock | None = None,
    certificate: Certificate | None = None,
) -> Iterator[Bench]:
    """Start an account of 5,000 objects of *kind*; all that is random follows from *number*."""
    source = dice(row, number)
    found = account(kind, source.randrange(4), START if clock is None else clock.now)
    with FakeStripe(seed=number, clock=clock, certificate=certificate) as fake:
        fake.adopt(found.records)
        fake.api.gzip = source.random() < 0.5
        settings = {"concurrency": source.choice((1, 4, 16))}
        with noted_stalls() as stalls:
            yield Bench(
                fake=fake,
                account=found,
                source=source,
                stream=found.stream,
                stalls=stalls,
                settings=settings,
            )
