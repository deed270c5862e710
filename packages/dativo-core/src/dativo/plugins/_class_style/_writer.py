"""The hooks of a writer of the class style."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs

from dativo.contract import (
    Atomicity,
    ConnectionTestResult,
    ConnectorInfo,
    Context,
    FileLock,
    WriteMode,
    WritePlan,
    WriteRequest,
    WriterInfo,
    file_lock,
    hookimpl,
)
from dativo.errors import StateUnreadableError, wrap_exception
from dativo.plugins._class_style._ledger import Ledger, folder_of, safe_name
from dativo.plugins._class_style._reports import check_result, translating
from dativo.plugins._class_style._session import Session
from dativo.plugins._class_style._settings import WriterSettings, target_config

__all__ = ["Writer"]

_Style = Callable[[Any, Any, str], Any]


@attrs.frozen(eq=False)
class Writer:
    """Calls a writer of the class style; one object of its class for each commit.

    Attributes:
        title: What the connector is called.
        style: The class.
    """

    title: str
    style: _Style

    @hookimpl
    def describe(self) -> ConnectorInfo:
        """Say what the class style can do: it adds, and shows parts of what it is adding."""
        info = WriterInfo(
            config=WriterSettings, write_modes=(WriteMode.APPEND,), atomicity=Atomicity.NONE
        )
        return ConnectorInfo(title=self.title, writer=info)

    @hookimpl
    def check_connection(self, config: WriterSettings, context: Context) -> ConnectionTestResult:
        """Ask the class."""
        with translating():
            base = "" if config.output_base is None else str(config.output_base)
            writer = self.style(_asset("check", []), target_config(config), base)
            found = writer.check_connection()
        return check_result(found, context.streams)

    @hookimpl
    def lock(
        self, config: WriterSettings, context: Context
    ) -> contextlib.AbstractContextManager[FileLock]:
        """Hold the folder of the ledgers, so that one run at a time publishes."""
        return _locked(folder_of(config), context)

    @hookimpl
    def write(self, config: WriterSettings, request: WriteRequest, context: Context) -> Session:
        """Open the writing of one stream."""
        place = _place(config, request.stream)

        def make(schema: list[dict[str, Any]]) -> Any:
            return self.style(_asset(request.stream, schema), target_config(config), place)

        return Session(make, Ledger.of(config, request.stream), context)

    @hookimpl
    def plan_write(self, config: WriterSettings, request: WriteRequest) -> WritePlan:
        """Say what is published, and on what that rests."""
        ledger = Ledger.of(config, request.stream)
        assumptions = ["nobody but this job writes to the place of the stream"]
        if not isinstance(config.output_base, Path):
            assumptions.append(
                f"what is published is recorded in {ledger.path.parent} and not with the data, so "
                "the job runs from this folder alone, and the data is not changed without it"
            )
        return WritePlan(
            place=_place(config, request.stream) or self.title,
            assumptions=tuple(assumptions),
            knows_last_commit=True,
            last_commit=ledger.read().record,
        )


def _place(config: WriterSettings, stream: str) -> str:
    """Return the place of one stream, which the class gets as its ``output_base``."""
    if config.output_base is None:
        return ""
    return f"{str(config.output_base).rstrip('/')}/{safe_name(stream)}"


def _asset(stream: str, schema: list[dict[str, Any]]) -> SimpleNamespace:
    """Return what a writer may ask of the definition of its data."""
    return SimpleNamespace(
        name=stream, object=stream, source_type="", version="1.0", schema=schema, target=None
    )


@contextlib.contextmanager
def _locked(folder: Path, context: Context) -> Iterator[FileLock]:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise wrap_exception(error, default=StateUnreadableError) from error
    holder = {"job": context.job_id, "run": context.run_id}
    what = f"the target {folder.parent}"
    with file_lock(folder / "writer.lock", what=what, holder=holder) as held:
        yield held
