"""Mutants of the reference source: each breaks one rule in one way that vendors really do."""

from __future__ import annotations

from collections.abc import Mapping

from reference_source import ReferenceSource
from source_checkpoint_mutants import (
    AllIdsInTheCheckpoint,
    AnyCursor,
    AnyVersion,
    BoundsAreNumbers,
    BoundsByTheDay,
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
    RangeIgnored,
    StartsAnewWithoutNews,
    StopsAtStartTime,
    UnknownStreamIsEmpty,
    UpperIncluded,
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

MUTANTS: Mapping[str, Mapping[type[ReferenceSource], str]] = {
    "discover.complete": {
        FirstPageOfStreams: "does not find refunds",
        OverlappingPagesOfStreams: "more than once: customers",
        OnlyStreamsWithRecords: "does not find refunds",
    },
    "discover.denied": {
        DeniedIsReadable: "says that customers is readable",
        DeniedWithoutReason: "does not say why (Stream.problem)",
        DeniedIsEmpty: "gives 0 records, no error",
    },
    "discover.deterministic": {
        ShuffledSchema: "the schema of customers was first",
        LosesStreamsNowAndThen: "was found once of two times",
    },
    "discover.narrowed": {
        LimitBeforePattern: "with the patterns refunds and the limit 1",
        PatternIsPrefix: "with the patterns *rders",
        LeavesDiscoveryOpen: "stopped after one stream leaves open",
    },
    "discover.capabilities": {
        IncrementalEverywhere: "orders has the read mode incremental, its source has not",
        CursorThatIsNoField: "cursors of orders names updated_after",
    },
    "data.schema": {
        MomentsWithoutZone: "the field updated is timestamp[us] not null",
        NullableOnArrival: "the field id is int64; discovery declares int64 not null",
        NullWhereNone: "the field name has 1 NULL",
        OtherFieldsOnLaterPages: "the fields are ['id', 'updated', 'total', 'paid']",
    },
    "data.empty": {
        NothingForEmpty: "no batch came",
        EmptyWithoutFields: "the fields are []",
    },
    "data.counts": {
        NoCount: "no count (Batch.rows)",
        CountOfTheWholeStream: "the source counts 60 records, 12 arrive",
        DropsRecords: "the source counts 12 records, 11 arrive",
    },
    "data.batches": {
        BatchesAsLargeAsPages: "a record batch has 50 rows",
        WholeStreamAtOnce: "a record batch has 60 rows",
    },
    "data.primary_key": {
        PagesOverlap: "a key is there more than once",
        HalfAKey: "more than once: 30 records (region='east'",
    },
    "data.columns": {
        ColumnsInOwnOrder: "with columns note, paid, total, updated, id: the fields id,",
        ColumnsIgnored: "with columns note, id: the fields",
        ColumnsLaxly: "with a column that there is not: it is read",
    },
    "data.deterministic": {
        ReadAtInAColumn: "only the second time came 60 records",
        SamplesLargeStreams: "only the first time came",
    },
    "modes.honest": {
        FullInPlaceOfIncrement: "asked for a mode that the stream does not have",
        WhereIgnored: "come 60 of 60 records",
        AnyCursor: "asked for a cursor that there is not",
        UnknownStreamIsEmpty: "asked for a stream that there is not",
    },
    "modes.range": {
        RangeIgnored: "came that the range does not have",
        UpperIncluded: "updated in [..., 2023-11-14T22:13:24Z): 11 records",
        BoundsByTheDay: "came that the range does not have",
        BoundsAreNumbers: "PLUGIN_EXECUTION: ValueError",
    },
    "checkpoint.coverage": {
        CheckpointOfTheNextPage: "cut after batch 1",
        CursorWithoutKey: "lost 1 record (id=58)",
        CursorFromTheTie: "doubled 10 records",
        PageNumberFromZero: "read in steps",
        CheckpointOfPartsAtOnce: "lost 36 records",
        IgnoresState: "doubled 24 records",
    },
    "checkpoint.portable": {
        OneCheckpointForAll: "when it came and is",
        ChangesItsState: "reading from a checkpoint changed it",
        AnyVersion: "asked to read on from version 2",
        AllIdsInTheCheckpoint: "65536 are allowed",
    },
    "incremental.final_checkpoint": {
        NoLastCheckpoint: "not even the last checkpoint",
        NoCheckpointAtAll: "no checkpoint covers",
    },
    "incremental.idempotent": {
        IgnoresState: "came again, although the source declares exact replay",
        StartsAnewWithoutNews: "came again, although the source declares exact replay",
        CursorFromTheTie: "6 records",
    },
    "incremental.sees_changes": {
        NewRecordsOnly: "does not bring 1 record (id=1)",
        StopsAtStartTime: "does not bring 2 records (id=1; id=61)",
    },
    "readers.late": {
        ConnectionOfTheGenerator: "the session is closed",
        LateBinding: "drained in reverse",
    },
    "cancel.prompt": {
        DeafClient: "cancelled while it waits",
        ReadsOnWhenCancelled: "50 records came afterwards",
    },
    "closes.everything": {
        KeepsConnections: "leaves open: socket",
        ThreadPerRead: "leaves open: the thread",
        ClosesOnlyAtTheEnd: "stopped after a batch leaves open",
    },
    "memory.bounded": {
        AllPagesInMemory: "the memory of the process rose",
        RemembersRecords: "the memory of the process rose",
    },
}
"""The mutants of each rule, each with words of the problem that must name its cause."""
