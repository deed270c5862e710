"""The API as one call: a page of records, or an error that says what to do."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any
from weakref import WeakSet

import attrs
import httpx
from dativo.contract import Context
from dativo.errors import (
    ConfigurationError,
    ConnectTimeoutError,
    DataFormatError,
    DativoError,
    InsufficientPermissionsError,
    InvalidCredentialsError,
    NetworkError,
    RateLimitError,
    ResourceNotFoundError,
    ServiceUnavailableError,
)

from ._config import Config

__all__ = ["Client", "Page", "open_client"]

_BY_STATUS: Mapping[int, type[DativoError]] = {
    401: InvalidCredentialsError,
    403: InsufficientPermissionsError,
    404: ResourceNotFoundError,
    408: ServiceUnavailableError,
    429: RateLimitError,
}


@attrs.frozen
class Page:
    """Some records of a list, and the token of the next page; empty at the end."""

    records: list[dict[str, Any]]
    next: str


def open_client(config: Config, context: Context) -> Client:
    """Return the client of the run; all streams share it, and the engine closes it."""
    return context.resource("client", lambda: _opened(config))


@contextmanager
def _opened(config: Config) -> Iterator[Client]:
    with httpx.Client(
        base_url=config.base_url,
        headers={"Authorization": f"Bearer {config.token.reveal()}"},
        timeout=config.timeout_seconds,
    ) as http:
        yield Client(http)


class Client:
    """Asks the API from any number of threads."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http
        self._sockets: WeakSet[socket.socket] = WeakSet()

    def get_page(self, context: Context, path: str, params: Mapping[str, str | int]) -> Page:
        """Ask for one page of a list."""
        document = self.get(context, path, params)
        try:
            records, following = document["items"], document.get("next") or ""
            if all(isinstance(record, dict) for record in records):
                return Page(records, str(following))
        except (TypeError, KeyError, AttributeError):
            pass
        raise DataFormatError(f"{path} answered with something else than a list of objects")

    def get(self, context: Context, path: str, params: Mapping[str, str | int]) -> Any:
        """Ask until it is answered or fails for good, and return the JSON."""
        # The engine knows how often and how long to wait. A retry here costs one request; an error
        # that left `extract` would start the whole stream again from its last commit.
        with context.on_cancel(self._cut):
            return context.retry(lambda: self._ask(path, params))

    def _ask(self, path: str, params: Mapping[str, str | int]) -> Any:
        try:
            response = self._http.get(path, params=dict(params), extensions={"trace": self._note})
        except httpx.TimeoutException as error:
            raise ConnectTimeoutError(f"{self._place(path)} does not answer in time") from error
        except httpx.TransportError as error:
            raise NetworkError(f"{self._place(path)} cannot be asked: {error}") from error
        if response.status_code != httpx.codes.OK:
            raise _refusal(response, path)
        try:
            return response.json()
        except (ValueError, RecursionError) as error:
            raise DataFormatError(f"{path} answered with something else than JSON") from error

    def _note(self, event: str, info: Mapping[str, Any]) -> None:
        """Remember each new connection; httpx tells of what happens to a request."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self._sockets.add(info["return_value"].get_extra_info("socket"))

    def _cut(self) -> None:
        """End every wait for an answer; called in another thread when the run is cancelled."""
        for connection in list(self._sockets):
            with suppress(OSError):  # closed already
                connection.shutdown(socket.SHUT_RDWR)

    def _place(self, path: str) -> str:
        return f"{path} of {self._http.base_url.host}"


def _refusal(response: httpx.Response, path: str) -> DativoError:
    """Choose the error by the status: its class decides whether the engine tries again."""
    status = response.status_code
    server = ServiceUnavailableError if response.is_server_error else ConfigurationError
    return _BY_STATUS.get(status, server)(
        f"{path} answered {status} {response.reason_phrase}",
        retry_after=_seconds(response.headers.get("retry-after", "")),
        details={"status": status, "request_id": response.headers.get("x-request-id", "")},
    )


def _seconds(text: str) -> float | None:
    # It may also be a date; then the engine's own, growing waits do.
    return float(text) if text.isdecimal() else None
