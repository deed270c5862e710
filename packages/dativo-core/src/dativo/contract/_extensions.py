"""What an extension is: it watches the runs of any connector, or changes the records they move."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

import attrs

from dativo.contract._arrow import ArrowArray, ArrowSchema
from dativo.contract._events import Event
from dativo.contract._info import ErrorInfo, NoOptions, Permissions, error_infos

__all__ = [
    "ExtensionInfo",
    "ExtensionKind",
    "ObserverSession",
    "Transform",
    "TransformRequest",
]


class ExtensionKind(StrEnum):
    """What an extension does, and with it what its failures mean."""

    OBSERVER = "observer"
    """It is told what happens; what it fails at changes nothing of the run."""
    TRANSFORMER = "transformer"
    """It changes records on their way; whatever it fails at ends the stream, unpublished."""


@attrs.frozen(kw_only=True)
class ExtensionInfo:
    """An extension's description of itself.

    Attributes:
        title: What it is called in a sentence.
        kind: What it does.
        config: The frozen attrs class of its ``config`` section.
        version: The version of what a transformer makes of records under the same settings. One
            that is raised is a change of the job: published data asks for ``--full-refresh``.
        permissions: What it needs of the machine.
        errors: The ways in which it fails; a code alone stands for cause and fix of the catalogue.
        documentation: Where to read more.
    """

    title: str
    kind: ExtensionKind
    config: type = NoOptions
    version: int = 1
    permissions: Permissions = attrs.field(factory=Permissions)
    errors: tuple[ErrorInfo, ...] = attrs.field(default=(), converter=error_infos)
    documentation: str = ""


@attrs.frozen(kw_only=True)
class TransformRequest:
    """Which records a transformer gets.

    Attributes:
        stream: The stream's name.
        source: The address of the connector that reads it.
        primary_key: The fields that identify a record. They may be changed, if different keys stay
            different, but not dropped.
        partial: Whether other fields than the key may be missing: these are deletions or a scan of
            keys. What is made of the key must be the same as otherwise.
    """

    stream: str
    source: str = ""
    primary_key: tuple[str, ...] = ()
    partial: bool = False


class Transform(Protocol):
    """What a transformer does with the records of one stream and schema."""

    @property
    def schema(self) -> ArrowSchema:
        """The schema of what :meth:`apply` returns."""
        ...

    def apply(self, batch: ArrowArray) -> ArrowArray:
        """Return *batch* changed: as many records, in the same order, of the schema declared.

        It is called in several threads at once, one batch in each.
        """
        ...


class ObserverSession(Protocol):
    """One run as an observer sees it; all calls come from one thread of its own."""

    def tell(self, event: Event) -> None:
        """Take note of *event*; ignore what you do not know."""
        ...

    def close(self) -> None:
        """Give back what is open; the run is over, and a few seconds are left."""
        ...
