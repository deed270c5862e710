"""Mutants of the reference writer that break a rule about errors, secrets or what is reached."""

from __future__ import annotations

import contextlib
import socket
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import attrs
import pyarrow as pa
from reference_session import ReferenceSession
from reference_table import DataFile
from reference_writer import FolderConfig, ReferenceWriter

from dativo.contract import (
    Commit,
    CommitRecord,
    CompactResult,
    ConnectorInfo,
    Context,
    ErrorInfo,
    WriteMode,
    WritePlan,
    WriteRequest,
    hookimpl,
)
from dativo.errors import ConnectionFailedError, DativoError

__all__ = ["MUTANTS"]


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


class CompactsElsewhere(ReferenceWriter):
    """Compacts in a folder that it does not declare, and is clean in all else."""

    @hookimpl
    def compact(
        self, config: FolderConfig, request: WriteRequest, context: Context
    ) -> CompactResult:
        file = Path(tempfile.gettempdir()) / f"acme-compact-{uuid.uuid4().hex}"
        file.write_text("")
        file.unlink()
        return super().compact(config, request, context)


class ReplacesElsewhere(ReferenceWriter):
    """Gathers what replaces a stream in a folder that it does not declare."""

    @hookimpl
    def write(
        self, config: FolderConfig, request: WriteRequest, context: Context
    ) -> ReferenceSession:
        if request.mode is WriteMode.REPLACE:
            file = Path(tempfile.gettempdir()) / f"acme-replace-{uuid.uuid4().hex}"
            file.write_text("")
            file.unlink()
        return super().write(config, request, context)


class TokenInTheWritersPlan(ReferenceWriter):
    """Says in its plan where records go, with all that one needs for it."""

    @hookimpl
    def plan_write(self, config: FolderConfig) -> WritePlan:
        return WritePlan(place=f"folder://{config.token.reveal()}@{config.path}")


MUTANTS: Mapping[str, Mapping[type[ReferenceWriter], str]] = {
    "errors.catalogued": {
        ForgetsErrors: "ends with INVALID_CREDENTIALS, which describe does not declare",
        DeclaresWhatCannotBe: "'TELEPORT_FAILED', which dativo.errors does not have",
    },
    "errors.located": {
        UglyRefusal: "shows the repr of an object",
        FinalRefusal: "has retryable=False",
    },
    "secrets.hidden": {
        TokenInRecord: "a commit record [good] shows the secret token",
        TokenInTheWritersPlan: "the plan of 'kit_exercise_append' [good] shows the secret token",
        TokenInRefusal: "the check's item 'login' [bad_credentials] shows the secret token",
    },
    "hosts.declared": {
        StagesElsewhere: "/acme-stage-",
        CompactsElsewhere: "/acme-compact-",
        ReplacesElsewhere: "/acme-replace-",
        TellsItsMakers: "connects to 127.0.0.1 (127.0.0.1) port 9",
    },
}
