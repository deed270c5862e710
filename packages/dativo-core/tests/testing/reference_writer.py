"""The reference writer: a complete and exact connector for a local folder of Arrow files.

A mutant is a subclass that breaks one thing; see ``reference_source``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import attrs
from reference_session import ReferenceSession
from reference_table import DataFile, Head, Table

from dativo.contract import (
    ArrowStream,
    Atomicity,
    CheckItem,
    CompactResult,
    ConnectionTestResult,
    ConnectorInfo,
    Context,
    ErrorInfo,
    Permissions,
    Secret,
    WriteMode,
    WriteRequest,
    WriterInfo,
    hookimpl,
    matches_pattern,
    setting,
)
from dativo.errors import (
    CapabilityMissingError,
    ConnectionFailedError,
    DativoError,
    InsufficientPermissionsError,
    InvalidConfigError,
    InvalidCredentialsError,
    ResourceNotFoundError,
)

__all__ = ["ACCESS_FILE", "FolderConfig", "ReferenceWriter"]

ACCESS_FILE = "access.json"
"""Which token may write which streams: ``{"a token": ["orders", "kit_*"]}``."""


@attrs.frozen(kw_only=True)
class FolderConfig:
    """The folder, and who writes to it."""

    path: Path = setting("The folder; it must exist.", identity=True)
    token: Secret = setting("A token that the folder's access.json knows.")


class ReferenceWriter:
    """The hooks."""

    plugin: ClassVar[ReferenceWriter]
    Session: ClassVar[type[ReferenceSession]] = ReferenceSession
    Store: ClassVar[type[Table]] = Table
    write_modes: ClassVar[tuple[WriteMode, ...]] = tuple(WriteMode)

    def __init_subclass__(cls) -> None:
        cls.plugin = cls()

    @hookimpl
    def describe(self) -> ConnectorInfo:
        return ConnectorInfo(
            title="A folder of Arrow files",
            writer=WriterInfo(
                config=FolderConfig,
                write_modes=self.write_modes,
                atomicity=Atomicity.EPOCH,
                deletes=WriteMode.MERGE in self.write_modes,
            ),
            permissions=Permissions(paths=("${config.path}",)),
            errors=_ERRORS,
        )

    @hookimpl
    def check_connection(self, config: FolderConfig, context: Context) -> ConnectionTestResult:
        scopes: list[tuple[str, Any]] = [
            ("folder", lambda: self.require_folder(config)),
            ("login", lambda: self.login(config)),
            *((f"stream {one.stream}", one) for one in context.streams),
        ]
        items: list[CheckItem] = []
        for scope, what in scopes:
            try:
                if callable(what):
                    what()
                else:
                    self.authorise(config, what.stream)
            except DativoError as error:
                items.append(CheckItem.failed(scope, error))
                break
            items.append(CheckItem.ok(scope))
        return ConnectionTestResult(items)

    @hookimpl
    def write(
        self, config: FolderConfig, request: WriteRequest, context: Context
    ) -> ReferenceSession:
        self.authorise(config, request.stream)
        self.require_mode(request)
        return self.Session(self.Store(config.path, request.stream), request, context)

    @hookimpl
    def read_back(
        self, config: FolderConfig, request: WriteRequest, context: Context
    ) -> ArrowStream:
        self.authorise(config, request.stream)
        table = self.Store(config.path, request.stream)
        head = table.head()
        if head.schema is None:
            raise ResourceNotFoundError(f"nothing is published of {request.stream!r}")
        key = request.primary_key if request.versioned else ()
        return context.reader(head.schema, table.batches(key))

    @hookimpl
    def compact(
        self, config: FolderConfig, request: WriteRequest, context: Context
    ) -> CompactResult:
        self.authorise(config, request.stream)
        table = self.Store(config.path, request.stream)
        with table.locked():
            head = table.head()
            assert head.schema is not None
            key = request.primary_key if request.versioned else ()
            file = table.write_file(head.schema, table.batches(key))
            after = self.compacted(head, attrs.evolve(file, epoch=head.epoch))
            table.save(after)
            table.remove([one for one in head.files if one not in after.files])
        before = len(head.files)
        return CompactResult(rows=file.rows, files_before=before, files_after=len(after.files))

    def compacted(self, head: Head, file: DataFile) -> Head:
        return attrs.evolve(head, files=(file,))

    def require_mode(self, request: WriteRequest) -> None:
        if request.mode not in self.write_modes:
            raise CapabilityMissingError(f"the writer cannot {request.mode}")
        if request.mode is WriteMode.MERGE and not request.primary_key:
            raise InvalidConfigError("merging needs a primary key")

    def require_folder(self, config: FolderConfig) -> None:
        if not config.path.is_dir():
            raise ConnectionFailedError(f"there is no folder {config.path}")

    def login(self, config: FolderConfig) -> list[str]:
        """Return the patterns of the streams that the token may write."""
        self.require_folder(config)
        tokens: dict[str, list[str]] = json.loads((config.path / ACCESS_FILE).read_text())
        if config.token.reveal() not in tokens:
            raise InvalidCredentialsError("the folder does not know the token")
        return tokens[config.token.reveal()]

    def authorise(self, config: FolderConfig, stream: str) -> None:
        if not any(matches_pattern(stream, pattern) for pattern in self.login(config)):
            raise InsufficientPermissionsError(f"the token may not write {stream!r}")


ReferenceWriter.plugin = ReferenceWriter()

_ERRORS = (
    ErrorInfo(code="CONNECTION_FAILED", cause="The folder is not there, or not mounted."),
    ErrorInfo(code="INVALID_CREDENTIALS", cause="The folder does not know the token."),
    ErrorInfo(code="INSUFFICIENT_PERMISSIONS", cause="The token may not write the stream."),
)
