"""The scripted connectors of this package as an installed distribution."""

from __future__ import annotations

from dativo_test_support.wheels import PluginWheel

__all__ = ["scripted_connectors"]


def scripted_connectors() -> PluginWheel:
    """Describe the distribution that registers `numbers`, `ledger`, `plain`, `whole`."""
    names = ("numbers", "ledger", "plain", "whole")
    modules = {name: f"dativo_test_support.{name}" for name in names}
    return PluginWheel(name="acme-scripted", entry_points={"dativo.connectors.v1": modules})
