"""Mutants of the reference source: each breaks one rule in one way that vendors really do."""

from __future__ import annotations

from collections.abc import Mapping

from reference_source import ReferenceSource
from source_checkpoint_mutants import (
    AllIdsInTheCheckpoint,
    AnyCursor,
    AnyVersion,
    ChangesItsState,
    CheckpointOfPartsAtOnce,
    CheckpointOfTheNextPage,
    CursorFromTheTie,
    CursorWithoutKey,
    FullInPlaceOfIncrement,
    IgnoresState,
    NewRecordsOnly,
    NoCheckpointAtAll,
    NoLastCheckpoint,
    OneCheckpointForAll,
    PageNumberFromZero,
    StartsAnewWithoutNews,
    StopsAtStartTime,
    UnknownStreamIsEmpty,
    WhereIgnored,
)
from source_data_mutants import (
    BatchesAsLargeAsPages,
    ColumnsIgnored,
    ColumnsInOwnOrder,
    ColumnsLaxly,
    CountOfTheWholeStream,
    DropsRecords,
    EmptyWithoutFields,
    HalfAKey,
    MomentsWithoutZone,
    NoCount,
    NothingForEmpty,
    NullableOnArrival,
    NullWhereNone,
    OtherFieldsOnLaterPages,
    PagesOverlap,
    ReadAtInAColumn,
    SamplesLargeStreams,
    WholeStreamAtOnce,
)
from source_discovery_mutants import (
    CursorThatIsNoField,
    DeniedIsEmpty,
    DeniedIsReadable,
    DeniedWithoutReason,
    FirstPageOfStreams,
    IncrementalEverywhere,
    LeavesDiscoveryOpen,
    LimitBeforePattern,
    LosesStreamsNowAndThen,
    OnlyStreamsWithRecords,
    OverlappingPagesOfStreams,
    PatternIsPrefix,
    ShuffledSchema,
)
from source_reading_mutants import (
    AllPagesInMemory,
    ClosesOnlyAtTheEnd,
    ConnectionOfTheGenerator,
    DeafClient,
    KeepsConnections,
    LateBinding,
    ReadsOnWhenCancelled,
    RemembersRecords,
    ThreadPerRead,
)

__all__ = ["MUTANTS"]

MUTANTS: Mapping[str, tuple[type[ReferenceSource], ...]] = {
    "discover.complete": (
        FirstPageOfStreams,
        OverlappingPagesOfStreams,
        OnlyStreamsWithRecords,
    ),
    "discover.denied": (DeniedIsReadable, DeniedWithoutReason, DeniedIsEmpty),
    "discover.deterministic": (ShuffledSchema, LosesStreamsNowAndThen),
    "discover.narrowed": (LimitBeforePattern, PatternIsPrefix, LeavesDiscoveryOpen),
    "discover.capabilities": (IncrementalEverywhere, CursorThatIsNoField),
    "data.schema": (
        MomentsWithoutZone,
        NullableOnArrival,
        NullWhereNone,
        OtherFieldsOnLaterPages,
    ),
    "data.empty": (NothingForEmpty, EmptyWithoutFields),
    "data.counts": (NoCount, CountOfTheWholeStream, DropsRecords),
    "data.batches": (BatchesAsLargeAsPages, WholeStreamAtOnce),
    "data.primary_key": (PagesOverlap, HalfAKey),
    "data.columns": (ColumnsInOwnOrder, ColumnsIgnored, ColumnsLaxly),
    "data.deterministic": (ReadAtInAColumn, SamplesLargeStreams),
    "modes.honest": (
        FullInPlaceOfIncrement,
        WhereIgnored,
        AnyCursor,
        UnknownStreamIsEmpty,
    ),
    "checkpoint.coverage": (
        CheckpointOfTheNextPage,
        CursorWithoutKey,
        CursorFromTheTie,
        PageNumberFromZero,
        CheckpointOfPartsAtOnce,
        IgnoresState,
    ),
    "checkpoint.portable": (
        OneCheckpointForAll,
        ChangesItsState,
        AnyVersion,
        AllIdsInTheCheckpoint,
    ),
    "incremental.final_checkpoint": (NoLastCheckpoint, NoCheckpointAtAll),
    "incremental.idempotent": (IgnoresState, StartsAnewWithoutNews, CursorFromTheTie),
    "incremental.sees_changes": (NewRecordsOnly, StopsAtStartTime),
    "readers.late": (ConnectionOfTheGenerator, LateBinding),
    "cancel.prompt": (DeafClient, ReadsOnWhenCancelled),
    "closes.everything": (KeepsConnections, ThreadPerRead, ClosesOnlyAtTheEnd),
    "memory.bounded": (AllPagesInMemory, RemembersRecords),
}
