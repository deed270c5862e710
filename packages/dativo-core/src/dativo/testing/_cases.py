"""What a vendor gives to the kit: settings for the situations that a connector must master."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import attrs

__all__ = ["Cases", "Denied", "Inapplicable", "Settings", "SourceCases", "WriterCases"]

Settings: TypeAlias = Mapping[str, object]
"""A ``config`` section as it would stand in a job file: JSON values by key."""


@attrs.frozen
class Inapplicable:
    """Says that a situation cannot occur with this system, and why; the report shows the reason."""

    reason: str = attrs.field(validator=attrs.validators.min_len(1))


@attrs.frozen(kw_only=True)
class Denied:
    """Settings that log in but lack a privilege.

    Attributes:
        config: The settings.
        stream: The stream that may not be read or written with them.
    """

    config: Settings
    stream: str


@attrs.frozen(kw_only=True)
class Cases:
    """The situations that both roles know.

    Attributes:
        good: Settings with which everything works.
        bad_credentials: Settings that the system refuses.
        unreachable: Settings of a system that is not there.
        missing_privilege: Settings that may not do everything.
        errors: Settings by the error code that a check or a read with them ends with: for the
            codes that the connector declares beyond those of the cases above.
    """

    good: Settings
    bad_credentials: Settings | Inapplicable
    unreachable: Settings | Inapplicable
    missing_privilege: Denied | Inapplicable
    errors: Mapping[str, Settings] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class SourceCases(Cases):
    """The situations of a source.

    Attributes:
        streams: All streams that ``discover`` finds with the good settings.
        selections: What a job would say about a stream, by its name: ``cursor``, ``primary_key``,
            ``columns``, ``options``; where nothing is said, what ``discover`` says holds.
        change: Adds a record to the stream of the given name, or changes one, so that an
            incremental read has something to find.
        large: A stream of at least 16 MB, for the rule about memory.
        empty: A stream without records.
    """

    streams: tuple[str, ...]
    selections: Mapping[str, Settings] = attrs.field(factory=dict)
    change: Callable[[str], object] | Inapplicable | None = None
    large: str | Inapplicable | None = None
    empty: str | Inapplicable | None = None


@attrs.frozen(kw_only=True)
class WriterCases(Cases):
    """The situations of a writer; ``good`` names a target that is empty each time.

    Attributes:
        options: What a job would say as ``writer_options`` of every stream.
    """

    options: Settings = attrs.field(factory=dict)
