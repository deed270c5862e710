"""Importing what an entry point names, and registering its hooks with the specs of its kind."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import sys
from types import ModuleType

import pluggy

from dativo.plugins._boundary import describe_exception
from dativo.plugins._inventory import PluginEntry
from dativo.plugins._origin import Origin
from dativo.plugins._versions import UPGRADE_CORE

__all__ = ["implemented", "import_named", "register"]


def import_named(origin: Origin, entry: PluginEntry) -> object:
    """Import what the entry point of *entry* names; what it prints goes to standard error.

    Raises:
        PluginLoadError: It cannot be imported.
    """
    module, _, path = entry.value.partition(":")
    try:
        with contextlib.redirect_stdout(sys.stderr):
            found: object = importlib.import_module(module.strip())
            for attribute in path.strip().split(".") if path.strip() else ():
                found = getattr(found, attribute)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        what = f"cannot be imported: {describe_exception(error)}"
        fix = f"pip install -U --force-reinstall {entry.distribution}"
        raise origin.failure(what, fix=fix) from error
    return found


def register(origin: Origin, plugin: object, specs: ModuleType) -> pluggy.PluginManager:
    """Return a manager that holds nothing but *plugin*, whose hooks are those of *specs*.

    Raises:
        PluginLoadError: It cannot be looked at.
        ContractViolationError: It has a hook or an argument that the contract lacks.
    """
    manager = pluggy.PluginManager("dativo")
    manager.add_hookspecs(specs)
    try:
        manager.register(plugin, origin.name)
    except pluggy.PluginValidationError as error:
        lines = str(error).splitlines()
        what = f"{lines[0]}: {lines[-1]}"
        raise origin.violation(what, fix=_newer(origin)) from error
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise origin.failure(f"cannot be registered: {describe_exception(error)}") from error
    known = _hooks_of(specs)
    for caller in manager.get_hookcallers(plugin) or ():
        if caller.name not in known:
            near = difflib.get_close_matches(caller.name, sorted(known), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            fix = "" if near else _newer(origin)
            raise origin.violation(f"it implements an unknown hook {caller.name!r}{hint}", fix=fix)
    manager.check_pending()
    return manager


def implemented(manager: pluggy.PluginManager, specs: ModuleType) -> frozenset[str]:
    """Return the hooks of *specs* that the plugin of *manager* implements."""
    callers = [vars(manager.hook)[name] for name in _hooks_of(specs) if name in vars(manager.hook)]
    return frozenset(caller.name for caller in callers if caller.get_hookimpls())


def _hooks_of(specs: ModuleType) -> set[str]:
    return set(specs.__all__) - {"hookimpl", "hookspec"}


def _newer(origin: Origin) -> str:
    """Return the advice for what a newer contract may know: a minor is the core's to follow."""
    return f"{UPGRADE_CORE}   # if a newer contract has it; else: {origin.mend}"
