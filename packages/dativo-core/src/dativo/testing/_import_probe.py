"""In a child: what importing a connector costs and changes, and whether ``describe`` is pure.

It imports nothing but the standard library, and the core only where it measures it.
"""

from __future__ import annotations

import decimal
import importlib
import locale
import logging
import os
import signal
import socket
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from dativo.testing._watch import Watch

__all__ = ["cost", "describe", "effects"]


def cost(value: str) -> dict[str, float]:
    """Return the CPU seconds of importing the contract, and after it of what *value* names."""
    started = time.process_time()
    _import_contract()
    between = time.process_time()
    _import(value)
    return {"contract": between - started, "connector": time.process_time() - between}


def effects(value: str) -> dict[str, list[str]]:
    """Import what *value* names, and return what that did and what is different after it."""
    _import_contract()
    watch, before, threads = Watch(), _state(), _threads()
    with watch.on():
        _import(value)
    after, started = _state(), set(_threads().items()) - set(threads.items())
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    did = [*_deeds(watch), *(f"starts the thread {name!r}" for _, name in sorted(started))]
    return {"did": did, "changed": changed}


def describe(request: dict[str, str]) -> dict[str, Any]:
    """Import a connector, let it describe itself twice, and return both answers and the deeds."""
    started = time.process_time()
    _import_contract()
    contract = time.process_time() - started
    from dativo.plugins import build_manifest, find_connector  # noqa: PLC0415 - measured above

    name = request["name"]
    _import(request["value"])
    find_connector(name)
    watch, texts, seconds = Watch(), [], []
    with watch.on():
        for look in (find_connector, build_manifest, build_manifest):
            started = time.process_time()
            found: Any = look(name)
            seconds.append(time.process_time() - started)
            if look is build_manifest:
                texts.append(found.to_json())
    read = [f"reads {path} [{place}]" for path, place in watch.read if _is_foreign(path)]
    return {
        "texts": texts,
        "did": _deeds(watch) + read,
        "seconds": max(0.0, seconds[1] - seconds[0]),
        "contract": contract,
    }


def _import_contract() -> None:
    importlib.import_module("dativo.contract")
    importlib.import_module("dativo.errors")


def _import(value: str) -> object:
    module, _, path = value.partition(":")
    found: object = importlib.import_module(module.strip())
    for attribute in path.strip().split(".") if path.strip() else ():
        found = getattr(found, attribute)
    return found


def _deeds(watch: Watch) -> list[str]:
    hosts = [f"looks up the host {host} [{place}]" for host, place in watch.looked_up]
    sockets = [
        f"connects to {host}{'' if port is None else f':{port}'} [{place}]"
        for host, port, place in watch.connected
    ]
    programs = [f"starts a program: {what} [{place}]" for what, place in watch.programs]
    written = [f"writes {path} [{place}]" for path, place in watch.written]
    return hosts + sockets + programs + written


def _state() -> dict[str, object]:
    """Return what all code of a process shares, by what people call it."""
    state: dict[str, object] = {
        "sys.path": list(sys.path),
        "sys.meta_path": [repr(finder) for finder in sys.meta_path],
        "sys.stdout": id(sys.stdout),
        "sys.stderr": id(sys.stderr),
        "sys.excepthook": repr(sys.excepthook),
        "the recursion limit": sys.getrecursionlimit(),
        "the current folder": os.getcwd(),  # noqa: PTH109 - its text is all that matters
        "the umask": _umask(),
        "warnings.filters": [repr(one) for one in warnings.filters],
        "the locale": locale.setlocale(locale.LC_ALL),
        "the decimal context": repr(decimal.getcontext()),
        "the default time-out of sockets": socket.getdefaulttimeout(),
        "the handlers of the root logger": [repr(one) for one in logging.getLogger().handlers],
        "the level of the root logger": logging.getLogger().level,
        "the level below which nothing is logged": logging.root.manager.disable,
    }
    for place, name in _shared_functions():
        state[f"{place.__name__}.{name}"] = id(getattr(place, name))
    for name, text in os.environ.items():
        state[f"the environment variable {name}"] = text
    for number in signal.Signals:
        state[f"the handler of {number.name}"] = repr(signal.getsignal(number))
    return state


def _shared_functions() -> Iterator[tuple[ModuleType, str]]:
    """Yield what libraries like to put something of their own in the place of."""
    import ssl  # noqa: PLC0415 - what it costs is measured with what a connector imports

    yield from ((socket, "socket"), (socket, "getaddrinfo"), (threading, "Thread"), (time, "sleep"))
    yield ssl, "_create_default_https_context"


def _threads() -> dict[int, str]:
    """Return the running threads by number, those without a name included."""
    names = {one.ident: one.name for one in threading.enumerate()}
    return {ident: names.get(ident, "?") for ident in sys._current_frames()}  # noqa: SLF001 - the only way to it


def _umask() -> int:
    umask = os.umask(0o077)
    os.umask(umask)
    return umask


def _is_foreign(path: str) -> bool:
    """Whether a file is neither code nor data of an installed package or of the system."""
    known = [*sys.path, sys.prefix, sys.base_prefix, "/usr/lib", "/usr/share", "/proc", "/dev"]
    place = Path(path).absolute()
    return not any(place.is_relative_to(one) for one in known if one)
