"""The rule about backfill: a source that declares ranges of the cursor keeps to them exactly."""

from __future__ import annotations

import re
from collections.abc import Iterator

import attrs
import pyarrow as pa
import pyarrow.compute as pc

from dativo.contract import ReadMode, Role
from dativo.testing._bench import Read
from dativo.testing._reading import Wanted, attempt, wanted
from dativo.testing._records import Records, records_of
from dativo.testing._rules import Evidence, NotApplicable, rule
from dativo.testing._subject import SourceSubject

__all__ = ["RULES"]

_BATCH_ROWS = 10  # so that a range has several pages
_TWO_BOUNDS = 3
_OF_ONE_ORDER = re.compile(r"[0-9TZ:.+ -]*")


@rule("modes.range", Role.SOURCE)
def ranges(subject: SourceSubject, evidence: Evidence) -> None:
    """A backfill reads the records of its range and no others, if the source declares ranges.

    The range is ``lower`` <= cursor < ``upper`` of the request; each of them may be absent.
    """
    if not subject.info.ranges:
        raise NotApplicable("the source declares no ranges, so the engine refuses them")
    if ReadMode.INCREMENTAL not in subject.info.read_modes:
        raise NotApplicable("the source has no incremental reads, so there is no cursor")
    looks = [
        _look_at(want, evidence)
        for want in wanted(subject, ReadMode.INCREMENTAL, batch_rows=_BATCH_ROWS)
    ]
    if not any(looks):
        evidence.gap(
            "no stream has a cursor with two different values or more, whose order is known "
            "(numbers, dates, times or text made of these); add records to a stream of the good "
            "settings"
        )


@attrs.frozen(kw_only=True)
class _Range:
    """Bounds, as Arrow scalars."""

    lower: pa.Scalar | None = None
    upper: pa.Scalar | None = None

    def __str__(self) -> str:
        lower, upper = (text or "..." for text in self.bounds.values())
        return f"[{lower}, {upper})"

    @property
    def bounds(self) -> dict[str, str | None]:
        """The bounds as a request has them."""
        both = {"lower": self.lower, "upper": self.upper}
        return {name: None if one is None else _text(one) for name, one in both.items()}

    def of(self, reads: list[Read], cursor: str) -> Records:
        """Return the records that are in it."""
        return records_of(
            [attrs.evolve(read, data=self._rows(read.data, cursor)) for read in reads]
        )

    def _rows(self, data: pa.Table, cursor: str) -> pa.Table:
        if self.lower is not None:
            data = data.filter(pc.field(cursor) >= self.lower)
        if self.upper is not None:
            data = data.filter(pc.field(cursor) < self.upper)
        return data


def _look_at(want: Wanted, evidence: Evidence) -> bool:
    """Say whether there was a range to look at."""
    with want.subject.open() as bench:
        cursor = want.request(bench).cursor
    reads = want.whole()
    if cursor is None or not reads or cursor not in reads[0].data.schema.names:
        evidence.looked(f"{want}: its records have no cursor to compare by")
        return False
    found = list(_ranges([read.data.column(cursor) for read in reads]))
    for one in found:
        place = f"{want}, {cursor} in {one}"
        came = attempt(want, None, **one.bounds)
        if isinstance(came, list):
            evidence.looked(f"{place}: {len(records_of(came))} records")
            for problem in _faults(records_of(came), one.of(reads, cursor), want.key):
                evidence.problem(f"{place}: {problem}")
        else:
            evidence.problem(f"{place}: it ends with {came.code}: {came.message}")
    return bool(found)


def _faults(came: Records, expected: Records, key: tuple[str, ...]) -> Iterator[str]:
    missing, more = expected - came, came - expected
    if len(missing):
        yield f"{missing.shown(key)} of the range did not come"
    if len(more):
        yield (
            f"{more.shown(key)} came that the range does not have; keep to request.lower <= cursor "
            "< request.upper, or declare no ranges in SourceInfo"
        )


def _ranges(columns: list[pa.ChunkedArray]) -> Iterator[_Range]:
    """Yield ranges that some values of the cursor are in, but not all."""
    chunks = [chunk for column in columns for chunk in column.chunks]
    values = pa.chunked_array(chunks, columns[0].type).unique().drop_null().sort()
    count = len(values)
    if count <= 1 or not _is_ordered(values):
        return
    lower, upper = values[max(1, count // 3)], values[max(1, 2 * count // 3)]
    yield _Range(lower=lower)
    yield _Range(upper=upper)
    if count >= _TWO_BOUNDS:
        yield _Range(lower=lower, upper=upper)


def _is_ordered(values: pa.Array) -> bool:
    """Whether a source has them in the same order: of other text that is the system's own."""
    kind = values.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return all(_OF_ONE_ORDER.fullmatch(text) for text in values.to_pylist())
    kinds = ("integer", "floating", "decimal", "timestamp", "date")
    return any(getattr(pa.types, f"is_{name}")(kind) for name in kinds)


def _text(value: pa.Scalar) -> str:
    """Return a value as one would write it in a job or on the command line."""
    if not pa.types.is_timestamp(value.type):
        return str(value.cast(pa.string()).as_py())
    moment = value.cast(pa.timestamp(value.type.unit, "UTC")) if value.type.tz else value
    text = moment.cast(pa.string()).as_py().replace(" ", "T")
    return re.sub(r"\.0+(?=Z?$)", "", text)


RULES = (ranges,)
