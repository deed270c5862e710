"""Mutants of the reference writer for the common rules, where a writer differs from a source."""

from __future__ import annotations

import contextlib
import json
import socket
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import attrs
import pyarrow as pa
from reference_table import DataFile
from reference_writer import FolderConfig, ReferenceSession, ReferenceWriter

from dativo.contract import (
    CheckItem,
    Commit,
    CommitRecord,
    ConnectionTestResult,
    ConnectorInfo,
    Context,
    ErrorInfo,
    WriteRequest,
    hookimpl,
)
from dativo.errors import ConnectionFailedError, DativoError

__all__ = ["COMMON_WRITER_MUTANTS"]


class CheckSkipsTheLogin(ReferenceWriter):
    """Looks whether the folder is there, and no further."""

    def login(self, config: FolderConfig) -> list[str]:
        return ["*"]


class CheckNeverFails(ReferenceWriter):
    """Writes what is wrong into the message of an item that passes."""

    @hookimpl
    def check_connection(self, config: FolderConfig, context: Context) -> ConnectionTestResult:
        found = super().check_connection(config, context)
        return ConnectionTestResult([CheckItem.ok(one.scope, one.message) for one in found.items])


class CheckIgnoresTheStreams(ReferenceWriter):
    """Does not look at what the job writes."""

    @hookimpl
    def check_connection(self, config: FolderConfig, context: Context) -> ConnectionTestResult:
        return super().check_connection(config, attrs.evolve(context, streams=()))  # type: ignore[misc] # the engine's own is one


class CheckRemoves(ReferenceWriter):
    """Tries whether it may write by writing into the streams, and tidies up too well."""

    @hookimpl
    def check_connection(self, config: FolderConfig, context: Context) -> ConnectionTestResult:
        with contextlib.suppress(OSError):
            for head in config.path.glob("*/head.json"):
                head.unlink()
        return super().check_connection(config, context)


class CheckWritesRecords(ReferenceWriter):
    """Tries the target with an old head of its own."""

    @hookimpl
    def check_connection(self, config: FolderConfig, context: Context) -> ConnectionTestResult:
        with contextlib.suppress(OSError):
            for head in config.path.glob("*/head.json"):
                document = json.loads(head.read_text())
                head.write_text(json.dumps({**document, "files": []}))
        return super().check_connection(config, context)


class NotMountedIsAPermission(ReferenceWriter):
    """Says of a folder that is not there that it may not be written."""

    def require_folder(self, config: FolderConfig) -> None:
        try:
            super().require_folder(config)
        except ConnectionFailedError as error:
            raise PermissionError(13, "not mounted", str(config.path)) from error


class NotMountedIsGreen(ReferenceWriter):
    """Would make the folder, and so says nothing."""

    @hookimpl
    def check_connection(self, config: FolderConfig, context: Context) -> ConnectionTestResult:
        if not config.path.is_dir():
            return ConnectionTestResult([CheckItem.ok("folder", "is made by the first run")])
        return super().check_connection(config, context)


class ForgetsErrors(ReferenceWriter):
    """Declares no errors."""

    @hookimpl
    def describe(self) -> ConnectorInfo:
        return attrs.evolve(super().describe(), errors=())


class DeclaresWhatCannotBe(ReferenceWriter):
    """Copies the whole list of errors."""

    @hookimpl
    def describe(self) -> ConnectorInfo:
        more = ErrorInfo(code="TELEPORT_FAILED", cause="Nobody knows.")
        return attrs.evolve(super().describe(), errors=(*super().describe().errors, more))


class _TokenInRecord(ReferenceSession):
    token: ClassVar[str] = ""

    def record(
        self, commit: Commit, files: Sequence[DataFile], schema: pa.Schema | None
    ) -> CommitRecord:
        found = super().record(commit, files, schema)
        return attrs.evolve(found, schema=f"{found.schema} by {self.token}")


class TokenInRecord(ReferenceWriter):
    """Notes in each commit who has written it."""

    Session = _TokenInRecord

    @hookimpl
    def write(
        self, config: FolderConfig, request: WriteRequest, context: Context
    ) -> ReferenceSession:
        _TokenInRecord.token = config.token.reveal()
        return super().write(config, request, context)


class TokenInRefusal(ReferenceWriter):
    """Quotes the token that is wrong."""

    def login(self, config: FolderConfig) -> list[str]:
        try:
            return super().login(config)
        except DativoError as error:
            raise type(error)(f"{error.message}: {config.token.reveal()}") from error


class StagesElsewhere(ReferenceWriter):
    """Stages in a folder that it does not declare."""

    @hookimpl
    def write(
        self, config: FolderConfig, request: WriteRequest, context: Context
    ) -> ReferenceSession:
        file = Path(tempfile.gettempdir()) / f"acme-stage-{uuid.uuid4().hex}"
        file.write_text("")
        file.unlink()
        return super().write(config, request, context)


class TellsItsMakers(ReferenceWriter):
    """Counts the sessions of all its users."""

    @hookimpl
    def write(
        self, config: FolderConfig, request: WriteRequest, context: Context
    ) -> ReferenceSession:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", 9), timeout=0.1).close()
        return super().write(config, request, context)


class UglyRefusal(ReferenceWriter):
    """Formats itself into its message."""

    def require_folder(self, config: FolderConfig) -> None:
        if not config.path.is_dir():
            raise ConnectionFailedError(f"{object()!r} cannot find {config.path}")


class FinalRefusal(ReferenceWriter):
    """Says that a folder that is not mounted will never be."""

    def require_folder(self, config: FolderConfig) -> None:
        if not config.path.is_dir():
            raise ConnectionFailedError(f"there is no folder {config.path}", retryable=False)


COMMON_WRITER_MUTANTS: Mapping[str, tuple[type[ReferenceWriter], ...]] = {
    "check.bad_credentials": (CheckSkipsTheLogin, CheckNeverFails),
    "check.unreachable": (NotMountedIsAPermission, NotMountedIsGreen),
    "check.missing_privilege": (CheckIgnoresTheStreams, CheckSkipsTheLogin),
    "check.honest": (CheckNeverFails, NotMountedIsGreen),
    "check.harmless": (CheckRemoves, CheckWritesRecords),
    "errors.catalogued": (ForgetsErrors, DeclaresWhatCannotBe),
    "errors.located": (UglyRefusal, FinalRefusal),
    "secrets.hidden": (TokenInRecord, TokenInRefusal),
    "hosts.declared": (StagesElsewhere, TellsItsMakers),
}
