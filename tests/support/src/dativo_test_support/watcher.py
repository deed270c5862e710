"""An observer that writes down what it is told, and fails as a job file says; for tests."""

from __future__ import annotations

import json
import time
from pathlib import Path

import attrs

from dativo.contract import (
    BatchRead,
    Context,
    Event,
    ExtensionInfo,
    ExtensionKind,
    Message,
    ObserverSession,
    hookimpl,
    setting,
)

__all__ = ["WatcherConfig", "describe_extension", "observe"]


@attrs.frozen
class WatcherConfig:
    """Where it is written and how that fails."""

    path: Path = setting("A file that gets a line of JSON for each event.")
    fail_on: tuple[str, ...] = setting("Raise at events of these classes.", default=())
    fail_with: str = setting("SystemExit, KeyboardInterrupt or ValueError.", default="ValueError")
    fail_begin: bool = setting("Raise in the hook itself.", default=False)
    fail_close: bool = setting("Raise at the end.", default=False)
    hang_on: str = setting("Hang at an event of this class, or at `observe`.", default="")
    slow_seconds: float = setting("Sleep at each event.", default=0.0)
    talks: bool = setting("Log each event.", default=False)
    twist: str = setting("A way in which the contract is broken.", default="")


@hookimpl
def describe_extension() -> ExtensionInfo:
    """Describe the observer."""
    return ExtensionInfo(
        title="Writes events down", kind=ExtensionKind.OBSERVER, config=WatcherConfig
    )


@hookimpl
def observe(config: WatcherConfig, context: Context) -> ObserverSession:
    """Begin to write."""
    if config.fail_begin:
        _fail(config)
    if config.hang_on == "observe":
        time.sleep(3600)
    if config.twist == "no_session":
        return None  # type: ignore[return-value] # breaks the contract
    return _Watching(config, context)


@attrs.define
class _Watching:
    config: WatcherConfig
    context: Context
    told: int = 0

    def tell(self, event: Event) -> None:
        """Write *event* down."""
        kind = type(event).__name__
        if kind == self.config.hang_on:
            time.sleep(3600)
        time.sleep(self.config.slow_seconds)
        if kind in self.config.fail_on:
            _fail(self.config)
        if self.config.talks:
            self.context.log(f"told of {kind}", level="debug")
        self.told += 1
        if self.config.slow_seconds and isinstance(event, BatchRead | Message):
            return
        fields = {name: _shown(value) for name, value in attrs.asdict(event, recurse=False).items()}
        with self.config.path.open("a") as file:
            file.write(json.dumps({"kind": kind, **fields}) + "\n")

    def close(self) -> None:
        """Write down that it is over."""
        if self.config.fail_close:
            _fail(self.config)
        with self.config.path.open("a") as file:
            file.write(json.dumps({"kind": "closed", "told": self.told}) + "\n")


def _shown(value: object) -> object:
    if isinstance(value, BaseException):
        located = {name: getattr(value, name) for name in ("connector", "stream", "phase")}
        frames = value.__traceback__ is not None or value.__cause__ is not None
        return {"type": type(value).__name__, "text": str(value), "frames": frames, **located}
    if attrs.has(type(value)):
        return attrs.asdict(value)  # type: ignore[arg-type] # mypy does not follow attrs.has
    return value if isinstance(value, int | float | str | bool | None) else str(value)


def _fail(config: WatcherConfig) -> None:
    kinds = {"SystemExit": SystemExit, "KeyboardInterrupt": KeyboardInterrupt}
    raise kinds.get(config.fail_with, ValueError)("the watcher failed")
