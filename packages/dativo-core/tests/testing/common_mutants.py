"""Mutants of the reference source for the rules that sources and writers have in common."""

from __future__ import annotations

import base64
import contextlib
import logging
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import attrs
from reference_client import Client
from reference_source import ReferenceConfig, ReferenceSource

from dativo.contract import (
    Batch,
    CheckItem,
    Checkpoint,
    ConnectionTestResult,
    ConnectorInfo,
    Context,
    ErrorInfo,
    Secret,
    SourceInfo,
    StreamRequest,
    hookimpl,
    setting,
)
from dativo.errors import (
    DativoError,
    InvalidCredentialsError,
    NetworkError,
    ResourceNotFoundError,
)

if TYPE_CHECKING:
    import http.client

    import pyarrow as pa

__all__ = ["MANIFESTS", "MUTANTS", "LoadsNative"]


# The package.


class ManifestLagsBehind(ReferenceSource):
    """Was changed, and nobody has written the manifest again."""


class ManifestIsMissing(ReferenceSource):
    """Was built without its manifest."""


class ErrorsInASet(ReferenceSource):
    """Keeps its errors in a set, whose order differs from process to process."""

    def errors(self) -> tuple[ErrorInfo, ...]:
        known = {one.code: one for one in super().errors()}
        return tuple(known[code] for code in set(known))


class DescribesTheMoment(ReferenceSource):
    """Puts the time of the build into its description."""

    @hookimpl
    def describe(self) -> ConnectorInfo:
        return attrs.evolve(super().describe(), documentation=f"built at {time.time_ns()}")


class DescribeAsksTheNetwork(ReferenceSource):
    """Looks for the newest version of the API while it describes itself."""

    @hookimpl
    def describe(self) -> ConnectorInfo:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", 9), timeout=0.1).close()
        return super().describe()


class DescribeReadsTheHome(ReferenceSource):
    """Takes its title from a file of the user."""

    @hookimpl
    def describe(self) -> ConnectorInfo:
        with contextlib.suppress(OSError):
            return attrs.evolve(super().describe(), title=Path("/etc/acme.conf").read_text())
        return super().describe()


class DescribeIsSlow(ReferenceSource):
    """Builds a catalogue while it describes itself."""

    @hookimpl
    def describe(self) -> ConnectorInfo:
        assert len({str(number) for number in range(1_000_000)}) == 1_000_000
        return super().describe()


@attrs.frozen(kw_only=True)
class _WithoutHelp(ReferenceConfig):
    page_size: int = 100


@attrs.frozen(kw_only=True)
class _HelpIsTheName(ReferenceConfig):
    page_size: int = setting("The page size.", default=100)


@attrs.frozen(kw_only=True)
class _Proxy:
    url: str = setting("Where the proxy is.")
    password: str | None = setting("What the proxy asks for.", default=None)


@attrs.frozen(kw_only=True)
class _NestedPassword(ReferenceConfig):
    proxy: _Proxy | None = setting("The proxy, if there is one.", default=None)


@attrs.frozen(kw_only=True)
class _NestedWithoutHelp(ReferenceConfig):
    paging: _WithoutHelp | None = setting("How pages are cut.", default=None)


@attrs.frozen(kw_only=True)
class _KeyIsText(ReferenceConfig):
    api_keys: tuple[str, ...] = setting("Further keys of the API.", default=())


@attrs.frozen(kw_only=True)
class _SecretWithDefault(ReferenceConfig):
    client_secret: Secret = setting("The secret of the app.", default=Secret("acme-app-1"))


class _OtherConfig(ReferenceSource):
    config: ClassVar[type] = ReferenceConfig

    def source_info(self) -> SourceInfo:
        return attrs.evolve(super().source_info(), config=self.config)


class SettingWithoutHelp(_OtherConfig):
    """Adds a setting and no word about it."""

    config = _WithoutHelp


class HelpIsTheName(_OtherConfig):
    """Says of a setting what its name says."""

    config = _HelpIsTheName


class NestedSettingWithoutHelp(_OtherConfig):
    """Documents a section and not what is in it."""

    config = _NestedWithoutHelp


class KeyIsText(_OtherConfig):
    """Takes keys as a plain list."""

    config = _KeyIsText


class NestedPasswordIsText(_OtherConfig):
    """Forgets a password inside a section."""

    config = _NestedPassword


class SecretWithDefault(_OtherConfig):
    """Ships a secret in the code."""

    config = _SecretWithDefault


# Checks.


class AlwaysGreen(ReferenceSource):
    """Takes settings that can be read for a connection."""

    @hookimpl
    def check_connection(self, config: ReferenceConfig, context: Context) -> ConnectionTestResult:
        streams = [CheckItem.ok(f"stream {one.stream}") for one in context.streams]
        return ConnectionTestResult([CheckItem.ok("login"), *streams])


