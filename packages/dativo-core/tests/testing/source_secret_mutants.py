"""Mutants that show a secret."""

from __future__ import annotations

import base64
import logging
import subprocess
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs
from reference_client import Client
from reference_source import ReferenceConfig, ReferenceSource

from dativo.contract import (
    Checkpoint,
    ConnectorInfo,
    Context,
    ReadPlan,
    StreamRequest,
    hookimpl,
)
from dativo.errors import (
    DativoError,
    InvalidCredentialsError,
    NetworkError,
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


class _TokenInCause(Client):
    def send(self, target: str) -> Any:
        try:
            return super().send(target)
        except OSError as error:
            msg = f"no route to http://{self.config.token.reveal()}@acme{target}"
            raise OSError(msg) from error

    def unreachable(self, error: Exception) -> DativoError:
        return NetworkError("the API does not answer", fix="Look at host and port.")


class TokenInCause(OtherClient):
    """Raises a clean error from one that quotes the address."""

    kind = _TokenInCause


class _TokenInDetails(Client):
    def refused(self, status: int, headers: http.client.HTTPMessage, body: bytes) -> DativoError:
        about = {"status": status, "request": self.headers()}
        return InvalidCredentialsError("the API refuses", details=about)


class TokenInDetails(OtherClient):
    """Hands out the request with the error, for machines."""

    kind = _TokenInDetails


class _TokenInBrokenLog(Client):
    def headers(self) -> dict[str, str]:
        found = super().headers()
        logging.getLogger("acme").debug("GET %s as %s", found)  # noqa: PLE1206 - as it happens
        return found


class TokenInBrokenLog(OtherClient):
    """Logs with a format for which there are too few arguments; Python prints them all."""

    kind = _TokenInBrokenLog


class _TokenInLogFields(Client):
    def headers(self) -> dict[str, str]:
        found = super().headers()
        logging.getLogger("acme").debug("GET", extra={"sent": found})
        return found


class TokenInLogFields(OtherClient):
    """Adds the headers of a request to its log record, for those who log JSON."""

    kind = _TokenInLogFields


class _TokenInWarning(Client):
    def headers(self) -> dict[str, str]:
        found = super().headers()
        warnings.warn(f"sending {found} without TLS", stacklevel=1)
        return found


class TokenInWarning(OtherClient):
    """Warns of what it sends, with all of it."""

    kind = _TokenInWarning


class _TokenInArguments(Client):
    def headers(self) -> dict[str, str]:
        subprocess.run(["true", f"--token={self.config.token.reveal()}"], check=True)
        return super().headers()


class TokenInArguments(OtherClient):
    """Hands the token to a program as an argument, which every user of the machine can list."""

    kind = _TokenInArguments

    @hookimpl
    def describe(self) -> ConnectorInfo:
        known = super().describe()
        return attrs.evolve(known, permissions=attrs.evolve(known.permissions, subprocess=True))


class TokenInPlan(ReferenceSource):
    """Says in its plan which address it would ask."""

    @hookimpl
    def plan_read(self, config: ReferenceConfig) -> ReadPlan:
        return ReadPlan(assumptions=(f"http://{config.token.reveal()}@acme gives all records",))


MUTANTS: Mapping[str, Mapping[type[ReferenceSource], str]] = {
    "secrets.hidden": {
        TokenInMessage: "the check's item 'login' [bad_credentials] shows the secret token",
        TokenInLog: "a log record of 'acme' [good] shows the secret token",
        TokenInCheckpoint: "a checkpoint of 'orders' [good] shows the secret token",
        TokenInSchema: "the schema of the stream 'orders' [good] shows the secret token",
        TokenIsPrinted: "standard error shows the secret token",
        TokenInConfigText: "text of the config [good] shows the secret token",
        TokenInCause: "a cause of the check's item 'login' [unreachable] shows the secret token",
        TokenInDetails: "the check's item 'login' [bad_credentials] shows the secret token",
        TokenInBrokenLog: "a log record of 'acme' [good] shows the secret token",
        TokenInLogFields: "a log record of 'acme' [good] shows the secret token",
        TokenInWarning: "standard error shows the secret token",
        TokenInArguments: "the arguments of a program",
        TokenInPlan: "the plan of 'orders' [good] shows the secret token",
    },
}
