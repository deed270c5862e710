"""What a server or the network says, as errors that tell what to do."""

from __future__ import annotations

import email.utils
import ssl
import time
from collections.abc import Mapping

import httpcore
import httpx
import msgspec

from dativo.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectTimeoutError,
    DativoError,
    InsufficientPermissionsError,
    InvalidCredentialsError,
    NetworkError,
    RateLimitError,
    ResourceNotFoundError,
    ServiceUnavailableError,
)

__all__ = ["BROKEN", "from_network", "from_status", "request_id", "retry_after_seconds"]

BROKEN = (
    httpcore.ProtocolError,
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpx.DecodingError,
    ssl.SSLError,
)

_BY_STATUS: Mapping[int, type[DativoError]] = {
    401: InvalidCredentialsError,
    403: InsufficientPermissionsError,
    404: ResourceNotFoundError,
    408: ServiceUnavailableError,
    425: ServiceUnavailableError,
    429: RateLimitError,
}
_SERVER_ERRORS = 500
_NEVER_SERVED = frozenset({501, 505})
_ID_HEADERS = ("x-request-id", "request-id", "x-correlation-id", "x-amzn-requestid", "cf-ray")
_MESSAGE_KEYS = ("message", "error_description", "detail", "title", "error")
_SHOWN = 200


def from_status(response: httpx.Response, body: bytes) -> DativoError:
    """Return the error of an answer that is no success; its text may still hold secrets."""
    status = response.status_code
    member = _BY_STATUS.get(status)
    if member is None:
        member = ServiceUnavailableError if status >= _SERVER_ERRORS else ConfigurationError
    said = _message(body)
    text = f"{_place(response)} answered {status}" + (f": {said}" if said else "")
    details: dict[str, object] = {"status": status, "path": response.request.url.path}
    if named := request_id(response.headers):
        details["request_id"] = named
    return member(
        text,
        details=details,
        retry_after=retry_after_seconds(response.headers),
        retryable=False if status in _NEVER_SERVED else None,
        fix=_FIXES.get(member),
    )


_FIXES: Mapping[type[DativoError], str] = {
    ConfigurationError: "Mend path, params or paging of the stream as the server's message says.",
    ResourceNotFoundError: "Compare `base_url` and the stream's path with the API's documentation.",
    InvalidCredentialsError: "Check `auth` in `source.config`; the server refused it.",
    InsufficientPermissionsError: "Give the key the right to read this path, or take the stream "
    "out of the job.",
    RateLimitError: "Lower `requests_per_second`.",
}


def from_network(error: Exception, place: str) -> DativoError:
    """Return the error of a request that was not answered."""
    if isinstance(error, httpcore.TimeoutException):
        return ConnectTimeoutError(
            f"{place} did not answer in full in its time",
            fix="Check the network, or raise `timeout_seconds` or `connect_timeout_seconds`.",
        )
    if isinstance(error, httpx.DecodingError):
        return ServiceUnavailableError(f"the answer of {place} is damaged: {error}")
    if "CERTIFICATE_VERIFY_FAILED" in str(error):
        return AuthenticationError(
            f"the TLS certificate of {place} is not accepted: {error}",
            fix="Check the host of `base_url`, or name the file of its authority in `ca_file`.",
        )
    return NetworkError(f"{place} cannot be reached, or broke the connection off: {error}")


def request_id(headers: httpx.Headers) -> str:
    """Return the server's name for the request; empty if it gave none."""
    return next((headers[name][:_SHOWN] for name in _ID_HEADERS if name in headers), "")


def retry_after_seconds(headers: httpx.Headers) -> float | None:
    """Return how long the server wants to be left alone, from seconds or a date."""
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        moment = email.utils.parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, moment.timestamp() - time.time())


def _place(response: httpx.Response) -> str:
    return f"{response.request.url.host}{response.request.url.path}"


def _message(body: bytes) -> str:
    """Return what the server says is wrong: no page of HTML, and no more than a line."""
    try:
        found = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return ""
    while isinstance(found, dict):
        found = next((found[key] for key in _MESSAGE_KEYS if found.get(key)), None)
    return " ".join(found.split())[:_SHOWN] if isinstance(found, str) else ""