class StreamsAreNotChecked(ReferenceSource):
    """Looks at the login alone."""

    def check_stream(self, name: str, readable: Mapping[str, bool]) -> CheckItem:
        return CheckItem.ok("streams")


class OneScopeForAll(ReferenceSource):
    """Calls all items the same."""

    def check_stream(self, name: str, readable: Mapping[str, bool]) -> CheckItem:
        return attrs.evolve(super().check_stream(name, readable), scope="stream")


class CheckForLater(ReferenceSource):
    """Leaves the check for later."""

    @hookimpl
    def check_connection(self, config: ReferenceConfig, context: Context) -> ConnectionTestResult:
        raise NotImplementedError("later")


class _OtherClient(ReferenceSource):
    kind: ClassVar[type[Client]] = Client

    def client(self, config: ReferenceConfig, context: Context) -> Client:
        return self.kind(config, context)


class _RefusalIsNetwork(Client):
    def refused(self, status: int, headers: http.client.HTTPMessage, body: bytes) -> DativoError:
        return NetworkError(f"the API answered {status}")


class RefusalIsNetwork(_OtherClient):
    """Takes every answer that is not good for a lost connection."""

    kind = _RefusalIsNetwork


class FailuresAreRaised(ReferenceSource):
    """Raises where an item is due."""

    @hookimpl
    def check_connection(self, config: ReferenceConfig, context: Context) -> ConnectionTestResult:
        told = {one["name"]: one["readable"] for one in self.told(self.client(config, context))}
        items = [self.check_stream(one.stream, told) for one in context.streams]
        return ConnectionTestResult([CheckItem.ok("login"), *items])


class _NoTimeout(Client):
    def send(self, target: str) -> Any:
        self.config = attrs.evolve(self.config, timeout_seconds=600.0)
        return super().send(target)


class NoTimeout(_OtherClient):
    """Waits for an answer as long as it takes."""

    kind = _NoTimeout


class NobodyIsGreen(ReferenceSource):
    """Calls it a pass if the settings lead nowhere."""

    @hookimpl
    def check_connection(self, config: ReferenceConfig, context: Context) -> ConnectionTestResult:
        found = super().check_connection(config, context)
        lost = any(isinstance(item.error, NetworkError) for item in found.items)
        return ConnectionTestResult([CheckItem.ok("settings")]) if lost else found


class _NobodyIsCredentials(Client):
    def unreachable(self, error: Exception) -> DativoError:
        return InvalidCredentialsError("the login failed")


class NobodyIsCredentials(_OtherClient):
    """Blames the password for everything."""

    kind = _NobodyIsCredentials


class PrivilegesAreIgnored(ReferenceSource):
    """Takes a login for all privileges."""

    def check_stream(self, name: str, readable: Mapping[str, bool]) -> CheckItem:
        return super().check_stream(name, dict.fromkeys(readable, True))


class OneDeniedAllDenied(ReferenceSource):
    """Fails all streams for one."""

    def check_stream(self, name: str, readable: Mapping[str, bool]) -> CheckItem:
        return super().check_stream(name, dict.fromkeys(readable, all(readable.values())))


class DeniedIsNotThere(ReferenceSource):
    """Says that a stream does not exist because it may not be seen."""

    def denied(self, name: str) -> DativoError:
        return ResourceNotFoundError(f"there is no stream {name!r}")


class UnknownStreamIsGreen(ReferenceSource):
    """Looks only at what it knows."""

    def check_stream(self, name: str, readable: Mapping[str, bool]) -> CheckItem:
        return super().check_stream(name, {name: True, **readable})


class FailsWithoutReason(ReferenceSource):
    """Says that it failed and keeps the reason."""

    @hookimpl
    def check_connection(self, config: ReferenceConfig, context: Context) -> ConnectionTestResult:
        found = super().check_connection(config, context)
        return ConnectionTestResult([CheckItem(item.scope, item.verdict) for item in found.items])


_KEPT: list[Any] = []


class CheckKeepsASocket(ReferenceSource):
    """Keeps the connection of a check for later, which never comes."""

    @hookimpl
    def check_connection(self, config: ReferenceConfig, context: Context) -> ConnectionTestResult:
        with contextlib.suppress(OSError):
            _KEPT.append(socket.create_connection((config.host, config.port), timeout=1))
        return super().check_connection(config, context)


class CheckKeepsAThread(ReferenceSource):
    """Starts a heartbeat with each check."""

    @hookimpl
    def check_connection(self, config: ReferenceConfig, context: Context) -> ConnectionTestResult:
        threading.Thread(target=time.sleep, args=(9,), name="heartbeat", daemon=True).start()
        return super().check_connection(config, context)


# Errors.


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


class Unclassified(_OtherClient):
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


class TracebackInTheMessage(_OtherClient):
    """Hands its traceback to the operator."""

    kind = _WithTraceback


class _WithRepr(_OwnMessage):
    def text(self, error: Exception) -> str:
        return f"{socket.socket.send} {object()!r} failed"


