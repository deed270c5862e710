"""Mutants of the reference writer that break a rule about the check of a connection."""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Mapping

import attrs
from reference_writer import FolderConfig, ReferenceWriter

from dativo.contract import (
    CheckItem,
    ConnectionTestResult,
    Context,
    Verdict,
    hookimpl,
)
from dativo.errors import ConnectionFailedError

__all__ = ["MUTANTS"]


class SaysItTwice(ReferenceWriter):
    """Names what it looks at after the folder, all of it."""

    @hookimpl
    def check_connection(self, config: FolderConfig, context: Context) -> ConnectionTestResult:
        found = super().check_connection(config, context)
        return ConnectionTestResult([attrs.evolve(one, scope="folder") for one in found.items])


class SkipsInSilence(ReferenceWriter):
    """Leaves the login out, and does not say that the check cannot look at it."""

    @hookimpl
    def check_connection(self, config: FolderConfig, context: Context) -> ConnectionTestResult:
        items = super().check_connection(config, context).items
        skipped = CheckItem("login", Verdict.SKIPPED)
        return ConnectionTestResult([skipped if one.scope == "login" else one for one in items])


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


class CheckLeavesAProbe(ReferenceWriter):
    """Tries whether it may write, and lets the file lie there."""

    @hookimpl
    def check_connection(self, config: FolderConfig, context: Context) -> ConnectionTestResult:
        with contextlib.suppress(OSError):
            for head in config.path.glob("*/head.json"):
                (head.parent / f"probe-{uuid.uuid4().hex}").touch()
        return super().check_connection(config, context)


MUTANTS: Mapping[str, Mapping[type[ReferenceWriter], str]] = {
    "check.good": {
        SaysItTwice: "2 items have the scope 'folder'",
        SkipsInSilence: "the item 'login' is skipped and does not say why",
    },
    "check.bad_credentials": {
        CheckSkipsTheLogin: "with bad credentials is ok",
        CheckNeverFails: "with bad credentials is ok",
    },
    "check.unreachable": {
        NotMountedIsAPermission: "the check of unreachable raises INSUFFICIENT_PERMISSIONS",
        NotMountedIsGreen: "the check of unreachable is ok",
    },
    "check.missing_privilege": {
        CheckIgnoresTheStreams: "without a privilege is ok",
        CheckSkipsTheLogin: "without a privilege is ok",
    },
    "check.honest": {
        CheckNeverFails: "the check of bad_credentials is green",
        NotMountedIsGreen: "the check of unreachable is green",
    },
    "check.harmless": {
        CheckRemoves: "a check changes what last_commit of 'kit_append'",
        CheckLeavesAProbe: "a check leaves things behind in the target, such as",
        CheckWritesRecords: "a check changes what read_back of 'kit_append'",
    },
}
