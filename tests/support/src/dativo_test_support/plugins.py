"""The scripted connectors of this package as an installed distribution."""

from __future__ import annotations

from dativo_test_support.wheels import PluginWheel

__all__ = ["scripted_connectors"]


def scripted_connectors() -> PluginWheel:
    """Describe the distribution that registers the source `numbers` and the writer `ledger`."""
    modules = {name: f"dativo_test_support.{name}" for name in ("numbers", "ledger")}
    return PluginWheel(name="acme-scripted", entry_points={"dativo.connectors.v1": modules})
