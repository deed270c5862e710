"""In a child: a connector does all that it can, and everything that it says and touches is noted.

It imports neither pyarrow nor the rest of the kit, so that native code that is loaded afterwards
was loaded by the connector.
"""

from __future__ import annotations

import importlib.machinery
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dativo.config import Redactor
from dativo.contract import (
    Role,
)
from dativo.engine import Message
from dativo.engine._control import Limits
from dativo.engine._means import open_side
from dativo.engine._pipe import Side
from dativo.engine._retry import RetryPolicy
from dativo.testing._exercise_notes import Notes
from dativo.testing._exercise_work import JOB, Reading, Writing
from dativo.testing._hearing import Logs, Names
from dativo.testing._references import filled
from dativo.testing._watch import Watch

__all__ = ["exercise"]

# As often as in a run, and with short waits: a system that is not there stays away.
_RETRY = RetryPolicy(base_seconds=0.01, cap_seconds=0.05)


def exercise(request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what the connector says in each of the situations, and at last what it touched.

    *request* has ``connector``, ``role``, ``situations`` (each a name, settings and the seconds
    until the deadline), ``selections`` and ``options``.
    """
    tempfile.gettempdir()  # finding it for the first time writes files
    watch, found = Watch(), Names()
    before = set(_native_modules())
    declared: dict[str, list[str]] = {}
    for name, settings, seconds in request["situations"]:
        worker = _Worker(request, settings, seconds)
        with watch.on(), found.noting():
            worker.work()
        declared = declared or worker.declared
        yield {"situation": name, "texts": worker.notes.texts, "done": worker.notes.done}
    yield {
        "looked_up": watch.looked_up,
        "connected": watch.connected,
        "names": {address: sorted(names) for address, names in found.by_address.items()},
        "programs": watch.programs,
        "written": list(_outside(watch.written)),
        "arguments": watch.arguments,
        "libraries": watch.libraries,
        "native": sorted(set(_native_modules()) - before),
        "declared": declared,
    }


class _Worker:
    """One connector with one set of settings.

    Attributes:
        notes: What it said and did.
        declared: The permissions, with the settings filled in.
    """

    def __init__(
        self, request: Mapping[str, Any], settings: Mapping[str, object], seconds: float
    ) -> None:
        self.notes = Notes()
        self.declared: dict[str, list[str]] = {}
        self._request = request
        self._settings = settings
        self._seconds = seconds

    def work(self) -> None:
        """Load it, and let it do what its role can."""
        role = Role(self._request["role"])
        logs = Logs(self.notes.texts)
        with (
            self.notes.trying("load"),
            logs.taken(),
            tempfile.TemporaryDirectory(prefix="dativo-") as folder,
            open_side(
                self._request["connector"],
                role,
                self._settings,
                folder=Path(folder),
                redactor=Redactor(),
                limits=Limits(parallelism=2, memory_bytes=64 << 20, batch_rows=1000),
                observer=self._hear,
                redacts=False,
                timeout_seconds=self._seconds,
                job=JOB,
                fence=1,
            ) as (side, control),
        ):
            control.retry = _RETRY
            self._look_at(side)
            with self.notes.trying("check"):
                self._check(side, side.context(control))
            work: type[Reading | Writing] = Reading if role is Role.SOURCE else Writing
            work(side=side, control=control, notes=self.notes, request=self._request).do()

    def _look_at(self, side: Side) -> None:
        permissions = side.connector.info.permissions
        self.declared = {
            "hosts": filled(permissions.hosts, side.config),
            "ports": filled(permissions.ports, side.config),
            "paths": filled(permissions.paths, side.config),
        }
        self.notes.say("repr of the config", repr(side.config))
        self.notes.say("text of the config", str(side.config))

    def _check(self, side: Side, context: Any) -> None:
        for item in side.connector.check_connection(side.config, context).items:
            self.notes.say(f"the check's item {item.scope!r}", f"{item.scope} {item.message}")
            if item.error is not None:
                self.notes.say_error(f"the check's item {item.scope!r}", item.error)

    def _hear(self, event: object) -> None:
        if isinstance(event, Message):
            self.notes.say("a message of context.log", f"{event.text} {dict(event.fields)}")


def _outside(written: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Leave out what is written into the folders that the engine gives.

    A relative path counts if something is there now: an event does not say what it is relative to.
    """
    current = Path.cwd()
    given = f"{tempfile.gettempdir()}/dativo-"
    for text, place in written:
        path = Path(text)
        if not path.is_absolute():
            if (current / path).exists():
                yield str(current / path), place
        elif path.is_relative_to(current) or not text.startswith(given):
            yield text, place


def _native_modules() -> Iterator[str]:
    suffixes = tuple(importlib.machinery.EXTENSION_SUFFIXES)
    for name, module in list(sys.modules.items()):
        origin = getattr(getattr(module, "__spec__", None), "origin", None) or ""
        is_standard = name.partition(".")[0] in sys.stdlib_module_names
        if not is_standard and isinstance(origin, str) and origin.endswith(suffixes):
            yield name
