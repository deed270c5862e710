"""What a connector says of itself: the result of ``describe`` and the origin of its manifest."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from dativo.contract._modes import Atomicity, ReadMode, Replay, Role, WriteMode
from dativo.errors import catalog

__all__ = [
    "ConnectorInfo",
    "ErrorInfo",
    "NoOptions",
    "Permissions",
    "SourceInfo",
    "WriterInfo",
    "error_infos",
]


@attrs.frozen
class NoOptions:
    """The options class of a connector that has no options per stream."""


@attrs.frozen(kw_only=True)
class SourceInfo:
    """What a connector can do as a source.

    Attributes:
        config: The frozen attrs class of the ``source.config`` section.
        options: The frozen attrs class of a stream's ``options``.
        read_modes: The modes that ``extract`` implements.
        replay: What a read from a checkpoint promises.
        parallel: Whether ``extract`` yields several lazy readers that may be drained at once. In
            merge mode their order is that in which they are yielded. A key that two of them hold
            is therefore not noticed, and the one that was yielded later wins; so either cut one
            snapshot, in which a key is once, or yield later versions in later readers.
        queries: Whether a stream may be a ``query``.
        filters: Whether a stream may have a ``where``.
        ranges: Whether a read keeps to ``lower`` and ``upper`` of the request (backfill).
        key_scans: Whether a full read of the primary key alone, asked for after another read of
            the run, sees at least what that one saw; it is how ``deletes: key_scan`` finds what is
            gone.
        checkpoint_version: The version of the checkpoints that ``extract`` makes.
    """

    config: type
    options: type = NoOptions
    read_modes: tuple[ReadMode, ...] = (ReadMode.FULL,)
    replay: Replay = Replay.AT_LEAST_ONCE
    parallel: bool = False
    queries: bool = False
    filters: bool = False
    ranges: bool = False
    key_scans: bool = False
    checkpoint_version: int = 1


@attrs.frozen(kw_only=True)
class WriterInfo:
    """What a connector can do as a writer.

    Attributes:
        config: The frozen attrs class of the ``writer.config`` section.
        options: The frozen attrs class of a stream's ``writer_options``.
        write_modes: The modes that ``write`` implements.
        atomicity: What is promised of the moment in which an epoch becomes visible.
        deletes: Whether merge mode takes batches of deletions, and ``delete_missing``.
    """

    config: type
    options: type = NoOptions
    write_modes: tuple[WriteMode, ...] = (WriteMode.APPEND,)
    atomicity: Atomicity = Atomicity.NONE
    deletes: bool = False


@attrs.frozen(kw_only=True)
class Permissions:
    """What a connector needs of the machine it runs on.

    A text may refer to a setting as ``${config.host}``; one that is not set declares nothing.

    Attributes:
        hosts: Names, patterns such as ``*.acme.com``, addresses or URLs. A URL and ``host:port``
            declare their port, too, so that a setting with a URL stands here alone.
        ports: Numbers, or settings with numbers; they hold for all hosts. A setting with a URL
            does not belong here.
        paths: Files and folders that are written, and sockets of the machine.
        subprocess: Whether it starts programs.
    """

    hosts: tuple[str, ...] = ()
    ports: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    subprocess: bool = False


@attrs.frozen(kw_only=True)
class ErrorInfo:
    """One way in which a connector fails, for its docs: a code of the catalogue and the cause."""

    code: str
    cause: str
    fix: str = ""


def error_infos(errors: Iterable[ErrorInfo | str]) -> tuple[ErrorInfo, ...]:
    """Return *errors* with cause and fix; a code alone has those of the catalogue.

    Raises:
        ValueError: The catalogue does not have the code.
    """
    return tuple(_of_catalog(one) if isinstance(one, str) else one for one in errors)


def _of_catalog(code: str) -> ErrorInfo:
    for entry in catalog():
        if entry.code == code:
            return ErrorInfo(code=code, cause=entry.summary, fix=entry.fix)
    msg = f"dativo.errors has no error with the code {code!r}"
    raise ValueError(msg)


@attrs.frozen(kw_only=True)
class ConnectorInfo:
    """A connector's description of itself.

    Attributes:
        title: The system's name as its makers write it.
        source: What it can do as a source, or ``None``.
        writer: What it can do as a writer, or ``None``.
        permissions: What it needs of the machine.
        errors: The ways in which it fails; a code alone stands for cause and fix of the catalogue.
        documentation: Where to read more.
    """

    title: str
    source: SourceInfo | None = None
    writer: WriterInfo | None = None
    permissions: Permissions = attrs.field(factory=Permissions)
    errors: tuple[ErrorInfo, ...] = attrs.field(default=(), converter=error_infos)
    documentation: str = ""

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles that the connector can play."""
        sides = ((Role.SOURCE, self.source), (Role.WRITER, self.writer))
        return tuple(role for role, side in sides if side is not None)
