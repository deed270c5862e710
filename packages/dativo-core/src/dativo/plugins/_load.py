"""Load one connector, the one that a job names, and nothing else."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import inspect
import sys

import pluggy

from dativo.contract import (
    CONTRACT_VERSION,
    ConnectorInfo,
    Manifest,
    ReadMode,
    Role,
    WriteMode,
    config_schema,
    hookspecs,
)
from dativo.errors import (
    CapabilityMissingError,
    ContractViolationError,
    PluginLoadError,
)
from dativo.plugins._boundary import Place, describe_exception
from dativo.plugins._connector import Connector
from dativo.plugins._inventory import PluginEntry, find_connector

__all__ = ["build_manifest", "load_connector"]


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
    manager = _register(entry, _import(entry))
    info, hooks = _describe(entry, manager), _hooks(manager)
    if role not in info.roles:
        roles = " and ".join(info.roles)
        msg = f"the connector {name!r} is no {role}; it is a {roles}"
        fix = "Choose another connector for this role; see `dativo plugins list`."
        raise CapabilityMissingError(msg, fix=fix, connector=name, phase="load")
    return Connector(
        name=name,
        role=role,
        distribution=entry.distribution,
        version=entry.version,
        info=info,
        hooks=hooks,
        manager=manager,
    )


def build_manifest(name: str) -> Manifest:
    """Import the connector *name* and make its manifest from what it says of itself.

    The manifest that it has, if any, is not looked at.

    Raises:
        DativoError: As for :func:`load_connector`.
    """
    entry = find_connector(name, manifest=False)
    manager = _register(entry, _import(entry))
    return Manifest.of(name, _describe(entry, manager), _hooks(manager))


def _import(entry: PluginEntry) -> object:
    """Import what the entry point names."""
    module, _, path = entry.value.partition(":")
    try:
        with contextlib.redirect_stdout(sys.stderr):
            found: object = importlib.import_module(module.strip())
            for attribute in path.strip().split(".") if path.strip() else ():
                found = getattr(found, attribute)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        msg = f"{_title(entry)} cannot be imported: {describe_exception(error)}"
        fix = f"pip install -U --force-reinstall {entry.distribution}"
        raise PluginLoadError(msg, fix=fix, connector=entry.name, phase="load") from error
    if inspect.isclass(found):
        raise _violation(entry, f"{entry.value!r} is a class; name a module or an instance")
    return found


def _register(entry: PluginEntry, plugin: object) -> pluggy.PluginManager:
    manager = pluggy.PluginManager("dativo")
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(plugin, entry.name)
    except pluggy.PluginValidationError as error:
        lines = str(error).splitlines()
        raise _violation(entry, f"{lines[0]}: {lines[-1]}") from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        msg = f"{_title(entry)} cannot be registered: {describe_exception(error)}"
        raise PluginLoadError(msg, connector=entry.name, phase="load") from error
    known = set(hookspecs.__all__) - {"hookimpl", "hookspec"}
    for caller in manager.get_hookcallers(plugin) or ():
        if caller.name not in known:
            near = difflib.get_close_matches(caller.name, sorted(known), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise _violation(entry, f"it implements an unknown hook {caller.name!r}{hint}")
    manager.check_pending()
    return manager


def _hooks(manager: pluggy.PluginManager) -> frozenset[str]:
    callers = [vars(manager.hook)[name] for name in hookspecs.__all__ if name in vars(manager.hook)]
    return frozenset(caller.name for caller in callers if caller.get_hookimpls())


def _describe(entry: PluginEntry, manager: pluggy.PluginManager) -> ConnectorInfo:
    place = Place(entry.name, "describe", distribution=entry.distribution, version=entry.version)
    if "describe" not in _hooks(manager):
        raise _violation(entry, "it implements no hook 'describe'; hooks carry @hookimpl")
    with contextlib.redirect_stdout(sys.stderr):
        info = place.expect(place.call(manager.hook.describe), ConnectorInfo)
    try:
        _check(info)
    except (TypeError, ValueError, AttributeError, NameError) as error:
        raise _violation(entry, f"it describes itself wrongly: {error}") from error
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


def _violation(entry: PluginEntry, what: str) -> ContractViolationError:
    msg = f"{_title(entry)} breaks contract {CONTRACT_VERSION}: {what}"
    fix = f"pip install -U {entry.distribution}, or report it to its publisher."
    return ContractViolationError(msg, fix=fix, connector=entry.name, phase="load")


def _title(entry: PluginEntry) -> str:
    return f"the connector {entry.name!r} ({entry.distribution} {entry.version})"
