"""Rules about the records that are read: keys, columns, the same twice."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from dativo.contract import Role
from dativo.testing._bench import Read
from dativo.testing._reading import NO_FIELD, attempt, not_refused, wanted
from dativo.testing._records import Records, records_of
from dativo.testing._rules import Evidence, NotApplicable, rule
from dativo.testing._subject import SourceSubject

__all__ = ["RULES"]


@rule("data.primary_key", Role.SOURCE)
def primary_key(subject: SourceSubject, evidence: Evidence) -> None:
    """The primary key is unique and never NULL over the whole stream."""
    keyed = [want for want in wanted(subject) if want.key]
    if not keyed:
        raise NotApplicable("no stream has a primary key")
    for want in keyed:
        reads = want.whole()
        names = {name for read in reads for name in read.data.schema.names}
        lacking = [name for name in want.key if name not in names]
        if lacking:
            evidence.problem(f"{want}: the key's field {lacking[0]} is not in what arrives")
            continue
        records = records_of(reads)
        evidence.looked(f"{want}: {len(records)} records by {', '.join(want.key)}")
        for name in want.key:
            nulls = sum(read.data.column(name).null_count for read in reads)
            if nulls:
                evidence.problem(f"{want}: {nulls} records have no {name}, which is of the key")
        twice = records.only(want.key).repeated()
        if len(twice):
            evidence.problem(f"{want}: a key is there more than once: {twice.shown(want.key)}")


@rule("data.columns", Role.SOURCE)
def columns(subject: SourceSubject, evidence: Evidence) -> None:
    """A selection of columns gives these in that order, or is refused."""
    for want in wanted(subject):
        reads = want.whole()
        if not reads:
            continue
        names, whole = reads[0].data.schema.names, records_of(reads)
        for chosen in _selections(names, want.key):
            came = attempt(want, columns=chosen)
            said = f"{want} with columns {', '.join(chosen)}"
            if isinstance(came, list):
                evidence.looked(said)
                for text in _unlike(chosen, came, reads[0].data.schema, whole):
                    evidence.problem(f"{said}: {text}")
            else:
                evidence.looked(f"{said}: refused with {came.code}")
                if set(chosen) == set(names) or not_refused(came):
                    evidence.problem(f"{said}: it ends with {came.code}: {came.message}")
        refused = not_refused(attempt(want, columns=(*names[:1], NO_FIELD)))
        if refused:
            evidence.problem(f"{want} with a column that there is not: {refused}")


@rule("data.deterministic", Role.SOURCE)
def deterministic(subject: SourceSubject, evidence: Evidence) -> None:
    """Reading the same twice gives the same records, in whatever order."""
    for want in wanted(subject):
        first, second = want.records(), want.records()
        evidence.looked(f"{want}: {len(first)} and {len(second)} records")
        for what, left in (("first", first - second), ("second", second - first)):
            if len(left):
                evidence.problem(f"{want}: only the {what} time came {left.shown(want.key)}")


def _selections(names: list[str], key: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield selections in another order than the stream's own, one with the key, one without."""
    others = tuple(name for name in reversed(names) if name not in key)
    yield from dict.fromkeys((tuple(reversed(names)), (*others[:1], *key), others[:1] or key))


def _unlike(
    names: tuple[str, ...], reads: list[Read], schema: pa.Schema, whole: Records
) -> Iterator[str]:
    """Say how *reads* are not the columns *names* of the *whole*."""
    if not reads:
        yield "no batch came"
    for read in reads:
        if tuple(read.data.schema.names) != names:
            yield f"the fields {', '.join(read.data.schema.names)} came"
            return
        changed = [field.name for field in read.data.schema if field != schema.field(field.name)]
        if changed:
            yield f"{', '.join(changed)} has another type than in the whole stream"
            return
    if records_of(reads).counts != whole.only(names).counts:
        yield "the values are others than in the whole stream"


RULES = (primary_key, columns, deterministic)
