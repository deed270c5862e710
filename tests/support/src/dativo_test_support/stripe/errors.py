"""The errors of the API, worded and shaped as Stripe writes them."""

from __future__ import annotations

import json
from http import HTTPStatus

import attrs

__all__ = ["Refusal", "bad_request", "missing", "missing_in", "rate_limited", "server_error"]


@attrs.frozen
class Refusal(Exception):  # noqa: N818 - an answer, no failure of the fake
    """Why a request gets no data; answered with *status*."""

    status: int
    message: str
    type: str = "invalid_request_error"
    code: str = ""
    param: str = ""
    headers: tuple[tuple[str, str], ...] = ()

    def body(self, request_id: str, moment: int, *, livemode: bool) -> bytes:
        """Return the error as JSON, its keys sorted as Stripe's are."""
        error: dict[str, str] = {"message": self.message, "type": self.type}
        if self.code:
            error["code"] = self.code
            slug = self.code.replace("_", "-")
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{slug}"
        if self.param:
            error["param"] = self.param
        if self.status != HTTPStatus.UNAUTHORIZED:  # who is not known has no log
            mode = "" if livemode else "test/"
            log = f"https://dashboard.stripe.com/{mode}logs/{request_id}?t={moment}"
            error["request_log_url"] = log
        text = json.dumps({"error": dict(sorted(error.items()))}, indent=2, ensure_ascii=False)
        return text.encode() + b"\n"


def bad_request(message: str, param: str, code: str = "") -> Refusal:
    return Refusal(400, message, code=code, param=param)


def missing(name: str, key: str, param: str = "id") -> Refusal:
    """The object of the path does not exist."""
    return Refusal(404, f"No such {name}: '{key}'", code="resource_missing", param=param)


def missing_in(name: str, key: str, param: str) -> Refusal:
    """The object that a parameter names does not exist."""
    return Refusal(400, f"No such {name}: '{key}'", code="resource_missing", param=param)


def rate_limited(*, reason: str = "global-rate") -> Refusal:
    return Refusal(
        429,
        "Request rate limit exceeded. Learn more about rate limits here"
        " https://stripe.com/docs/rate-limits.",
        code="rate_limit",
        headers=(("Stripe-Rate-Limited-Reason", reason),),
    )


def server_error(status: int = 500) -> Refusal:
    return Refusal(
        status,
        "Sorry! There was an error while talking to Stripe. Please contact us at"
        " https://support.stripe.com/contact.",
        type="api_error",
    )
