"""Answers that are wrong as a whole: limits, errors, redirects, pages that lead nowhere, clocks."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Callable, Sequence
from email.utils import formatdate, parsedate_to_datetime
from urllib.parse import parse_qsl, urlencode

import attrs

from dativo_test_support.stripe.access import secret_of
from dativo_test_support.stripe.errors import Refusal, rate_limited, server_error
from dativo_test_support.stripe.exchange import Answer, Request
from dativo_test_support.stripe.script import Answers, Fault, Script

__all__ = [
    "cursor_loop",
    "doing",
    "empty_answer",
    "empty_page",
    "expired_key",
    "html_page",
    "now_and_then",
    "redirected",
    "repeated_page",
    "skewed",
    "slowly",
    "status",
    "too_many",
    "unauthorized",
]

_HTML = b"<!doctype html><html><head><title>%d</title></head><body>Please wait.</body></html>\n"


def too_many(retry_after: float | None = None, *, as_date: bool = False) -> Fault:
    """Answer 429; with `Retry-After` in seconds or as a date if it is given."""

    def fault(request: Request, answers: Answers) -> Answer:
        answer = answers.api.failure(request, rate_limited())
        if retry_after is not None:
            until = formatdate(answers.api.clock.now + retry_after, usegmt=True)
            answer.headers["Retry-After"] = until if as_date else f"{retry_after:g}"
        return answer

    return fault


def status(code: int) -> Fault:
    """Answer with an error of the API: 408, 409, 500, 502, 503 and so on."""

    def fault(request: Request, answers: Answers) -> Answer:
        return answers.api.failure(request, server_error(code))

    return fault


def unauthorized() -> Fault:
    """Answer as if the key were unknown."""
    return _refusing(Refusal(401, "Invalid API Key provided: sk_test_****wxyz"))


def expired_key() -> Fault:
    """Let the key of the request expire, from now on."""

    def fault(request: Request, answers: Answers) -> Answer:
        key = answers.api.keys.keys.get(secret_of(request))
        if key is not None:
            key.has_expired = True
        return answers(request)

    return fault


def html_page(code: int = 200) -> Fault:
    """Answer with a page of HTML, as captive portals and proxies do."""

    def fault(request: Request, answers: Answers) -> Answer:
        answer = answers.api.failure(request, server_error(code))
        answer.headers["Content-Type"] = "text/html; charset=utf-8"
        answer.headers.pop("Content-Encoding", None)
        answer.body = _HTML % code
        return answer

    return fault


def empty_answer(code: int = 200) -> Fault:
    """Answer with nothing."""

    def fault(request: Request, answers: Answers) -> Answer:
        return attrs.evolve(html_page(code)(request, answers), body=b"")

    return fault


def redirected(url: str, code: int = 302) -> Fault:
    """Send the client to the same path at *url*."""

    def fault(request: Request, answers: Answers) -> Answer:
        answer = empty_answer(code)(request, answers)
        answer.headers["Location"] = f"{url}{request.path}?{request.query}"
        return answer

    return fault


def repeated_page() -> Fault:
    """Answer with the page before the one that was asked, as if there were more."""

    def fault(request: Request, answers: Answers) -> Answer:
        after = _body(answers(_asking(request, limit="1")))
        if "starting_after" not in request.params or not after.get("data"):
            return answers(request)
        first = after["data"][0]["id"]
        answer = answers(_asking(request, starting_after=None, ending_before=first))
        return _with_body(answer, {**_body(answer), "has_more": True})

    return fault


def cursor_loop() -> Fault:
    """Answer with the first page, whatever was asked, as if there were more."""

    def fault(request: Request, answers: Answers) -> Answer:
        answer = answers(_asking(request, starting_after=None))
        return _with_body(answer, {**_body(answer), "has_more": True})

    return fault


def empty_page(*, has_more: bool = True) -> Fault:
    """Answer with no objects, but as if there were more."""

    def fault(request: Request, answers: Answers) -> Answer:
        answer = answers(request)
        return _with_body(answer, {**_body(answer), "data": [], "has_more": has_more})

    return fault


def skewed(seconds: int) -> Fault:
    """Move the `Date` of the answer."""

    def fault(request: Request, answers: Answers) -> Answer:
        answer = answers(request)
        moment = parsedate_to_datetime(answer.headers["Date"]).timestamp() + seconds
        answer.headers["Date"] = formatdate(moment, usegmt=True)
        return answer

    return fault


def slowly(seconds: float) -> Fault:
    """Answer late."""
    return doing(lambda: time.sleep(seconds))


def doing(action: Callable[[], object]) -> Fault:
    """Do something before the answer: add, delete or move the clock in the midst of a read."""

    def fault(request: Request, answers: Answers) -> Answer:
        action()
        return answers(request)

    return fault


def now_and_then(
    seed: int, faults: Sequence[Fault], *, share: float = 0.1, most: int | None = None
) -> Script:
    """Let one of *faults* happen to a *share* of the requests, but to no more than *most*.

    Which and to which follows from *seed* and the number of the request.
    """
    hits = itertools.count()

    def script(request: Request) -> Fault | None:
        chance = random.Random(f"{seed}:{request.ordinal}")
        if chance.random() >= share or (most is not None and next(hits) >= most):
            return None
        return chance.choice(faults)

    return script


def _refusing(refusal: Refusal) -> Fault:
    def fault(request: Request, answers: Answers) -> Answer:
        return answers.api.failure(request, refusal)

    return fault


def _asking(request: Request, **params: str | None) -> Request:
    """Return *request* with other parameters; ``None`` takes one away."""
    kept = [
        (name, value)
        for name, value in parse_qsl(request.query, keep_blank_values=True)
        if name not in params
    ]
    more = [(name, value) for name, value in params.items() if value is not None]
    return attrs.evolve(request, query=urlencode([*kept, *more]))


def _body(answer: Answer) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = json.loads(answer.body)
    return found


def _with_body(answer: Answer, body: object) -> Answer:
    answer.body = json.dumps(body, indent=2, ensure_ascii=False).encode() + b"\n"
    return answer
