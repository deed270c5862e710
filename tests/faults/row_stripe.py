"""What Stripe's servers, proxies and the network do to requests while 5,000 objects are read."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable

from fault_frame import Row, Workspace
from stripe_bench import Bench, Counted, bench

from dativo.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectTimeoutError,
    DativoError,
    InvalidCredentialsError,
    NetworkError,
    RateLimitError,
    ServiceUnavailableError,
    TokenExpiredError,
)
from dativo_test_support.stripe import Answer, Answers, FakeStripe, Fault, Request
from dativo_test_support.stripe import faults as wrong
from dativo_test_support.stripe import wire_faults as wire
from dativo_test_support.tls import Certificate

_CASES = 100
_TIMEOUT_SECONDS = 0.4
_RUN_SECONDS = 30.0
_CERTIFICATES = threading.Lock()

Case = Callable[[int, Workspace], None]
Make = Callable[[Bench], Fault]
Ends = tuple[type[DativoError], ...]


def _passing(make: Make, ends: Ends, *, most: int = 8, timeout: float | None = None) -> Case:
    """Return a case in which a fault hits some requests in a row, and then no more."""

    def case(number: int, workspace: Workspace) -> None:
        with bench("stripe.passing", number) as found:
            if timeout is not None:
                found.settings["timeout_seconds"] = timeout
            step = found.hit(make(found), times=found.source.randint(1, most))
            found.read_to_the_end()
            found.check()
            assert step.hits > 0, "the fault did not happen"
            found.check_ends(*ends)
            if timeout is not None:
                found.check_slowest(timeout)

    return case


def _in_an_hour(number: int, workspace: Workspace) -> None:
    """The run has less time than that: it fails at once, and the next one goes on."""
    with bench("stripe.in_an_hour", number) as found:
        found.run_seconds = _RUN_SECONDS
        found.hit(wrong.too_many(3600, as_date=found.source.random() < 0.5))
        error = found.read()
        assert isinstance(error, RateLimitError), repr(error)
        assert 3590 < (error.retry_after or 0) <= 3600, f"to be retried after {error.retry_after}"
        found.check_manners()
        found.an_hour_later()
        found.read_to_the_end()
        found.check()


def _sometimes_unavailable(found: Bench, fault: Fault) -> Fault:
    """Let some refusals be a 503, which may say when to come again as well."""
    if found.source.random() < 0.7:
        return fault

    def unavailable(request: Request, answers: Answers) -> Answer:
        answer = fault(request, answers)
        answer.status = 503
        return answer

    return unavailable


def _tells_seconds(found: Bench) -> Fault:
    seconds = found.source.choice((0.1, 0.2, 0.4))
    return _sometimes_unavailable(found, wrong.too_many(seconds))


def _tells_date(found: Bench) -> Fault:
    return _sometimes_unavailable(found, wrong.too_many(1, as_date=True))


def _resets(found: Bench) -> Fault:
    return wire.reset(found.source.choice((None, 0.0, found.source.uniform(0, 0.99))))


def _with_gzip(fault: Fault) -> Make:
    def make(found: Bench) -> Fault:
        found.fake.api.gzip = True
        return fault

    return make


def _untrusted(words: str, *, is_trusted: bool = True, days: int = 30, host: int = 1) -> Case:
    """Return a case in which nothing may be asked, as the certificate is not as it should be."""

    def case(number: int, workspace: Workspace) -> None:
        certificate = Certificate.make(workspace.path, days=days, addresses=(f"127.0.0.{host}",))
        with bench("stripe.tls", number, certificate=certificate) as found, _CERTIFICATES:
            # The other rows that run in this process, and the commands they start, use no TLS.
            if is_trusted:
                os.environ["SSL_CERT_FILE"] = str(certificate.certificate)
            try:
                error = found.read()
            finally:
                os.environ.pop("SSL_CERT_FILE", None)
            assert isinstance(error, AuthenticationError), repr(error)
            assert words in error.message, error.message
            assert not error.retryable
            assert error.fix, "the error does not say what to do"
            assert found.waits == [], "the request was tried again"
            assert found.fake.requests == [], "something was sent"

    return case


def _redirect(number: int, workspace: Workspace) -> None:
    """Another server, which would take the key, is not asked."""
    with bench("stripe.redirect", number) as found, FakeStripe(seed=number) as other:
        url = other.url.replace("127.0.0.1", found.source.choice(("127.0.0.1", "localhost")))
        code = found.source.choice((301, 302, 303, 307, 308))
        found.hit(wrong.redirected(url, code))
        found.read_to_the_end(mend=lambda error: None)
        found.check()
        found.check_ends(ConfigurationError)
        assert "redirect" in found.errors[0].message, found.errors[0].message
        assert other.requests == [], f"the key went to {other.requests[0].request}"


def _misleading(make: Callable[[], Fault], *words: str) -> Case:
    """Return a case of pages that lead nowhere: each thread notices it by its second one."""

    def case(number: int, workspace: Workspace) -> None:
        with bench("stripe.pages", number) as found:
            counted = Counted(make())
            is_lasting = found.source.random() < 0.5
            step = found.hit(counted, times=None if is_lasting else 3, latest=30)
            error = found.read()
            if counted.wrong:
                assert isinstance(error, ServiceUnavailableError), repr(error)
                assert any(one in error.message for one in words), error.message
                assert counted.wrong <= 2 * found.settings["concurrency"], counted.wrong
            step.times = step.hits  # it is over
            found.read_to_the_end()
            found.check()
            assert counted.wrong or not is_lasting, "the fault did not happen"

    return case


def _key_ends(number: int, workspace: Workspace) -> None:
    """The key expires or is taken away in the midst of a run; then there is a good one."""
    with bench("stripe.key", number) as found:
        has_expired = found.source.random() < 0.5
        fault = wrong.expired_key() if has_expired else wrong.unauthorized()
        step = found.hit(fault, times=1 if has_expired else None)
        error = found.read()
        kind = TokenExpiredError if has_expired else InvalidCredentialsError
        assert isinstance(error, kind), repr(error)
        assert "request_id" in error.details, error.details
        assert found.waits == [], "the request was tried again"
        step.times = step.hits
        found.fake.api.keys.keys[found.fake.key].has_expired = False
        found.read_to_the_end()
        found.check()


def row_of(name: str, about: str, *cases: Case) -> Row:
    """Return a row in which each of *cases* has its 100 numbers."""
    return Row(
        name=f"stripe.{name}",
        about=about,
        demanded=_CASES * len(cases),
        sampled=4 * len(cases),
        quick=2,
        case=lambda number, workspace: cases[number % len(cases)](number, workspace),
    )


def _always(fault: Fault) -> Make:
    return lambda found: fault


_LIMITED: Ends = (RateLimitError, ServiceUnavailableError)
_UNAVAILABLE: Ends = (ServiceUnavailableError,)
_BROKEN: Ends = (NetworkError, ServiceUnavailableError)

ROWS = (
    row_of(
        "retry_after",
        "429 and 503 with Retry-After in seconds, as a date, none, 0, an hour: 0 early requests",
        _passing(_tells_seconds, _LIMITED, most=3),
        _passing(_tells_date, _LIMITED, most=1),
        _passing(_always(wrong.too_many()), _LIMITED),
        _passing(_always(wrong.too_many(0)), _LIMITED),
        _in_an_hour,
    ),
    row_of(
        "server_errors",
        "bursts of 500, 502 and 503, and 408: read to the end, 0 lost, 0 doubled",
        *(_passing(_always(wrong.status(code)), _UNAVAILABLE) for code in (500, 502, 503, 408)),
    ),
    row_of(
        "connection",
        "refused for a while, reset within the answer, a wrong length, chunks that end: as before",
        _passing(lambda found: wire.refused(found.source.uniform(0, 0.3)), _BROKEN, most=2),
        _passing(_resets, _BROKEN),
        _passing(lambda found: wire.wrong_length(found.source.choice((-200, 1, 500))), _BROKEN),
        _passing(lambda found: wire.chunks_cut(found.source.random()), _BROKEN),
    ),
    row_of(
        "damaged_body",
        "truncated JSON, corrupt gzip, a page of HTML or nothing with status 200: as before",
        _passing(lambda found: wire.truncated_json(found.source.uniform(0, 0.99)), _UNAVAILABLE),
        _passing(_with_gzip(wire.corrupt_gzip()), _UNAVAILABLE),
        _passing(_always(wrong.html_page()), _UNAVAILABLE),
        _passing(_always(wrong.empty_answer()), _UNAVAILABLE),
    ),
    row_of(
        "hanging",
        "a byte now and then, or never an answer: each request ends with its deadline",
        _passing(
            lambda found: wire.dripping(20, head=found.source.random() < 0.5),
            (ConnectTimeoutError,),
            most=3,
            timeout=_TIMEOUT_SECONDS,
        ),
        _passing(_always(wire.never()), (ConnectTimeoutError,), most=3, timeout=_TIMEOUT_SECONDS),
    ),
    row_of(
        "tls",
        "certificates that have expired, are self-signed or of another host: nothing is sent",
        _untrusted("expired", days=-1),
        _untrusted("self-signed", is_trusted=False),
        _untrusted("IP address mismatch", host=2),
    ),
    row_of("redirect", "a redirect to another host gets no request, so no key", _redirect),
    row_of(
        "pages",
        "a page repeated, a cursor in a loop, an empty page with more to come: noticed at once",
        _misleading(wrong.repeated_page, "twice"),
        _misleading(wrong.cursor_loop, "twice", "empty page"),
        _misleading(wrong.empty_page, "empty page"),
    ),
    row_of(
        "key", "the key ends in mid-run: an error at once, then on from the checkpoint", _key_ends
    ),
)
