"""Mutants that break a rule about the check of a connection."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs
from reference_client import Client
from reference_source import ReferenceConfig, ReferenceSource

from dativo.contract import (
    CheckItem,
    ConnectionTestResult,
    Context,
    hookimpl,
)
from dativo.errors import (
    DativoError,
    InvalidCredentialsError,
    NetworkError,
    ResourceNotFoundError,
)

if TYPE_CHECKING:
    import http.client

from source_variants import OtherClient

__all__ = ["MUTANTS"]


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


class _RefusalIsNetwork(Client):
    def refused(self, status: int, headers: http.client.HTTPMessage, body: bytes) -> DativoError:
        return NetworkError(f"the API answered {status}")


class RefusalIsNetwork(OtherClient):
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


class NoTimeout(OtherClient):
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


class NobodyIsCredentials(OtherClient):
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


MUTANTS: Mapping[str, Mapping[type[ReferenceSource], str]] = {
    "check.good": {
        StreamsAreNotChecked: "no item is about the streams 'orders', 'customers', 'refunds'",
        OneScopeForAll: "3 items have the scope 'stream'",
        CheckForLater: "is not_implemented",
    },
    "check.bad_credentials": {
        AlwaysGreen: "with bad credentials is ok",
        RefusalIsNetwork: "no item says that the credentials are wrong",
        FailuresAreRaised: "raises INVALID_CREDENTIALS",
    },
    "check.unreachable": {
        NoTimeout: "never answers is not over after",
        NobodyIsGreen: "the check of unreachable is ok",
        NobodyIsCredentials: "no item says that the connection is what is wrong",
    },
    "check.missing_privilege": {
        PrivilegesAreIgnored: "without a privilege is ok",
        OneDeniedAllDenied: "the item 'stream orders' is failed, although",
        DeniedIsNotThere: "no item says that a privilege is missing",
    },
    "check.honest": {
        AlwaysGreen: "the check of bad_credentials is green",
        UnknownStreamIsGreen: "of a stream that does not exist is green",
        FailsWithoutReason: "fails without saying why",
    },
    "check.harmless": {
        CheckKeepsASocket: "a check of good leaves open: socket",
        CheckKeepsAThread: "leaves open: the thread 'heartbeat'",
    },
}
