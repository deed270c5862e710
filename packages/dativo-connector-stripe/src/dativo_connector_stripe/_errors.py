"""From Stripe's answers and the network's failures to errors with a code and a fix."""

from __future__ import annotations

import json
import re
import socket
import ssl
import time
from collections.abc import Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime
from urllib.parse import quote, quote_plus, urlsplit

import attrs

from dativo.contract import Secret
from dativo.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectTimeoutError,
    DatabaseLockError,
    DataNotFoundError,
    DativoError,
    InsufficientPermissionsError,
    InvalidCredentialsError,
    NetworkError,
    RateLimitError,
    ResourceNotFoundError,
    ServiceUnavailableError,
    TokenExpiredError,
)

__all__ = [
    "LONGEST_WAIT_SECONDS",
    "Refusal",
    "from_answer",
    "from_connect",
    "from_tls",
    "retry_after_seconds",
    "server_seconds",
    "wait_is_too_long",
]

LONGEST_WAIT_SECONDS = 3600.0
"""A server that asks for a longer wait has failed; nobody expects a run to sleep for a day."""

_SHOWN_CHARACTERS = 300
_KEY_SHAPE = re.compile(r"\b(sk|rk|pk)_((?:org_)?(?:live|test))_[A-Za-z0-9_*]+")
_PERMISSION = re.compile(r"\brak_[a-z0-9_]+")
_SECONDS = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,9})?")

_LOCK_FIX = "Retry later: another request held the object for too long."

_EXPIRED_CODES = frozenset({"api_key_expired", "platform_api_key_expired"})

_Mapped = tuple[type[DativoError], str | None]

_BY_CODE: Mapping[str, _Mapped] = {
    "account_invalid": (
        InsufficientPermissionsError,
        "Check `account`: the key must belong to it, or to a platform that it is connected to.",
    ),
    "lock_timeout": (DatabaseLockError, _LOCK_FIX),
    "resource_missing": (DataNotFoundError, "The object is gone, or is one of the other mode."),
    **dict.fromkeys(
        _EXPIRED_CODES, (TokenExpiredError, "Put a key into `api_key` that has not expired.")
    ),
}

_BY_STATUS: Mapping[int, _Mapped] = {
    401: (InvalidCredentialsError, "Check `api_key`: Stripe refused it."),
    403: (InsufficientPermissionsError, None),
    404: (ResourceNotFoundError, "Check `api_base` and `api_version`: it has no such address."),
    407: (AuthenticationError, "The proxy of HTTPS_PROXY wants a user and a password."),
    408: (ServiceUnavailableError, None),
    409: (DatabaseLockError, _LOCK_FIX),
    424: (ServiceUnavailableError, None),
    425: (ServiceUnavailableError, None),
    429: (RateLimitError, "Retry later, or lower `requests_per_second`."),
}

# What X509_V_ERR_... of OpenSSL means for the person who runs the job.
_BY_VERIFY_CODE: Mapping[int, str] = {
    9: "Check this machine's clock, and `api_base`.",
    10: "Check this machine's clock, and `api_base`; the server's owner must renew it.",
    62: "Check `api_base`: another server answers there.",
    64: "Check `api_base`: another server answers there.",
}
_UNTRUSTED_FIX = (
    "Check `api_base`. If a proxy of your own signs for it, name its authority in SSL_CERT_FILE."
)


