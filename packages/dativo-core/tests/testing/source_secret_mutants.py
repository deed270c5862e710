"""Mutants that show a secret."""

from __future__ import annotations

import base64
import logging
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
from reference_client import Client
from reference_source import ReferenceConfig, ReferenceSource

from dativo.contract import (
    Checkpoint,
    Context,
    StreamRequest,
)
from dativo.errors import (
    DativoError,
    InvalidCredentialsError,
)

if TYPE_CHECKING:
    import http.client

    import pyarrow as pa
from source_variants import OtherClient, OtherConfig

__all__ = ["MUTANTS"]


class _TokenInMessage(Client):
    def refused(self, status: int, headers: http.client.HTTPMessage, body: bytes) -> DativoError:
        token = self.config.token.reveal()
        return InvalidCredentialsError(f"GET /records?token={token} was answered with {status}")


class TokenInMessage(OtherClient):
    """Quotes the request that failed."""

    kind = _TokenInMessage


class _TokenInLog(Client):
    def headers(self) -> dict[str, str]:
        found = super().headers()
        logging.getLogger("acme").debug("GET %s", found)
        return found


class TokenInLog(OtherClient):
    """Logs the headers of each request."""

    kind = _TokenInLog


class TokenInCheckpoint(ReferenceSource):
    """Keeps the whole request, encoded, for the next run."""

    _token = ""

    def client(self, config: ReferenceConfig, context: Context) -> Client:
        type(self)._token = config.token.reveal()
        return super().client(config, context)

    def checkpoint(self, request: StreamRequest, after: Sequence[Any]) -> Checkpoint:
        found = super().checkpoint(request, after)
        encoded = base64.b64encode(f"user:{self._token}".encode()).decode()
        return attrs.evolve(found, value={**found.value, "authorization": encoded})


class TokenInSchema(ReferenceSource):
    """Puts the address that the records came from into their schema."""

    _token = ""

    def client(self, config: ReferenceConfig, context: Context) -> Client:
        type(self)._token = config.token.reveal()
        return super().client(config, context)

    def schema(self, told: Mapping[str, Any]) -> pa.Schema:
        found: pa.Schema = super().schema(told)
        return found.with_metadata({"from": f"https://{self._token}@acme"})


class _TokenIsPrinted(Client):
    def send(self, target: str) -> Any:
        sys.stderr.write(f"debug: {self.headers()}\n")
        return super().send(target)


class TokenIsPrinted(OtherClient):
    """Has a print left over from a long evening."""

    kind = _TokenIsPrinted


@attrs.frozen(kw_only=True)
class _Revealing(ReferenceConfig):
    def __str__(self) -> str:
        return f"{self.host}:{self.port} as {self.token.reveal()}"


class TokenInConfigText(OtherConfig):
    """Has a text for the config that shows everything."""

    config = _Revealing


MUTANTS: Mapping[str, Mapping[type[ReferenceSource], str]] = {
    "secrets.hidden": {
        TokenInMessage: "the check's item 'login' [bad_credentials] shows the secret token",
        TokenInLog: "a log record of 'acme' [good] shows the secret token",
        TokenInCheckpoint: "a checkpoint of 'orders' [good] shows the secret token",
        TokenInSchema: "the schema of the stream 'orders' [good] shows the secret token",
        TokenIsPrinted: "standard error shows the secret token",
        TokenInConfigText: "text of the config [good] shows the secret token",
    },
}
