"""Plugins: what is installed, known without an import, and one connector, loaded by its name."""

from dativo.plugins._boundary import describe_exception
from dativo.plugins._child import ChildEnd, run_child
from dativo.plugins._connector import Connector
from dativo.plugins._inventory import PluginEntry, find_connector, find_distribution, list_plugins
from dativo.plugins._load import build_manifest, load_connector
from dativo.plugins._manifests import (
    ManifestFile,
    compare_manifest,
    manifest_path,
    write_manifest,
)
from dativo.plugins._session import GuardedSession
from dativo.plugins._versions import VersionVerdict

__all__ = [
    "ChildEnd",
    "Connector",
    "GuardedSession",
    "ManifestFile",
    "PluginEntry",
    "VersionVerdict",
    "build_manifest",
    "compare_manifest",
    "describe_exception",
    "find_connector",
    "find_distribution",
    "list_plugins",
    "load_connector",
    "manifest_path",
    "run_child",
    "write_manifest",
]
