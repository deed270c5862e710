"""What looking at streams returns: what a source offers, and the first records of each."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from dativo.contract import Stream
from dativo.engine._results import error_of
from dativo.errors import DativoError

__all__ = ["DiscoveryResult", "Field", "PreviewResult", "PreviewTable", "PublishedRows"]


@attrs.frozen
class Field:
    """One field of a stream: its Arrow type as text."""

    name: str
    type: str
    nullable: bool = True


@attrs.frozen(kw_only=True)
class DiscoveryResult:
    """What a source offers; ``complete`` is false where a limit or the deadline cut the list."""

    connector: str
    streams: tuple[Stream, ...]
    complete: bool = True
    seconds: float = 0.0

    def to_dict(self) -> dict[str, object]:
        """Return JSON values."""
        from dativo.engine._arrow import fields_of  # noqa: PLC0415 - only where Arrow is wanted

        return {
            "ok": True,
            "connector": self.connector,
            "complete": self.complete,
            "seconds": round(self.seconds, 3),
            "streams": [
                {
                    "name": stream.name,
                    "kind": stream.kind,
                    "primary_key": list(stream.primary_key),
                    "cursors": list(stream.cursors),
                    "read_modes": [mode.value for mode in stream.read_modes],
                    "estimated_rows": stream.estimated_rows,
                    "description": stream.description,
                    "status": stream.status.value,
                    "problem": None if stream.problem is None else stream.problem.to_dict(),
                    "fields": [attrs.asdict(field) for field in fields_of(stream.schema)],
                }
                for stream in self.streams
            ],
        }


@attrs.frozen(kw_only=True)
class PreviewTable:
    """The first records of one stream; ``rows`` holds the values as texts, ``None`` for NULL."""

    stream: str
    fields: tuple[Field, ...]
    rows: tuple[tuple[str | None, ...], ...]
    error: DativoError | None = None


@attrs.frozen(kw_only=True)
class PreviewResult:
    """The first records of each stream; nothing was written."""

    job: str
    tables: tuple[PreviewTable, ...]

    @property
    def ok(self) -> bool:
        """Whether every stream could be read."""
        return all(table.error is None for table in self.tables)

    @property
    def error(self) -> DativoError | None:
        """A stream's own error if all failed alike, else a partial failure."""
        return error_of(self.tables)

    @property
    def exit_code(self) -> int:
        """The exit code of design section 5."""
        error = self.error
        return 0 if error is None else error.exit_code

    def to_dict(self) -> dict[str, object]:
        """Return JSON values."""
        error = self.error
        return {
            "ok": self.ok,
            "job": self.job,
            "streams": [_table_dict(table) for table in self.tables],
            "error": None if error is None else error.to_dict(),
        }


def _table_dict(table: PreviewTable) -> Mapping[str, object]:
    return {
        "stream": table.stream,
        "fields": [attrs.asdict(field) for field in table.fields],
        "rows": [list(row) for row in table.rows],
        "error": None if table.error is None else table.error.to_dict(),
    }


@attrs.frozen(kw_only=True)
class PublishedRows:
    """What is published of one stream.

    Attributes:
        job: The job.
        stream: The stream.
        fields: Its fields.
        rows: The records as texts, ``None`` for NULL; empty if they were handed on one by one.
        count: How many records were read.
        complete: Whether there are no more.
    """

    job: str
    stream: str
    fields: tuple[Field, ...]
    rows: tuple[tuple[str | None, ...], ...] = ()
    count: int = 0
    complete: bool = True

    def to_dict(self) -> dict[str, object]:
        """Return JSON values."""
        return {
            "ok": True,
            "job": self.job,
            "stream": self.stream,
            "fields": [attrs.asdict(field) for field in self.fields],
            "rows": [list(row) for row in self.rows],
            "complete": self.complete,
        }
