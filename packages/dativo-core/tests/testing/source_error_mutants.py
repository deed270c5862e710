"""Mutants that break a rule about errors."""

from __future__ import annotations

import socket
import traceback
from collections.abc import Mapping

from reference_client import Client
from reference_source import ReferenceSource
from source_variants import OtherClient

from dativo.contract import (
    ErrorInfo,
)
from dativo.errors import (
    DativoError,
    NetworkError,
)

__all__ = ["MUTANTS"]


class ForgetsToDeclare(ReferenceSource):
    """Declares the errors that came to mind."""

    def errors(self) -> tuple[ErrorInfo, ...]:
        return tuple(one for one in super().errors() if one.code != "TOKEN_EXPIRED")


class DeclaresItsOwnCode(ReferenceSource):
    """Makes up a code."""

    def errors(self) -> tuple[ErrorInfo, ...]:
        return (*super().errors(), ErrorInfo(code="ACME_DOWN", cause="Acme is down."))


class _Unclassified(Client):
    def unreachable(self, error: Exception) -> DativoError:
        raise RuntimeError(f"could not connect: {error}")


class Unclassified(OtherClient):
    """Wraps errors in one of its own that nobody knows."""

    kind = _Unclassified


class _OwnMessage(Client):
    def text(self, error: Exception) -> str:
        return str(error)

    fix: str | None = None
    retryable: bool | None = None

    def unreachable(self, error: Exception) -> DativoError:
        return NetworkError(self.text(error), fix=self.fix, retryable=self.retryable)


class _WithTraceback(_OwnMessage):
    def text(self, error: Exception) -> str:
        return "".join(traceback.format_exception(error))


class TracebackInTheMessage(OtherClient):
    """Hands its traceback to the operator."""

    kind = _WithTraceback


class _WithRepr(_OwnMessage):
    def text(self, error: Exception) -> str:
        return f"{socket.socket.send} {object()!r} failed"


class ReprInTheMessage(OtherClient):
    """Formats an object into its message."""

    kind = _WithRepr


class _WithoutFix(_OwnMessage):
    fix = ""


class NoFix(OtherClient):
    """Says what is wrong and not what to do."""

    kind = _WithoutFix


class _NeverRetry(_OwnMessage):
    retryable = False


class NetworkIsFinal(OtherClient):
    """Gives up at the first lost connection."""

    kind = _NeverRetry


MUTANTS: Mapping[str, Mapping[type[ReferenceSource], str]] = {
    "errors.catalogued": {
        ForgetsToDeclare: "ends with TOKEN_EXPIRED, which describe does not declare",
        DeclaresItsOwnCode: "'ACME_DOWN', which dativo.errors does not have",
        Unclassified: "an exception that nobody classified: RuntimeError",
    },
    "errors.located": {
        TracebackInTheMessage: "shows a traceback",
        ReprInTheMessage: "shows the repr of an object",
        NoFix: "has no fix",
        NetworkIsFinal: "has retryable=False",
    },
}
