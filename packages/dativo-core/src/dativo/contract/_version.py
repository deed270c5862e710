"""The version of the contract, which is not the version of the core.

Adding a hook, a hook argument or a field with a default is a minor; removing or renaming is a
major. The major is part of the entry-point group, so an incompatible plugin is never imported.
"""

from __future__ import annotations

__all__ = [
    "CONNECTOR_GROUP",
    "CONNECTOR_GROUP_PREFIX",
    "CONTRACT_MAJOR",
    "CONTRACT_MINOR",
    "CONTRACT_VERSION",
    "EXTENSION_GROUP",
]

CONTRACT_MAJOR = 1
CONTRACT_MINOR = 0
CONTRACT_VERSION = f"{CONTRACT_MAJOR}.{CONTRACT_MINOR}"

CONNECTOR_GROUP_PREFIX = "dativo.connectors.v"
CONNECTOR_GROUP = f"{CONNECTOR_GROUP_PREFIX}{CONTRACT_MAJOR}"
EXTENSION_GROUP = f"dativo.extensions.v{CONTRACT_MAJOR}"
