"""Where a session publishes: what differs between a folder and an object store."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

import attrs

from dativo.contract import Commit
from dativo_writer_parquet._columns import EpochSchema
from dativo_writer_parquet._files import FileFormat
from dativo_writer_parquet._records import Published
from dativo_writer_parquet._staging import StagingArea

if TYPE_CHECKING:
    from dativo_writer_parquet._state import State

__all__ = ["Sealed", "Target"]


@attrs.frozen(kw_only=True)
class Sealed:
    """An epoch that is whole and durable, and visible to nobody yet.

    Attributes:
        published: What a reader will find.
        size_bytes: The size of its files.
        publish: Makes it visible in one step. Raises ``ConcurrencyError`` if the stream was taken
            over, and ``CommitUnknownError``.
    """

    published: Published
    size_bytes: int
    publish: Callable[[], None]


class Target(Protocol):
    """One run's hold on the place of one stream."""

    @property
    def name(self) -> str:
        """What messages call the place."""
        ...

    @property
    def is_foreign(self) -> bool:
        """Whether the place belongs to another job, so that nothing may be written."""
        ...

    def explained(self) -> AbstractContextManager[None]:
        """Turn what work at the place raises into errors of the catalogue."""
        ...

    def area(self, form: FileFormat) -> StagingArea:
        """Return where the next epoch is staged."""
        ...

    def drop(self, area: StagingArea) -> None:
        """Remove what *area* holds and nobody will publish any more."""
        ...

    def last(self) -> Published | None:
        """Return what was the newest epoch of the place when it was opened."""
        ...

    def newest(self) -> Published | None:
        """Return the newest epoch of the place, of whatever job."""
        ...

    def state(self) -> State | None:
        """Return what is published now, ``None`` for nothing."""
        ...

    def found(self, commit: Commit, last: Published | None) -> Published | None:
        """Return the epoch if exactly this commit is published, ``None`` if it is the next one.

        Raises:
            ConcurrencyError: The epoch is published under another id, or a later one is.
            StateError: Epochs before it are missing.
        """
        ...

    def confirm(self, found: Published) -> int:
        """Make what is visible durable, and return its size in bytes."""
        ...

    def seal(self, area: StagingArea, schema: EpochSchema, commit: Commit, rows: int) -> Sealed:
        """Close the staged files, make them durable and check that they hold *rows* records.

        Raises:
            WriteFailedError: They do not.
        """
        ...

    def close(self) -> None:
        """Give everything back."""
        ...
