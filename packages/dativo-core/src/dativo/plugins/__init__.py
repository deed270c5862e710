"""Plugins: what is installed, known without an import, and one connector, loaded by its name."""

from dativo.plugins._boundary import describe_exception
from dativo.plugins._child import ChildEnd, run_child
from dativo.plugins._connector import Connector
from dativo.plugins._diagnosis import Diagnosis, Finding, diagnose
from dativo.plugins._extension import Extension, GuardedObserver, GuardedTransform
from dativo.plugins._inventory import (
    PluginEntry,
    find_connector,
    find_distribution,
    find_extension,
    find_plugin,
    list_plugins,
)
from dativo.plugins._load import build_manifest, load_connector, load_file
from dativo.plugins._load_extension import build_extension_manifest, load_extension
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
    "Diagnosis",
    "Extension",
    "Finding",
    "GuardedObserver",
    "GuardedSession",
    "GuardedTransform",
    "ManifestFile",
    "PluginEntry",
    "VersionVerdict",
    "build_extension_manifest",
    "build_manifest",
    "compare_manifest",
    "describe_exception",
    "diagnose",
    "find_connector",
    "find_distribution",
    "find_extension",
    "find_plugin",
    "list_plugins",
    "load_connector",
    "load_extension",
    "load_file",
    "manifest_path",
    "run_child",
    "write_manifest",
]
