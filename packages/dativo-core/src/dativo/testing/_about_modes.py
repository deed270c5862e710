"""The rule about modes: what is declared works, and nothing is read as something else."""

from __future__ import annotations

from typing import Any

import attrs

from dativo.contract import ReadMode, Role
from dativo.errors import DativoError
from dativo.testing._bench import Read
from dativo.testing._reading import NO_FIELD, Wanted, attempt, not_refused, streams, wanted
from dativo.testing._records import Records, records_of
from dativo.testing._rules import Evidence, rule
from dativo.testing._subject import SourceSubject

__all__ = ["RULES"]

_BATCH_ROWS = 10
_NO_STREAM = "dativo_kit_no_such_stream"
_NO_CONDITION = "dativo kit: no condition (("


@rule("modes.honest", Role.SOURCE)
def honest(subject: SourceSubject, evidence: Evidence) -> None:
    """What is declared works, and what cannot be is refused and never read as something else."""
    for mode in subject.info.read_modes:
        if not any(mode in stream.read_modes for stream, _ in streams(subject)):
            evidence.gap(f"no stream of the good settings can be read in the mode {mode.value}")
    for want in wanted(subject):
        evidence.looked(f"{want}: {len(want.records())} records")
        _look_at_cursors(want, evidence)
    for want in wanted(subject, declared=False):
        _refused(want, "a mode that the stream does not have", attempt(want), evidence)
    _look_at_what_is_not_there(subject, evidence)
    if subject.info.filters:
        _look_at_filters(subject, evidence)
    if subject.info.queries:
        _look_at_queries(subject, evidence)


def _look_at_what_is_not_there(subject: SourceSubject, evidence: Evidence) -> None:
    for want in wanted(subject, *subject.info.read_modes[:1]):
        came = attempt(want, stream=_NO_STREAM)
        _refused(want, "a stream that there is not", came, evidence)
        if not subject.info.queries:
            came = attempt(want, query="select 1 as one")
            _refused(want, "a query, which the source does not have", came, evidence)
        if not subject.info.filters:
            came = attempt(want, where="1 = 1")
            _refused(want, "a where, which the source does not have", came, evidence)


def _look_at_cursors(want: Wanted, evidence: Evidence) -> None:
    if want.mode is not ReadMode.INCREMENTAL or not want.stream.cursors:
        return
    came = attempt(want, cursor=NO_FIELD)
    _refused(want, "a cursor that there is not", came, evidence)
    came = attempt(want, cursor=None)
    if isinstance(came, DativoError):
        _refused(want, "an incremental read without a cursor", came, evidence)
    elif len(records_of(came)) and not any(read.checkpoint for read in came):
        evidence.problem(f"{want}: without a cursor it is read, but there is no checkpoint")


def _look_at_filters(subject: SourceSubject, evidence: Evidence) -> None:
    conditions = subject.cases.conditions
    if not conditions:
        evidence.gap(
            "the source has filters; give a condition that some records of a stream fulfil in "
            "cases.conditions"
        )
    for want in wanted(subject):
        if want.stream.name in conditions:
            _look_at_filter(want, conditions[want.stream.name], evidence)


def _look_at_filter(want: Wanted, condition: str, evidence: Evidence) -> None:
    whole, some = want.records(), want.records(where=condition)
    evidence.looked(f"{want}: {len(some)} of {len(whole)} records with a where")
    more = some - whole
    if len(more):
        evidence.problem(f"{want}: with a where come further records: {more.shown(want.key)}")
    if not 0 < len(some) < len(whole):
        evidence.problem(
            f"{want}: with the where of cases.conditions come {len(some)} of {len(whole)} records; "
            "some are expected, but not all"
        )
    _look_at_same_filter(want, condition, some, evidence)
    _refused(want, "a where that is none", attempt(want, where=_NO_CONDITION), evidence)


def _look_at_same_filter(want: Wanted, condition: str, some: Records, evidence: Evidence) -> None:
    """Read what fulfils a condition on several pages, and without the fields that it is about."""
    small = attrs.evolve(want, limits={"batch_rows": _BATCH_ROWS})
    ways = [("in smaller batches", small.records(where=condition), some)]
    key = tuple(name for name in some.names if name in want.key)
    came = attempt(want, where=condition, columns=key) if key else []
    if key and isinstance(came, list):
        ways.append(("and fewer columns", records_of(came), some.only(key)))
    for how, found, expected in ways:
        for left in (found - expected, expected - found):
            if len(left):
                evidence.problem(
                    f"{want}: with the same where {how} come others: {left.shown(want.key)}"
                )


def _look_at_queries(subject: SourceSubject, evidence: Evidence) -> None:
    query = subject.cases.query
    if query is None:
        evidence.gap("the source has queries; give one that finds records in cases.query")
        return
    want = next(wanted(subject, ReadMode.FULL))
    bare: dict[str, Any] = {"stream": "dativo_kit_query", "primary_key": ()}
    rows = len(want.records(query=query, **bare))
    evidence.looked(f"a query: {rows} records")
    if not rows:
        evidence.problem("the query of cases.query gives no records")
    came = attempt(want, query=_NO_CONDITION, **bare)
    _refused(want, "a query that is none", came, evidence)


def _refused(want: Wanted, what: str, came: list[Read] | DativoError, evidence: Evidence) -> None:
    told = not_refused(came)
    if told:
        evidence.problem(f"{want}, asked for {what}: {told}")
    elif isinstance(came, DativoError):
        evidence.looked(f"{want}, asked for {what}: {came.code}")


RULES = (honest,)
