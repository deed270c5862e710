"""Load one connector, the one that a job names, and nothing else."""

from __future__ import annotations

import contextlib
import inspect
import sys
import warnings
from pathlib import Path

import attrs
import pluggy

from dativo.contract import (
    CONTRACT_MAJOR,
    ConnectorInfo,
    Manifest,
    ReadMode,
    Role,
    WriteMode,
    config_schema,
    hookspecs,
)
from dativo.errors import CapabilityMissingError, PluginLoadError
from dativo.plugins._connector import Connector
from dativo.plugins._files import plugin_of_file
from dativo.plugins._inventory import PluginEntry, find_connector
from dativo.plugins._origin import Origin
from dativo.plugins._registering import implemented, import_named, register
from dativo.plugins._styles import Plugin, adapted

__all__ = ["build_manifest", "load_connector", "load_file"]


def load_connector(name: str, role: Role) -> Connector:
    """Import the connector *name* to play *role*.

    What it prints while it loads goes to standard error.

    Raises:
        PluginNotFoundError: It is not installed, or installed twice.
        PluginVersionError: It does not work with this core.
        PluginLoadError: It cannot be imported.
        ContractViolationError: It has a hook or an argument that the contract lacks, or describes
            itself wrongly.
        CapabilityMissingError: It does not play this role.
    """
    entry = find_connector(name)
    origin = _origin(entry)
    return _connector(origin, role, _plugin(origin, entry))


def load_file(file: Path, path: str, *, address: str, role: Role) -> Connector:
    """Load a connector from the Python file *file*, without installing it, to play *role*.

    Args:
        file: The file.
        path: The object in it, with dots; empty for the module itself.
        address: How a job names both.
        role: What it plays.

    Raises:
        DativoError: As for :func:`load_connector`; it is not there, cannot be loaded or has no
            hooks, or somebody else could have changed it.
    """
    origin = Origin(name=address, file=address.partition(":")[0])
    place = attrs.evolve(origin.place("load"), default=PluginLoadError)
    return _connector(origin, role, place.call(lambda: plugin_of_file(origin, file, path)))


def build_manifest(name: str) -> Manifest:
    """Import the connector *name* and make its manifest from what it says of itself.

    The manifest that it has, if any, is not looked at.

    Raises:
        DativoError: As for :func:`load_connector`.
    """
    entry = find_connector(name, manifest=False)
    origin = _origin(entry)
    manager = register(origin, _plugin(origin, entry).hooks, hookspecs)
    made = Manifest.of(name, _describe(origin, manager), implemented(manager, hookspecs))
    if entry.major != CONTRACT_MAJOR:
        made = attrs.evolve(made, contract=f"{entry.major}.0")
    return made


def _origin(entry: PluginEntry) -> Origin:
    return Origin(name=entry.name, distribution=entry.distribution, version=entry.version)


def _connector(origin: Origin, role: Role, plugin: Plugin) -> Connector:
    """Make a connector of *plugin*, and tell what of it is deprecated."""
    manager = register(origin, plugin.hooks, hookspecs)
    info = _describe(origin, manager)
    if role not in info.roles:
        roles = " and ".join(info.roles)
        msg = f"the connector {origin.name!r} is no {role}; it is a {roles}"
        fix = "Choose another connector for this role; see `dativo plugins list`."
        raise CapabilityMissingError(msg, fix=fix, connector=origin.name, phase="load")
    for notice in plugin.notices:
        warnings.warn(notice, stacklevel=3)
    return Connector(
        name=origin.name,
        role=role,
        origin=origin,
        info=info,
        hooks=implemented(manager, hookspecs),
        notices=plugin.notices,
        manager=manager,
    )


def _plugin(origin: Origin, entry: PluginEntry) -> Plugin:
    """Import what the entry point names; a class of the class style is adapted."""
    found = import_named(origin, entry)
    if entry.major != CONTRACT_MAJOR:
        return adapted(origin, found)
    if inspect.isclass(found):
        raise origin.violation(f"{entry.value!r} is a class; name a module or an instance")
    return Plugin(found)


def _describe(origin: Origin, manager: pluggy.PluginManager) -> ConnectorInfo:
    place = origin.place("describe")
    if "describe" not in implemented(manager, hookspecs):
        raise origin.violation("it implements no hook 'describe'; hooks carry @hookimpl")
    with contextlib.redirect_stdout(sys.stderr):
        info = place.expect(place.call(manager.hook.describe), ConnectorInfo)
    try:
        _check(info)
    except (TypeError, ValueError, AttributeError, NameError) as error:
        raise origin.violation(f"it describes itself wrongly: {error}") from error
    return info


def _check(info: ConnectorInfo) -> None:
    """Look at what the types promise but nobody has enforced."""
    if not info.roles:
        msg = "it has neither a source nor a writer"
        raise ValueError(msg)
    for side in (info.source, info.writer):
        if side is not None:
            config_schema(side.config)
            config_schema(side.options)
    if info.source is not None:
        _check_modes(info.source.read_modes, ReadMode)
    if info.writer is not None:
        _check_modes(info.writer.write_modes, WriteMode)


def _check_modes(modes: tuple[object, ...], kind: type[ReadMode | WriteMode]) -> None:
    if not modes or not all(isinstance(mode, kind) for mode in modes):
        msg = f"its modes are {modes!r}; expected at least one {kind.__name__}"
        raise ValueError(msg)