@attrs.frozen(kw_only=True)
class Refusal:
    """An answer that is not a success.

    Attributes:
        status: The HTTP status.
        headers: Its headers, in lower case.
        body: Its body, as far as it came.
        place: What was asked: the host and the path.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = attrs.field(repr=False)
    place: str


def from_answer(refusal: Refusal, key: Secret) -> DativoError:
    """Return the error that says what to do about a refusal; its texts never hold *key*."""
    said = _said(refusal.body)
    code, status = _text(said.get("code")), refusal.status
    member, fix = _BY_CODE.get(code) or _BY_STATUS.get(status) or _other(refusal)
    message = _tidy(_text(said.get("message")) or _silent(refusal), key)
    permissions = _PERMISSION.findall(message)
    if permissions and member is InsufficientPermissionsError:
        names = ", ".join(dict.fromkeys(permissions))
        fix = f"Give the restricted key the permission {names}, or take the stream out of the job."
    facts = {
        "status": status,
        "request_id": refusal.headers.get("request-id"),
        "type": _text(said.get("type")),
        "stripe_code": code,
        "param": _text(said.get("param")),
        "permission": permissions[0] if permissions else "",
        "reason": refusal.headers.get("stripe-rate-limited-reason"),
    }
    error = member(
        f"{refusal.place}: {message}",
        fix=fix,
        retryable=_retryable(refusal, member),
        retry_after=retry_after_seconds(refusal.headers),
        details={
            name: _tidy(f"{fact}", key) if isinstance(fact, str) else fact
            for name, fact in facts.items()
            if fact
        },
    )
    if error.retryable and (error.retry_after or 0.0) > LONGEST_WAIT_SECONDS:
        error.retryable = False
        error.fix = _too_long_fix(error.retry_after or 0.0)
    return error


def wait_is_too_long(seconds: float) -> RateLimitError:
    """Return the error of a request that may not be sent for more than an hour."""
    return RateLimitError(
        "Stripe asked for no more requests for longer than a run waits",
        fix=_too_long_fix(seconds),
        retryable=False,
        retry_after=seconds,
    )


def from_connect(error: OSError | UnicodeError, place: str, seconds: float) -> DativoError:
    """Return the error of a connection to *place* that could not be made within *seconds*."""
    if isinstance(error, TimeoutError):
        text = f"{place} did not answer within {seconds:.3g} s"
        return ConnectTimeoutError(text, fix="Check the network, or raise the timeouts of the job.")
    if isinstance(error, socket.gaierror | UnicodeError):
        reason = error.strerror if isinstance(error, socket.gaierror) else "it is no host name"
        text = f"the host name of {place} does not resolve: {reason}"
        return NetworkError(
            text, fix="Check `api_base` (or HTTPS_PROXY) for typing errors, and the DNS."
        )
    return NetworkError(f"{place} cannot be reached: {error.strerror or error}")


def from_tls(error: OSError, place: str, seconds: float) -> DativoError:
    """Return the error of a TLS handshake with *place*: only what broke it may be retried."""
    if isinstance(error, ssl.SSLCertVerificationError):
        fix = _BY_VERIFY_CODE.get(error.verify_code, _UNTRUSTED_FIX)
        text = f"the TLS certificate of {place} is not accepted: {error.verify_message}"
        return AuthenticationError(text, fix=fix, details={"verify_code": error.verify_code})
    if isinstance(error, ssl.SSLError) and not isinstance(
        error, ssl.SSLEOFError | ssl.SSLZeroReturnError
    ):
        reason = (error.reason or f"{error}").replace("_", " ").lower()
        fix = "Check that `api_base` has the right port, and proxies on the way."
        return NetworkError(f"no TLS with {place}: {reason}", fix=fix, retryable=False)
    if isinstance(error, TimeoutError):
        return from_connect(error, place, seconds)
    return NetworkError(f"the TLS handshake with {place} broke off: {error.strerror or error}")


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Return how long an answer asks to wait; ``None`` if it does not say, or not sensibly.

    A date is compared with the answer's own, so that a wrong clock on this side does not matter;
    with this side's clock if the answer has none.
    """
    text = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        return float(text)
    until, now = _date(text), server_seconds(headers)
    return None if until is None else max(0.0, until - (time.time() if now is None else now))


def server_seconds(headers: Mapping[str, str]) -> float | None:
    """Return the server's time, in seconds since 1970, if the answer has it."""
    return _date(headers.get("date", ""))


def _date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, OverflowError, OSError):
        return None


def _said(body: bytes) -> Mapping[str, object]:
    """Return what Stripe says of the error; nothing if somebody else answered."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    said = document.get("error") if isinstance(document, dict) else None
    return said if isinstance(said, dict) else {}


def _other(refusal: Refusal) -> _Mapped:
    if 300 <= refusal.status < 400:  # noqa: PLR2004 - the redirects
        return ConfigurationError, "Check `api_base`: Stripe's API does not redirect."
    if 400 <= refusal.status < 500:  # noqa: PLR2004 - the client's errors
        return ConfigurationError, "Mend the job as the message says; check `api_version` too."
    return ServiceUnavailableError, None


def _silent(refusal: Refusal) -> str:
    """Return what to say of an answer that is not Stripe's own."""
    target = refusal.headers.get("location")
    if target is None:
        return f"HTTP status {refusal.status} without a reason"
    with suppress(ValueError):
        target = urlsplit(target).hostname or "another address of the same host"
    return f"the answer is a redirect to {target}, which is not followed"


def _retryable(refusal: Refusal, member: type[DativoError]) -> bool:
    """Stripe knows best: it says for some answers whether they are worth another try."""
    asked = refusal.headers.get("stripe-should-retry", "")
    return {"true": True, "false": False}.get(asked, member.default_retryable)


def _tidy(text: str, key: Secret) -> str:
    """Return *text* on one line, shortened, without keys."""
    raw = key.reveal()
    for form in {raw, quote(raw, safe=""), quote_plus(raw)}:
        text = text.replace(form, "****")
    text = " ".join(_KEY_SHAPE.sub(r"\1_\2_****", text).split())
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _too_long_fix(seconds: float) -> str:
    return f"Run again in {seconds / 3600:,.1f} hours, or ask Stripe's support why."
