"""The manifest: what is known of a plugin without importing it.

It is generated from what the plugin says of itself and the hooks that it implements, and ships as
``dativo.json`` in the metadata of the wheel.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs

from dativo.contract._extensions import ExtensionInfo, ExtensionKind
from dativo.contract._info import ConnectorInfo, ErrorInfo, Permissions, SourceInfo, WriterInfo
from dativo.contract._modes import Role
from dativo.contract._schema import config_schema
from dativo.contract._version import CONTRACT_VERSION

__all__ = ["MANIFEST_FILE", "MANIFEST_FORMAT", "Manifest"]

MANIFEST_FILE = "dativo.json"
MANIFEST_FORMAT = 1


@attrs.frozen(kw_only=True)
class Manifest:
    """One plugin's manifest.

    Attributes:
        name: The entry point's name, the address in job files.
        contract: The contract version that the plugin was built against, ``major.minor``.
        title: The system's name.
        roles: Per role: ``hooks``, ``config`` and ``options`` (JSON Schemas), modes and levels;
            empty for an extension.
        extension: Of an extension: ``kind``, ``hooks``, ``version`` and ``config``.
        permissions: What it needs of the machine.
        errors: The ways in which it fails.
        documentation: Where to read more.
    """

    name: str
    contract: str
    title: str
    roles: Mapping[Role, Mapping[str, Any]] = attrs.field(factory=dict)
    extension: Mapping[str, Any] | None = None
    permissions: Permissions = attrs.field(factory=Permissions)
    errors: tuple[ErrorInfo, ...] = ()
    documentation: str = ""

    @classmethod
    def of(cls, name: str, info: ConnectorInfo, hooks: frozenset[str]) -> Manifest:
        """Make the manifest of the connector *name* from its description *info* and its *hooks*."""
        roles: dict[Role, Mapping[str, Any]] = {}
        if info.source is not None:
            roles[Role.SOURCE] = _source(info.source, hooks)
        if info.writer is not None:
            roles[Role.WRITER] = _writer(info.writer, hooks)
        return cls(
            name=name,
            contract=CONTRACT_VERSION,
            title=info.title,
            roles=roles,
            permissions=info.permissions,
            errors=info.errors,
            documentation=info.documentation,
        )

    @classmethod
    def of_extension(cls, name: str, info: ExtensionInfo) -> Manifest:
        """Make the manifest of the extension *name* from its description *info*."""
        about = {
            "kind": info.kind.value,
            "hooks": [_EXTENSION_HOOKS[info.kind]],
            "version": info.version,
            "config": config_schema(info.config),
        }
        return cls(
            name=name,
            contract=CONTRACT_VERSION,
            title=info.title,
            extension=about,
            permissions=info.permissions,
            errors=info.errors,
            documentation=info.documentation,
        )

    def to_json(self) -> str:
        """Return the file's text, the same for the same manifest."""
        document = {"manifest": MANIFEST_FORMAT, **attrs.asdict(self)}
        # A file has the one of the two that says something.
        del document["roles" if self.extension is not None else "extension"]
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Read a manifest from the *text* of its file.

        Raises:
            ValueError: It is damaged, empty or of a newer format; the message says which.
        """
        document = json.loads(text)
        if not isinstance(document, dict) or "manifest" not in document:
            msg = "not a Dativo manifest"
            raise ValueError(msg)
        if document["manifest"] != MANIFEST_FORMAT:
            msg = f"manifest format {document['manifest']!r}; this core reads {MANIFEST_FORMAT}"
            raise ValueError(msg)
        try:
            return cls(
                name=str(document["name"]),
                contract=str(document["contract"]),
                title=str(document["title"]),
                roles={
                    Role(role): dict(about) for role, about in document.get("roles", {}).items()
                },
                extension=_extension(document),
                permissions=_permissions(document.get("permissions", {})),
                errors=tuple(ErrorInfo(**error) for error in document.get("errors", ())),
                documentation=str(document.get("documentation", "")),
            )
        except (KeyError, TypeError, AttributeError) as error:
            msg = f"a damaged manifest: {error!r}"
            raise ValueError(msg) from error


_EXTENSION_HOOKS: Mapping[ExtensionKind, str] = {
    ExtensionKind.OBSERVER: "observe",
    ExtensionKind.TRANSFORMER: "transform",
}
_SOURCE_HOOKS = ("check_connection", "discover", "extract", "plan_read")
_WRITER_HOOKS = ("check_connection", "write", "lock", "plan_write", "read_back", "compact")


def _extension(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Read the part that an extension has in place of roles; a file has exactly one of the two."""
    if ("extension" in document) == ("roles" in document):
        raise KeyError("roles")
    about = document.get("extension")
    return None if about is None else {**about, "kind": ExtensionKind(about["kind"]).value}


def _source(info: SourceInfo, hooks: frozenset[str]) -> dict[str, Any]:
    return {
        "hooks": [hook for hook in _SOURCE_HOOKS if hook in hooks],
        "read_modes": [mode.value for mode in info.read_modes],
        "replay": info.replay.value,
        "parallel": info.parallel,
        "queries": info.queries,
        "filters": info.filters,
        "ranges": info.ranges,
        "key_scans": info.key_scans,
        "checkpoint_version": info.checkpoint_version,
        "config": config_schema(info.config),
        "options": config_schema(info.options),
    }


def _writer(info: WriterInfo, hooks: frozenset[str]) -> dict[str, Any]:
    return {
        "hooks": [hook for hook in _WRITER_HOOKS if hook in hooks],
        "write_modes": [mode.value for mode in info.write_modes],
        "atomicity": info.atomicity.value,
        "deletes": info.deletes,
        "config": config_schema(info.config),
        "options": config_schema(info.options),
    }


def _permissions(document: Mapping[str, Any]) -> Permissions:
    return Permissions(
        hosts=tuple(document.get("hosts", ())),
        ports=tuple(document.get("ports", ())),
        paths=tuple(document.get("paths", ())),
        subprocess=bool(document.get("subprocess", False)),
    )
