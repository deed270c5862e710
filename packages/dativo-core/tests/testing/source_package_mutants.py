"""Mutants that break a rule about the package: manifest, description, settings."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Mapping
from pathlib import Path

import attrs
from reference_source import ReferenceConfig, ReferenceSource
from source_variants import OtherConfig

from dativo.contract import (
    ConnectorInfo,
    ErrorInfo,
    Secret,
    hookimpl,
    setting,
)

__all__ = ["MANIFESTS", "MUTANTS"]


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


class SettingWithoutHelp(OtherConfig):
    """Adds a setting and no word about it."""

    config = _WithoutHelp


class HelpIsTheName(OtherConfig):
    """Says of a setting what its name says."""

    config = _HelpIsTheName


class NestedSettingWithoutHelp(OtherConfig):
    """Documents a section and not what is in it."""

    config = _NestedWithoutHelp


class KeyIsText(OtherConfig):
    """Takes keys as a plain list."""

    config = _KeyIsText


class NestedPasswordIsText(OtherConfig):
    """Forgets a password inside a section."""

    config = _NestedPassword


class SecretWithDefault(OtherConfig):
    """Ships a secret in the code."""

    config = _SecretWithDefault


MANIFESTS = {ManifestIsMissing: None, ManifestLagsBehind: ReferenceSource}
"""Mutants that have another manifest than their own: that of a class, or none."""


@attrs.frozen(kw_only=True)
class _SecretFromAFactory(ReferenceConfig):
    client_secret: Secret = setting("The app's.", factory=lambda: Secret("acme-app-1"))


@attrs.frozen(kw_only=True)
class _App:
    secret: Secret = setting("What the app logs in with.")


@attrs.frozen(kw_only=True)
class _SecretOfASection(ReferenceConfig):
    app: _App = setting("The app.", factory=lambda: _App(secret=Secret("acme-app-1")))


class SecretFromAFactory(OtherConfig):
    """Makes the secret that it ships when it is needed."""

    config = _SecretFromAFactory


class SecretOfASection(OtherConfig):
    """Ships a secret within the default of a section."""

    config = _SecretOfASection


MUTANTS: Mapping[str, Mapping[type[ReferenceSource], str]] = {
    "manifest.current": {
        ManifestLagsBehind: "manifest and code differ",
        ManifestIsMissing: "has no manifest",
    },
    "describe.pure": {
        ErrorsInASet: "two different answers",
        DescribesTheMoment: '"documentation": "built at',
        DescribeAsksTheNetwork: "looks up the host 127.0.0.1 [testing/source_package",
        DescribeReadsTheHome: "reads /etc/acme.conf",
        DescribeIsSlow: "ms of CPU time; the bound is",
    },
    "config.documented": {
        SettingWithoutHelp: "source.config.page_size has no help text",
        HelpIsTheName: "only repeats its name",
        NestedSettingWithoutHelp: "source.config.paging.page_size has no help text",
    },
    "config.secrets": {
        KeyIsText: "source.config.api_keys is a secret by its name",
        NestedPasswordIsText: "source.config.proxy.password is a secret by its name",
        SecretFromAFactory: "source.config.client_secret is a secret with a default",
        SecretOfASection: "source.config.app.secret is a secret with a default",
        SecretWithDefault: "source.config.client_secret is a secret with a default",
    },
}