class ReprInTheMessage(_OtherClient):
    """Formats an object into its message."""

    kind = _WithRepr


class _WithoutFix(_OwnMessage):
    fix = ""


class NoFix(_OtherClient):
    """Says what is wrong and not what to do."""

    kind = _WithoutFix


class _NeverRetry(_OwnMessage):
    retryable = False


class NetworkIsFinal(_OtherClient):
    """Gives up at the first lost connection."""

    kind = _NeverRetry


# Secrets.


class _TokenInMessage(Client):
    def refused(self, status: int, headers: http.client.HTTPMessage, body: bytes) -> DativoError:
        token = self.config.token.reveal()
        return InvalidCredentialsError(f"GET /records?token={token} was answered with {status}")


class TokenInMessage(_OtherClient):
    """Quotes the request that failed."""

    kind = _TokenInMessage


class _TokenInLog(Client):
    def headers(self) -> dict[str, str]:
        found = super().headers()
        logging.getLogger("acme").debug("GET %s", found)
        return found


class TokenInLog(_OtherClient):
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


class TokenIsPrinted(_OtherClient):
    """Has a print left over from a long evening."""

    kind = _TokenIsPrinted


@attrs.frozen(kw_only=True)
class _Revealing(ReferenceConfig):
    def __str__(self) -> str:
        return f"{self.host}:{self.port} as {self.token.reveal()}"


class TokenInConfigText(_OtherConfig):
    """Has a text for the config that shows everything."""

    config = _Revealing


# What is reached.


class _Telemetry(Client):
    def send(self, target: str) -> Any:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", 9), timeout=0.1).close()
        return super().send(target)


class Telemetry(_OtherClient):
    """Tells its makers of every request."""

    kind = _Telemetry


class _LooksUp(Client):
    def send(self, target: str) -> Any:
        with contextlib.suppress(OSError):
            socket.getaddrinfo("127.1", 443)  # a name that no server is asked for
        return super().send(target)


class LooksUpAnotherHost(_OtherClient):
    """Looks for a nearer server that nobody was told of."""

    kind = _LooksUp


class _CachesFiles(Client):
    def send(self, target: str) -> Any:
        file = Path(tempfile.gettempdir()) / f"acme-cache-{os.getpid()}"
        file.write_text(target)
        file.unlink()
        return super().send(target)


class CachesFiles(_OtherClient):
    """Keeps a cache where everybody can read it."""

    kind = _CachesFiles


class _StartsPrograms(Client):
    def send(self, target: str) -> Any:
        subprocess.run(["true"], check=True)
        return super().send(target)


class StartsPrograms(_OtherClient):
    """Asks a program of the system."""

    kind = _StartsPrograms


class LoadsNative(ReferenceSource):
    """Loads a library whose sockets nobody sees; that is no fault and no pass either."""

    def parts(self, *arguments: Any) -> Iterator[Batch]:
        import ctypes

        import polars as pl

        assert pl.__version__
        ctypes.CDLL(None)  # the process itself: no library, and nothing to name
        yield from super().parts(*arguments)


MANIFESTS = {ManifestIsMissing: None, ManifestLagsBehind: ReferenceSource}
"""Mutants that have another manifest than their own: that of a class, or none."""

MUTANTS: Mapping[str, tuple[type[ReferenceSource], ...]] = {
    "manifest.current": (ManifestLagsBehind, ManifestIsMissing),
    "describe.pure": (
        ErrorsInASet,
        DescribesTheMoment,
        DescribeAsksTheNetwork,
        DescribeReadsTheHome,
        DescribeIsSlow,
    ),
    "config.documented": (SettingWithoutHelp, HelpIsTheName, NestedSettingWithoutHelp),
    "config.secrets": (KeyIsText, NestedPasswordIsText, SecretWithDefault),
    "check.good": (StreamsAreNotChecked, OneScopeForAll, CheckForLater),
    "check.bad_credentials": (AlwaysGreen, RefusalIsNetwork, FailuresAreRaised),
    "check.unreachable": (NoTimeout, NobodyIsGreen, NobodyIsCredentials),
    "check.missing_privilege": (PrivilegesAreIgnored, OneDeniedAllDenied, DeniedIsNotThere),
    "check.honest": (AlwaysGreen, UnknownStreamIsGreen, FailsWithoutReason),
    "check.harmless": (CheckKeepsASocket, CheckKeepsAThread),
    "errors.catalogued": (ForgetsToDeclare, DeclaresItsOwnCode, Unclassified),
    "errors.located": (TracebackInTheMessage, ReprInTheMessage, NoFix, NetworkIsFinal),
    "secrets.hidden": (
        TokenInMessage,
        TokenInLog,
        TokenInCheckpoint,
        TokenInSchema,
        TokenIsPrinted,
        TokenInConfigText,
    ),
    "hosts.declared": (Telemetry, LooksUpAnotherHost, CachesFiles, StartsPrograms),
}
