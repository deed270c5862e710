"""What a run would do, and what a compaction has done, as figures."""

from __future__ import annotations

import attrs

from dativo.contract._commits import CommitRecord

__all__ = ["CompactResult", "ReadPlan", "WritePlan"]


@attrs.frozen(kw_only=True)
class ReadPlan:
    """What ``extract`` would do now for one stream.

    Attributes:
        rows: About how many records it would yield; ``None`` where nobody knows.
        size_bytes: About how many bytes they take in the source.
        partitions: How many lazy readers it would yield.
        lower: The value of the cursor that it reads on from, as text; ``None`` for the beginning.
        upper: The value of the cursor that it would stop at.
        assumptions: What must hold in the source so that no record is missed, one sentence each.
        deletes: Whether the source tells by itself what was deleted, as batches of deletions.
    """

    rows: int | None = None
    size_bytes: int | None = None
    partitions: int | None = None
    lower: str | None = None
    upper: str | None = None
    assumptions: tuple[str, ...] = ()
    deletes: bool = False


@attrs.frozen(kw_only=True)
class WritePlan:
    """What ``write`` would do now for one stream.

    Attributes:
        place: Where the records would go.
        files: About how many files that makes; ``None`` where nobody knows.
        assumptions: What must hold in the target so that the promise is kept, one sentence each.
        knows_last_commit: Whether the writer has looked at what is published; without claiming it.
        last_commit: What a session's ``last_commit`` would return; ``None`` for nothing published,
            and if it has not looked.
    """

    place: str = ""
    files: int | None = None
    assumptions: tuple[str, ...] = ()
    knows_last_commit: bool = False
    last_commit: CommitRecord | None = None


@attrs.frozen(kw_only=True)
class CompactResult:
    """What ``compact`` did for one stream; the same figures before and after if it did nothing.

    Attributes:
        rows: Records that are published afterwards, each key once.
        files_before: Files of the stream before.
        files_after: Files of the stream afterwards.
        bytes_before: Their size before.
        bytes_after: Their size afterwards.
    """

    rows: int
    files_before: int
    files_after: int
    bytes_before: int = 0
    bytes_after: int = 0
