"""The scripted plugins of this package as an installed distribution."""

from __future__ import annotations

from dativo_test_support.wheels import PluginWheel

__all__ = ["scripted_connectors"]


def scripted_connectors() -> PluginWheel:
    """Describe the distribution of `numbers`, `ledger`, `plain`, `whole`, `changer`, `watcher`."""
    connectors, extensions = ("numbers", "ledger", "plain", "whole"), ("changer", "watcher")
    return PluginWheel(
        name="acme-scripted",
        entry_points={
            "dativo.connectors.v1": {name: f"dativo_test_support.{name}" for name in connectors},
            "dativo.extensions.v1": {name: f"dativo_test_support.{name}" for name in extensions},
        },
    )
