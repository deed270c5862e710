"""Splitting a table into ranges of its pages, so that several sessions read it at once."""

from __future__ import annotations

from collections.abc import Sequence

from dativo_connector_postgres._plan import StreamPlan
from dativo_connector_postgres._snapshot import Snapshot

__all__ = ["parts_of"]

_SMALLEST_PART_PAGES = 4096
"""32 MiB: below it another session costs more than it gains."""

_PARTS_PER_SLOT = 2
"""More parts than slots even out what the parts take."""

_RANGE_SCAN_VERSION = 14
"""The first version that reads a range of ctid without reading the rest of the table."""

# A table that was dropped after the snapshot has no size; the read will say that it is gone.
_SIZES = """
SELECT l.relkind::text, coalesce(m.amname, ''),
    coalesce(pg_relation_size(l.oid), 0) / current_setting('block_size')::int
FROM (
    WITH RECURSIVE parts(oid) AS (
        SELECT %(oid)s::oid
        UNION ALL
        SELECT i.inhrelid FROM parts JOIN pg_inherits i ON i.inhparent = parts.oid
    )
    SELECT oid FROM parts
) p
JOIN pg_class l ON l.oid = p.oid LEFT JOIN pg_am m ON m.oid = l.relam
WHERE l.relkind <> 'p'
"""


def parts_of(snapshot: Snapshot, plan: StreamPlan, parallelism: int) -> list[str | None]:
    """Return conditions that split the table into ranges of its pages, all rows in one each."""
    relation, wanted = plan.relation, plan.options.partitions
    # A condition may be served by an index, which ranges of pages would keep from being used.
    is_filtered = plan.where is not None and not wanted
    if relation is None or not plan.is_table or wanted == 1 or is_filtered:
        return [None]
    if snapshot.facts.version < _RANGE_SCAN_VERSION:
        return [None]
    if relation.pages is not None:
        leaves = [(relation.kind, relation.access_method, relation.pages)]
    else:
        leaves = snapshot.query(_SIZES, {"oid": relation.oid})
    if any(kind not in "rm" or method != "heap" for kind, method, _ in leaves):
        return [None]
    sizes = [pages for _, _, pages in leaves]
    most = max(1, sum(sizes) // _SMALLEST_PART_PAGES)
    count = wanted or min(most, max(1, parallelism) * _PARTS_PER_SLOT)
    return _ranges(_cuts(sizes, count))


def _cuts(sizes: Sequence[int], count: int) -> list[int]:
    """Return the page numbers that cut tables of *sizes* pages into *count* equal shares.

    One page number cuts all tables (the leaves of a partitioned table) at once.
    """
    total, cuts = sum(sizes), []
    ordered = sorted(sizes)
    for share in range(1, count):
        wanted, below, cut = total * share // count, 0, 0
        for position, size in enumerate(ordered):
            longer = len(ordered) - position
            if below + (size - cut) * longer >= wanted:
                cut += -(-(wanted - below) // longer)
                break
            below += (size - cut) * longer
            cut = size
        cuts.append(cut)
    return sorted({cut for cut in cuts if cut > 0})


def _ranges(cuts: Sequence[int]) -> list[str | None]:
    if not cuts:
        return [None]
    firsts, ends = [None, *cuts], [*cuts, None]
    return [
        " AND ".join(
            f"ctid {operator} '({page},0)'::tid"
            for operator, page in ((">=", first), ("<", end))
            if page is not None
        )
        for first, end in zip(firsts, ends, strict=True)
    ]
