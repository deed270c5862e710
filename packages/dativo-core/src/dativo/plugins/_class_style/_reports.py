"""What a class says of its connection, its objects and its failures, in our words."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence

import arro3.core as arro3

from dativo.contract import (
    CheckItem,
    ConnectionTestResult,
    ReadMode,
    Stream,
    StreamRequest,
    Verdict,
)
from dativo.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    ConnectTimeoutError,
    ContractViolationError,
    DativoError,
    InsufficientPermissionsError,
    InvalidCredentialsError,
    NetworkError,
    RateLimitError,
    ResourceNotFoundError,
    ServiceUnavailableError,
    catalog,
)
from dativo.plugins._class_style._kinds import Kind, kind_of

__all__ = ["check_result", "declared_kinds", "streams_of", "translating"]

_NOT_IMPLEMENTED = "connection test not implemented"  # what the style says by default

_BY_CODE: Mapping[str, type[DativoError]] = {
    "ACCESS_DENIED": InsufficientPermissionsError,
    "AUTH_ERROR": InvalidCredentialsError,
    "AUTH_FAILED": InvalidCredentialsError,
    "AUTHENTICATION_FAILED": InvalidCredentialsError,
    "CONFIGURATION_ERROR": ConfigurationError,
    "CONNECTION_ERROR": ConnectionFailedError,
    "FORBIDDEN": InsufficientPermissionsError,
    "NETWORK_ERROR": NetworkError,
    "NOT_FOUND": ResourceNotFoundError,
    "PERMISSION_DENIED": InsufficientPermissionsError,
    "PERMISSION_ERROR": InsufficientPermissionsError,
    "RATE_LIMIT_EXCEEDED": RateLimitError,
    "RATE_LIMITED": RateLimitError,
    "TIMEOUT": ConnectTimeoutError,
    "TIMEOUT_ERROR": ConnectTimeoutError,
    "TRANSIENT_ERROR": ServiceUnavailableError,
    "UNAUTHORIZED": AuthenticationError,
    **{entry.code: entry.error for entry in catalog()},
}
_AMBIGUOUS = ("timestamp", "datetime")  # the style does not say whether they have a zone


def check_result(found: object, streams: Sequence[StreamRequest]) -> ConnectionTestResult:
    """Return what a class's ``check_connection`` answered; it says nothing of single *streams*.

    Raises:
        ContractViolationError: It answered something else.
    """
    success, message = getattr(found, "success", None), getattr(found, "message", None)
    if not isinstance(success, bool) or not isinstance(message, str):
        msg = f"check_connection of the class gave {type(found).__name__}, not its result"
        raise ContractViolationError(msg)
    if success and _NOT_IMPLEMENTED in message.lower():
        item = CheckItem("connection", Verdict.NOT_IMPLEMENTED, message)
    elif success:
        item = CheckItem.ok("connection", message)
    else:
        item = CheckItem.failed("connection", _error(message, found))
    says = "the class style checks no streams"
    return ConnectionTestResult(
        (item, *(CheckItem.skipped(f"stream {one.stream}", says) for one in streams))
    )


def streams_of(found: object) -> Iterator[Stream]:
    """Yield the objects that a class's ``discover`` found as streams.

    Raises:
        ContractViolationError: It answered something else.
    """
    for about in _objects(found):
        kinds = declared_kinds(about)
        yield Stream(
            name=_word(about["name"]),
            schema=None if kinds is None else _schema(kinds),
            kind=_word(about.get("type")) or "object",
            description=_word(about.get("description")),
            primary_key=_names(about.get("primary_key")),
            read_modes=(ReadMode.FULL, ReadMode.INCREMENTAL),
        )


def declared_kinds(found: object, stream: str | None = None) -> dict[str, Kind] | None:
    """Return the types of an object's fields, ``None`` where not all are told.

    *found* is the object, or all that ``discover`` returned if *stream* names it.
    """
    if stream is not None:
        named = [about for about in _objects(found) if about["name"] == stream]
        return declared_kinds(named[0]) if named else None
    columns = found.get("columns") if isinstance(found, Mapping) else None
    if not isinstance(columns, list | tuple) or not columns:
        return None
    kinds: dict[str, Kind] = {}
    for column in columns:
        name, word = (
            (column.get("name"), column.get("type")) if isinstance(column, Mapping) else ("", "")
        )
        if not isinstance(name, str) or not isinstance(word, str) or word.lower() in _AMBIGUOUS:
            return None
        try:
            kinds[name] = kind_of(word)
        except ValueError:
            return None
    return kinds


@contextlib.contextmanager
def translating() -> Iterator[None]:
    """Turn an exception of the style, which carries a code, into one of the catalogue."""
    try:
        yield
    except DativoError:
        raise
    except Exception as error:
        if not isinstance(getattr(error, "error_code", None), str):
            raise
        message = getattr(error, "message", None)
        raise _error(message if isinstance(message, str) else str(error), error) from error


def _error(message: str, about: object) -> DativoError:
    """Return the error for the code that a result or an exception of the style carries."""
    code = getattr(about, "error_code", None)
    member = _BY_CODE.get(str(code).upper(), ConnectionFailedError)
    error = member(message or str(code))
    if code is not None:
        error.details["error_code"] = str(code)
    retryable, wait = getattr(about, "retryable", None), getattr(about, "retry_after", None)
    if isinstance(retryable, bool):
        error.retryable = retryable
    if isinstance(wait, int | float):
        error.retry_after = float(wait)
    return error


def _objects(found: object) -> list[Mapping[str, object]]:
    objects = getattr(found, "objects", None)
    if not isinstance(objects, list | tuple):
        msg = f"discover of the class gave {type(found).__name__}, not its result"
        raise ContractViolationError(msg)
    for about in objects:
        if not isinstance(about, Mapping) or not isinstance(about.get("name"), str):
            msg = "discover of the class gave an object without a name"
            raise ContractViolationError(msg)
    return list(objects)


def _schema(kinds: Mapping[str, Kind]) -> arro3.Schema:
    fields = [arro3.Field(name, kind.arrow, nullable=True) for name, kind in kinds.items()]
    return arro3.Schema(fields)


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""


def _names(value: object) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list | tuple) or not all(isinstance(name, str) for name in listed):
        return ()
    return tuple(listed)
