"""Installs the reference connectors and their mutants, so that the kit finds them by an address."""

from __future__ import annotations

import contextlib
import gc
import importlib
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from dativo.plugins import build_manifest
from dativo_test_support.wheels import PluginWheel, install

__all__ = ["address_of", "installed"]

_GROUP = "dativo.connectors.v1"


def address_of(connector: type) -> str:
    """Return the address under which the class *connector* is installed."""
    return "kit-" + "".join(
        f"-{letter.lower()}" if letter.isupper() else letter for letter in connector.__name__
    ).strip("-")


@contextlib.contextmanager
def installed(
    folder: Path, *connectors: type, manifests: Mapping[type, str | None] | None = None
) -> Iterator[None]:
    """Put distributions of the classes *connectors* on the path, each of its own.

    Each has a true manifest, except where *manifests* gives another text or ``None`` for none. The
    modules themselves stay in this folder, which ``conftest.py`` puts on ``sys.path``.
    """
    install(folder, *(_wheel(connector, None) for connector in connectors))
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        said = {connector: build_manifest(address_of(connector)) for connector in connectors}
        texts = {**{one: manifest.to_json() for one, manifest in said.items()}, **(manifests or {})}
        install(folder, *(_wheel(connector, texts[connector]) for connector in connectors))
        importlib.invalidate_caches()
        yield
    finally:
        gc.collect()  # what mutants have left open is told here, not in another test
        sys.path.remove(str(folder))
        importlib.invalidate_caches()


def _wheel(connector: type, manifest: str | None) -> PluginWheel:
    address = address_of(connector)
    return PluginWheel(
        name=f"acme-{address}",
        entry_points={_GROUP: {address: f"{connector.__module__}:{connector.__qualname__}.plugin"}},
        requires=("dativo-core",),
        manifest=manifest,
    )
