"""What urllib raises, as errors of ours: by name, because importing it takes long."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from dativo.errors._catalog import (
    AuthenticationError,
    ConfigurationError,
    DatabaseLockError,
    DataNotFoundError,
    InsufficientPermissionsError,
    InvalidCredentialsError,
    RateLimitError,
    ResourceNotFoundError,
    ServiceUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dativo.errors._base import DativoError

__all__ = ["error_of_answer", "is_from"]

_BY_STATUS: Mapping[int, type[DativoError]] = {
    401: InvalidCredentialsError,
    402: InsufficientPermissionsError,
    403: InsufficientPermissionsError,
    404: ResourceNotFoundError,
    407: AuthenticationError,
    408: ServiceUnavailableError,
    409: DatabaseLockError,
    410: DataNotFoundError,
    423: DatabaseLockError,
    425: ServiceUnavailableError,
    429: RateLimitError,
    501: ConfigurationError,
    505: ConfigurationError,
}
_FIRST_OF_SERVER = 500


def is_from(error: BaseException, module: str, *names: str) -> bool:
    """Say whether the class of *error* or one above it is one of *names* in *module*."""
    classes = type(error).__mro__
    return any(one.__module__ == module and one.__name__ in names for one in classes)


def error_of_answer(error: BaseException) -> DativoError:
    """Return the error that a ``urllib.error.HTTPError`` stands for; nothing of it is read."""
    status = int(getattr(error, "code", 0))
    member = _BY_STATUS.get(status) or (
        ServiceUnavailableError if status >= _FIRST_OF_SERVER else ConfigurationError
    )
    headers = getattr(error, "headers", None) or {}
    asked = _wait_seconds(headers) if member.default_retryable else None
    message = f"{_place(getattr(error, 'filename', None))} answered with status {status}"
    return member(message, retry_after=asked, details={"status": status})


def _wait_seconds(headers: Mapping[str, str]) -> float | None:
    """Return how long a Retry-After asks to wait: a number of seconds or a date."""
    text = headers.get("Retry-After")
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text)
    until = _seconds_of_date(text)
    if until is None:
        return None
    # Two times of one clock: that of this machine may be wrong.
    now = _seconds_of_date(headers.get("Date", "")) or time.time()
    return max(0.0, until - now)


def _seconds_of_date(text: str) -> float | None:
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - as above, and rarely needed

    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _place(url: object) -> str:
    """Return *url* without user, query and fragment, where keys hide."""
    from urllib.parse import urlsplit  # noqa: PLC0415 - as above

    try:
        parts = urlsplit(str(url or ""))
    except ValueError:
        return "the server"
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" if host else "the server"
