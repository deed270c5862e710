"""What an object store says, as errors that tell what to do; never with its own words.

The library's messages hold addresses with queries, which may be signed, and whole answers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs

from dativo.errors import (
    ConnectTimeoutError,
    DativoError,
    InsufficientPermissionsError,
    InvalidConfigError,
    InvalidCredentialsError,
    NetworkError,
    RateLimitError,
    ResourceNotFoundError,
    ServiceUnavailableError,
    TokenExpiredError,
    WriteFailedError,
)

__all__ = ["is_uncertain", "translated"]

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>([A-Za-z0-9_.]{1,80})</Code>")
_KIND = re.compile(r"kind: (Connect|Timeout|Interrupted|Request|Decode|Unknown)\b")
_NO_CREDENTIALS = re.compile(r"//169\.254\.|//metadata\.google|credential provider")
_PLAIN_HTTP = "BadScheme"
_NO_REGION = "incorrectly configured region"

_RENEW = "Renew the credentials that the job or the environment gives, then run again."
_SIGN = (
    "Check storage.access_key_id and storage.secret_access_key of the job (or the environment's "
    "credentials), and the clock of this machine."
)
_GRANT = (
    "Allow the credentials to get, put, list and delete objects below the path, or name another "
    "path."
)
_BUCKET = "Create the bucket, or mend the path and storage.endpoint in the job file."

_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired")
_WRONG = (
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "InvalidToken",
    "InvalidClientTokenId",
    "AuthenticationFailed",
    "AuthorizationHeaderMalformed",
    "RequestTimeTooSkewed",
)
_MISSING = ("NoSuchBucket", "ContainerNotFound")
_SLOW = ("SlowDown", "ServerBusy", "TooManyRequests", "RequestLimitExceeded", "Throttling")

_BY_CODE: Mapping[str, tuple[type[DativoError], str]] = {
    **dict.fromkeys(_EXPIRED, (TokenExpiredError, _RENEW)),
    **dict.fromkeys(_WRONG, (InvalidCredentialsError, _SIGN)),
    **dict.fromkeys(_MISSING, (ResourceNotFoundError, _BUCKET)),
    **dict.fromkeys(_SLOW, (RateLimitError, RateLimitError.default_fix)),
}
_BY_STATUS: Mapping[int, tuple[type[DativoError], str]] = {
    401: (InvalidCredentialsError, _SIGN),
    403: (InsufficientPermissionsError, _GRANT),
    404: (ResourceNotFoundError, _BUCKET),
    408: (ConnectTimeoutError, ConnectTimeoutError.default_fix),
    429: (RateLimitError, RateLimitError.default_fix),
}
_SERVER_ERROR = 500
_CLIENT_ERROR = 400


@attrs.frozen
class _Answer:
    status: int
    code: str

    @property
    def words(self) -> str:
        return " ".join(part for part in (str(self.status), self.code) if part)


def translated(error: BaseException, action: str) -> DativoError:
    """Return the error of the catalogue for what the library raised during *action*."""
    text = str(error)
    if _NO_CREDENTIALS.search(text):  # it asked the machine that it runs on, as a last resort
        return _no_credentials(action)
    answer = _answer(text)
    if answer is not None:
        return _of_answer(answer, action)
    if _NO_REGION in text:
        return InvalidConfigError(
            f"{action}: the bucket is in another region",
            fix="Set storage.region to the bucket's region.",
        )
    if _PLAIN_HTTP in text:
        return InvalidConfigError(
            f"{action}: the endpoint has no TLS",
            fix="Use an endpoint with https://, or set storage.allow_http if the network is safe.",
        )
    kind = _KIND.search(text)
    if kind is not None:
        return _of_network(kind[1], action)
    return WriteFailedError(
        f"{action} failed: {type(error).__name__} of the storage library", retryable=False
    )


def is_uncertain(error: DativoError) -> bool:
    """Whether the store may have done all the same what it was asked to do."""
    return error.retryable and error.details.get("failure") != "Connect"


def _answer(text: str) -> _Answer | None:
    status, code = _STATUS.search(text), _CODE.search(text)
    return _Answer(int(status[1]), code[1] if code else "") if status else None


def _of_answer(answer: _Answer, action: str) -> DativoError:
    details: dict[str, Any] = {"status": answer.status, "code": answer.code}
    text = f"{action}: the store answered {answer.words}"
    known = _BY_CODE.get(answer.code) or _BY_STATUS.get(answer.status)
    if known is not None:
        member, fix = known
        return member(text, fix=fix, details=details)
    if answer.status >= _SERVER_ERROR:
        return ServiceUnavailableError(text, details=details)
    is_final = answer.status >= _CLIENT_ERROR
    return WriteFailedError(text, details=details, retryable=not is_final)


def _of_network(kind: str, action: str) -> DativoError:
    details = {"failure": kind}
    if kind == "Timeout":
        fix = "Check the network to the store, or raise storage.timeout_seconds."
        return ConnectTimeoutError(
            f"{action}: no answer within the time allowed", fix=fix, details=details
        )
    what = "no connection could be made" if kind == "Connect" else "the connection broke"
    fix = "Check storage.endpoint and storage.region, and the network to the store."
    return NetworkError(f"{action}: {what}", fix=fix, details=details)


def _no_credentials(action: str) -> DativoError:
    return InvalidCredentialsError(
        f"{action}: no credentials were found",
        fix="Set storage.access_key_id and storage.secret_access_key (or storage.options), or the "
        "standard variables of the environment, such as AWS_ACCESS_KEY_ID.",
    )
