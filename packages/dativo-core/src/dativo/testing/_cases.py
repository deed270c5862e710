"""What a vendor gives to the kit: settings for the situations that a connector must master."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TypeAlias

import attrs

__all__ = [
    "Cases",
    "Denied",
    "Inapplicable",
    "NotGiven",
    "Settings",
    "SourceCases",
    "Waiting",
    "WriterCases",
]

Settings: TypeAlias = Mapping[str, object]
"""A ``config`` section as it would stand in a job file: JSON values by key."""


@attrs.frozen
class Inapplicable:
    """Says that a situation cannot occur with this system, and why; the report shows the reason."""

    reason: str = attrs.field(validator=attrs.validators.min_len(1))


@attrs.frozen
class NotGiven(Inapplicable):
    """Stands for a situation that nobody gives; the reason says how to give it."""


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
class Waiting:
    """Settings with which a read waits for the system.

    Attributes:
        config: The settings.
        stream: The stream that is read.
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
        errors: Settings by the error code that a check, a read or a write with them ends with: for
            the codes that the connector declares beyond those of the cases above. ``Inapplicable``
            for a code that cannot be brought about here.
        check_seconds: The deadline of a check, in the context; where nobody answers it may take
            twice as long at the most. A source that tries again until its deadline takes so long
            in each situation in which nobody answers; more is for systems that are slow to log in.
    """

    good: Settings
    bad_credentials: Settings | Inapplicable
    unreachable: Settings | Inapplicable
    missing_privilege: Denied | Inapplicable
    errors: Mapping[str, Settings | Inapplicable] = attrs.field(factory=dict)
    check_seconds: float = 10.0


@attrs.frozen(kw_only=True)
class SourceCases(Cases):
    """The situations of a source.

    Attributes:
        streams: All streams that ``discover`` finds with the good settings.
        selections: What a job would say about a stream, by its name: ``cursor``, ``primary_key``,
            ``columns``, ``options``; where nothing is said, what ``discover`` says holds.
        sample: The streams that the rules about records look at, where all would take too long;
            without it all of them.
        conditions: A ``where`` for a stream by its name, which some of its records fulfil, but not
            all; for sources with filters.
        query: A query that finds records; for sources with queries.
        change: Adds a record to the stream of the given name, or changes one, so that an
            incremental read has something to find. It is called twice for each stream that can be
            read incrementally; if it returns ``Inapplicable``, that stream cannot change.
        large: A stream of at least 32 MB, for the rules about size; the others leave it out.
        empty: A stream without records.
        waiting: Settings and a stream with which a read waits for the system, for half a minute or
            more.
    """

    streams: tuple[str, ...]
    selections: Mapping[str, Settings] = attrs.field(factory=dict)
    sample: tuple[str, ...] = ()
    conditions: Mapping[str, str] = attrs.field(factory=dict)
    query: str | None = None
    change: Callable[[str], object] | Inapplicable | None = None
    large: str | Inapplicable | None = None
    empty: str | Inapplicable | None = None
    waiting: Waiting | Inapplicable | None = None


@attrs.frozen(kw_only=True)
class WriterCases(Cases):
    """The situations of a writer; ``good`` names a target that is empty each time.

    The kit writes streams with the fields ``id`` (int64, never NULL) and ``note`` (string), and
    for the rule about values ``id`` and ``value``. Paths in settings are absolute.

    Attributes:
        options: What a job would say as ``writer_options`` of every stream.
        staged: Names whatever lies in the target and is not published: files, objects or tables
            of staging. ``Inapplicable`` where nothing of that kind can outlive a session.
    """

    options: Settings = attrs.field(factory=dict)
    staged: Callable[[], Collection[str]] | Inapplicable | None = None
