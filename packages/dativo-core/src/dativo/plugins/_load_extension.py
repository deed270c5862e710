"""Load one extension, one that a job names, and nothing else."""

from __future__ import annotations

import contextlib
import inspect
import sys

from dativo.contract import (
    ExtensionInfo,
    ExtensionKind,
    Manifest,
    config_schema,
    extension_hookspecs,
)
from dativo.plugins._extension import Extension
from dativo.plugins._inventory import PluginEntry, find_extension
from dativo.plugins._origin import Origin
from dativo.plugins._registering import implemented, import_named, register

__all__ = ["build_extension_manifest", "load_extension"]

_HOOKS = {ExtensionKind.OBSERVER: "observe", ExtensionKind.TRANSFORMER: "transform"}


def load_extension(name: str) -> Extension:
    """Import the extension *name*.

    What it prints while it loads goes to standard error.

    Raises:
        PluginNotFoundError: It is not installed, or installed twice.
        PluginVersionError: It does not work with this core.
        PluginLoadError: It cannot be imported.
        ContractViolationError: It has a hook or an argument that the contract lacks, lacks the one
            of its kind, or describes itself wrongly.
    """
    return _load(find_extension(name))


def build_extension_manifest(name: str) -> Manifest:
    """Import the extension *name* and make its manifest from what it says of itself.

    The manifest that it has, if any, is not looked at.

    Raises:
        DativoError: As for :func:`load_extension`.
    """
    return Manifest.of_extension(name, _load(find_extension(name, manifest=False)).info)


def _load(entry: PluginEntry) -> Extension:
    origin = Origin(
        kind="extension",
        name=entry.name,
        distribution=entry.distribution,
        version=entry.version,
    )
    plugin = import_named(origin, entry)
    if inspect.isclass(plugin):
        raise origin.violation(f"{entry.value!r} is a class; name a module or an instance")
    manager = register(origin, plugin, extension_hookspecs)
    hooks = implemented(manager, extension_hookspecs)
    if "describe_extension" not in hooks:
        raise origin.violation("it implements no hook 'describe_extension'; hooks carry @hookimpl")
    place = origin.place("describe")
    with contextlib.redirect_stdout(sys.stderr):
        info = place.expect(place.call(manager.hook.describe_extension), ExtensionInfo)
    _check(origin, info, hooks)
    return Extension(origin=origin, info=info, manager=manager)


def _check(origin: Origin, info: ExtensionInfo, hooks: frozenset[str]) -> None:
    """Look at what the types promise but nobody has enforced."""
    kind: object = info.kind
    if kind not in tuple(ExtensionKind):
        raise origin.violation(f"it describes itself wrongly: its kind is {kind!r}")
    try:
        config_schema(info.config)
    except (TypeError, ValueError, AttributeError, NameError) as error:
        raise origin.violation(f"it describes itself wrongly: {error}") from error
    hook = _HOOKS[ExtensionKind(info.kind)]
    if hook not in hooks:
        raise origin.violation(f"it is {info.kind}, but implements no hook {hook!r}")
