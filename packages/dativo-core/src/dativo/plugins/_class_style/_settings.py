"""The settings of a class of the class style: what a job says, and what the class sees."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from dativo.contract import Secret, StreamRequest, Url, setting, settings_of
from dativo.contract.v0 import SourceConfig, TargetConfig
from dativo.errors import InvalidConfigError

__all__ = [
    "ReaderOptions",
    "ReaderSettings",
    "WriterSettings",
    "plain",
    "source_config",
    "target_config",
]

_LISTS = ("tables", "files", "sheets")
_OURS = ("output_base", "records")

Credentials = Mapping[str, Secret | Mapping[str, Secret]]
Section = Mapping[str, Any]


@attrs.frozen
class ReaderSettings:
    """The section ``source.config`` of a reader."""

    type: str = setting(
        "A word for the system; a checkpoint made under another is refused.",
        default="",
        identity=True,
    )
    connection: Section = setting("How the system is reached; no secrets.", factory=dict)
    credentials: Credentials = setting("The secrets, each a text.", factory=dict)
    objects: tuple[str, ...] = setting("What discover asks for.", default=())
    tables: tuple[Section, ...] = setting("One entry per stream, by object or name.", default=())
    files: tuple[Section, ...] = setting("One entry per stream, by object or name.", default=())
    sheets: tuple[Section, ...] = setting("One entry per stream, by object or name.", default=())
    incremental: Section = setting("How increments are read; no state_path.", factory=dict)
    rate_limits: Section = setting("How much may be asked of the system.", factory=dict)
    engine: Section = setting("The class's own options.", factory=dict)
    dsn: Secret | None = setting("The address with its credentials.", default=None)


@attrs.frozen
class ReaderOptions:
    """The ``options`` of a stream."""

    schema: Mapping[str, str] = setting(
        "The type of each field that must not be inferred, such as total: decimal(12,2).",
        factory=dict,
    )


@attrs.frozen
class WriterSettings:
    """The section ``writer.config`` of a writer."""

    type: str = setting("A word for the system.", default="")
    connection: Section = setting("How the system is reached; no secrets.", factory=dict)
    credentials: Credentials = setting("The secrets, each a text.", factory=dict)
    catalog: str | None = setting("The table catalog.", default=None)
    branch: str | None = setting("The branch of the table catalog.", default=None)
    warehouse: str | None = setting("Where the table catalog keeps data.", default=None)
    file_format: str | None = setting("The format of the files.", default=None)
    partitioning: tuple[str, ...] = setting("The fields that make folders.", default=())
    engine: Section = setting("The class's own options.", factory=dict)
    markdown_kv_storage: Section = setting("How documents are stored.", factory=dict)
    parquet_target_size_mb: int | None = setting("The size of a file in MB.", default=None)
    output_base: Url | Path | None = setting(
        "Where the data goes: a folder or a URL; each stream has a place below it.", default=None
    )
    records: Path = setting(
        "The folder that records what is published, unless output_base is a folder.",
        default=Path(".dativo/class-style"),
    )


def source_config(
    settings: ReaderSettings, request: StreamRequest | None = None, *, state: Path | None = None
) -> SourceConfig:
    """Return what a reader sees: plain values, secrets revealed, one stream at a time.

    Args:
        settings: What the job says.
        request: The stream that is read; ``None`` for all, to check and to discover.
        state: The file that the reader's state is kept in while it reads an increment.

    Raises:
        InvalidConfigError: The settings list tables, files or sheets, but not the stream.
    """
    values = _plain_values(settings)
    if request is not None:
        values |= _one_stream(settings, request.stream)
        values["incremental"] = None
    if request is not None and state is not None:
        asked = {"cursor_field": request.cursor} if request.cursor else {}
        values["incremental"] = {
            **asked,
            **plain(settings.incremental),
            "state_path": str(state),
        }
    return SourceConfig(**values, custom_reader=None)


def target_config(settings: WriterSettings) -> TargetConfig:
    """Return what a writer sees: plain values, secrets revealed."""
    values = {k: v for k, v in _plain_values(settings).items() if k not in _OURS}
    return TargetConfig(**values, custom_writer=None)


def plain(value: Any) -> Any:
    """Return *value* as a class of the old style expects it: lists, dictionaries and texts."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


def _plain_values(settings: ReaderSettings | WriterSettings) -> dict[str, Any]:
    """Return each setting by name; an empty one is ``None``, as in the old style."""
    names = settings_of(type(settings))
    values = {name: plain(getattr(settings, name)) for name in names}
    return {name: value if name == "type" else value or None for name, value in values.items()}


def _one_stream(settings: ReaderSettings, stream: str) -> dict[str, Any]:
    """Return the lists of what to read, cut down to *stream*."""
    values: dict[str, Any] = {"objects": [stream]}
    listed: list[str] = []
    for name in _LISTS:
        entries = getattr(settings, name)
        names = [entry.get("object") or entry.get("name") for entry in entries]
        values[name] = [plain(e) for e in entries if stream in (e.get("object"), e.get("name"))]
        values[name] = values[name] or None
        listed += [str(one) for one in names]
    if listed and not any(values[name] for name in _LISTS):
        msg = f"the settings list no {stream!r} among {', '.join(_LISTS)}; they list {listed}"
        raise InvalidConfigError(msg, fix="Add it there, or name one of these as the stream.")
    return values
