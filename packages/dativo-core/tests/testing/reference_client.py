"""The client of the reference source: one connection per request, errors of the catalogue."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from dativo.contract import Context
from dativo.errors import (
    DataFormatError,
    DativoError,
    InsufficientPermissionsError,
    InvalidCredentialsError,
    NetworkError,
    RateLimitError,
    ResourceNotFoundError,
    RunInterruptedError,
    ServiceUnavailableError,
    TokenExpiredError,
)

if TYPE_CHECKING:
    from reference_source import ReferenceConfig

__all__ = ["Client"]


class Client:
    """Asks the API; a mutant overrides a step."""

    def __init__(self, config: ReferenceConfig, context: Context) -> None:
        self.config = config
        self.context = context

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Return the document at *path* of the workspace.

        Raises:
            DativoError: The API is not there, refuses, or the run is stopped.
        """
        return self.context.retry(lambda: self.ask(path, query))

    def ask(self, path: str, query: dict[str, Any]) -> dict[str, Any]:
        target = f"/ws/{self.quoted(self.config.workspace)}/{path}?{urlencode(query)}"
        try:
            status, headers, body = self.send(target)
        except (OSError, http.client.HTTPException) as error:
            if self.context.cancelled():
                raise RunInterruptedError("the run was stopped") from error
            raise self.unreachable(error) from error
        if status != 200:
            raise self.refused(status, headers, body)
        try:
            document = json.loads(body)
        except ValueError as error:
            raise DataFormatError("the API answered with no JSON") from error
        assert isinstance(document, dict)
        return document

    def send(self, target: str) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = http.client.HTTPConnection(
            self.config.host, self.config.port, timeout=self.config.timeout_seconds
        )
        with contextlib.closing(connection):
            connection.connect()
            sock = connection.sock
            with self.context.on_cancel(lambda: _hang_up(sock)):
                connection.request("GET", target, headers=self.headers())
                with contextlib.closing(connection.getresponse()) as response:
                    return response.status, response.headers, response.read()

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.config.token.reveal()}"}

    def unreachable(self, error: Exception) -> DativoError:
        where = f"{self.config.host}:{self.config.port}"
        return NetworkError(f"{where} does not answer: {error}", fix="Look at host and port.")

    def refused(self, status: int, headers: http.client.HTTPMessage, body: bytes) -> DativoError:
        """Return what an answer other than 200 means."""
        try:
            why = str(json.loads(body)["error"])
        except (ValueError, KeyError, TypeError):
            why = f"status {status}"
        if status == 429:
            wait = float(headers.get("Retry-After", "1"))
            return RateLimitError(f"the API is busy: {why}", retry_after=wait)
        if status == 401:
            kind = TokenExpiredError if why == "expired" else InvalidCredentialsError
            return kind(f"the API refuses the token: {why}")
        if status == 403:
            return InsufficientPermissionsError(f"the API refuses: {why}")
        if status < 500:
            return ResourceNotFoundError(f"the API has no such thing: {why}")
        return ServiceUnavailableError(f"the API answered {status}: {why}")

    @staticmethod
    def quoted(name: str) -> str:
        return quote(name, safe="")


def _hang_up(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
