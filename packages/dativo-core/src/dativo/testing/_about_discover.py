"""Rules about ``discover``: everything that is there, always the same, and true."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence

import pyarrow as pa

from dativo.contract import Role, Stream, StreamStatus, matches_pattern
from dativo.errors import AuthenticationError, DativoError, ResourceNotFoundError
from dativo.testing._cases import Denied
from dativo.testing._open_things import left_open
from dativo.testing._reading import declared_schema
from dativo.testing._rules import Evidence, NotVerified, rule
from dativo.testing._subject import SourceSubject, given

__all__ = ["RULES"]


@rule("discover.complete", Role.SOURCE)
def complete(subject: SourceSubject, evidence: Evidence) -> None:
    """Discovery finds all streams and no others, each once; one that is closed says why."""
    expected = set(subject.cases.streams)
    if not expected:
        raise NotVerified("cases.streams names no stream that discovery must find")
    found = Counter(stream.name for stream in subject.found)
    evidence.looked(f"{len(found)} streams found, {len(expected)} expected")
    for what, names in (
        ("does not find", expected - set(found)),
        ("finds what cases.streams does not name:", set(found) - expected),
        ("tells more than once:", {name for name, count in found.items() if count > 1}),
    ):
        if names:
            evidence.problem(f"discover {what} {_names(names)}")
    for stream in subject.found:
        _look_at_status(stream, evidence)


@rule("discover.denied", Role.SOURCE)
def denied(subject: SourceSubject, evidence: Evidence) -> None:
    """A stream without access is listed with a status and a reason, and reading it is refused.

    A system that hides what may not be seen cannot be listed; reading is then refused all the same.
    """
    case = given(subject.cases.missing_privilege)
    with subject.open(case.config) as bench:
        found = {stream.name: stream for stream in bench.discover()}
    stream = found.get(case.stream)
    if stream is None:
        evidence.looked(f"{case.stream} is not listed without the privilege")
    else:
        evidence.looked(f"{case.stream} is listed as {stream.status.value}")
        _look_at_status(stream, evidence)
        if stream.status is not StreamStatus.UNREADABLE:
            evidence.problem(
                f"discover says that {case.stream} is {stream.status.value} although the settings "
                "of cases.missing_privilege may not read it"
            )
    _look_at_refusal(subject, case, evidence)


@rule("discover.deterministic", Role.SOURCE)
def deterministic(subject: SourceSubject, evidence: Evidence) -> None:
    """Discovery says the same of the same system twice."""
    first = {stream.name: _said(stream) for stream in subject.found}
    with subject.open() as bench:
        second = {stream.name: _said(stream) for stream in bench.discover()}
    evidence.looked(f"{len(first)} streams, twice")
    if not first and not second:
        raise NotVerified("no stream was found")
    for name in sorted(first.keys() | second.keys()):
        if name not in first or name not in second:
            evidence.problem(f"{name} was found once of two times")
            continue
        for what, before in first[name].items():
            after = second[name][what]
            if before != after:
                evidence.problem(f"the {what} of {name} was first {before}, then {after}")


@rule("discover.narrowed", Role.SOURCE)
def narrowed(subject: SourceSubject, evidence: Evidence) -> None:
    """Patterns and limits leave out nothing that is wanted, and discovery can be stopped."""
    names = [stream.name for stream in subject.found]
    if not names:
        raise NotVerified("no stream was found")
    patterns = list(_patterns(names))
    for pattern in patterns:
        _look_at_narrowing(subject, (pattern,), names, evidence)
    _look_at_narrowing(subject, (names[0], names[-1]), names, evidence)
    evidence.looked(f"{len(patterns)} patterns, each with and without a limit")

    def stop() -> None:
        with subject.open() as bench, contextlib.closing(_one_by_one(bench.discover())) as found:
            next(found)

    kept = left_open(stop)
    evidence.looked("discovery stopped after one stream")
    if kept:
        evidence.problem(f"discovery that is stopped after one stream leaves open: {kept}")


@rule("discover.capabilities", Role.SOURCE)
def capabilities(subject: SourceSubject, evidence: Evidence) -> None:
    """A stream offers only modes of its source, and its key and cursors are fields of its own."""
    for stream in subject.found:
        if not stream.read_modes:
            evidence.problem(f"{stream.name} has no read mode at all")
        more = [mode.value for mode in stream.read_modes if mode not in subject.info.read_modes]
        if more:
            evidence.problem(f"{stream.name} has the read mode {_names(more)}, its source has not")
        _look_at_fields(stream, evidence)
    if not subject.found:
        raise NotVerified("no stream was found")
    evidence.looked(f"{len(subject.found)} streams")


def _one_by_one(found: Iterable[Stream]) -> Generator[Stream, None, None]:
    """Iterate so that closing the result closes *found*."""
    yield from found


def _look_at_status(stream: Stream, evidence: Evidence) -> None:
    if stream.status is StreamStatus.READABLE:
        if stream.problem is not None:
            evidence.problem(f"{stream.name} is readable and has the problem {stream.problem.code}")
    elif stream.problem is None:
        evidence.problem(f"{stream.name} is unreadable and does not say why (Stream.problem)")


def _look_at_refusal(subject: SourceSubject, case: Denied, evidence: Evidence) -> None:
    stream = next((one for one in subject.found if one.name == case.stream), None)
    if stream is None:
        evidence.gap(f"the good settings do not find {case.stream} of cases.missing_privilege")
        return
    with subject.open(case.config) as bench:
        request = bench.request(stream, subject.cases.selections.get(stream.name, {}))
        try:
            rows = sum(read.data.num_rows for read in bench.read(request))
        except DativoError as error:
            evidence.looked(f"reading {case.stream} is refused with {error.code}")
            if not isinstance(error, AuthenticationError | ResourceNotFoundError):
                evidence.problem(
                    f"reading {case.stream} without the privilege ends with {error.code} "
                    f"({error.message}); say INSUFFICIENT_PERMISSIONS"
                )
            return
    evidence.problem(f"reading {case.stream} without the privilege gives {rows} records, no error")


def _look_at_narrowing(
    subject: SourceSubject, patterns: Sequence[str], names: Sequence[str], evidence: Evidence
) -> None:
    wanted = {name for name in names if any(matches_pattern(name, one) for one in patterns)}
    for limit in (None, 1, len(wanted)):
        with subject.open() as bench:
            found = {stream.name for stream in bench.discover(*patterns, limit=limit)}
        least = len(wanted) if limit is None else min(limit, len(wanted))
        if len(found & wanted) < least:
            bound = "" if limit is None else f" and the limit {limit}"
            evidence.problem(
                f"with the patterns {_names(patterns)}{bound} discover finds {_names(found)}; "
                f"{least} of {_names(wanted)} are wanted"
            )


def _look_at_fields(stream: Stream, evidence: Evidence) -> None:
    for what, names in (("primary_key", stream.primary_key), ("cursors", stream.cursors)):
        if len(set(names)) < len(names):
            evidence.problem(f"{what} of {stream.name} names a field twice: {_names(names)}")
    schema = declared_schema(stream)
    if schema is None:
        return
    for what, names in (("primary_key", stream.primary_key), ("cursors", stream.cursors)):
        foreign = [name for name in names if name not in schema.names]
        if foreign:
            evidence.problem(
                f"{what} of {stream.name} names {_names(foreign)}, which is no field of its schema"
            )


def _patterns(names: Sequence[str]) -> Iterator[str]:
    """Yield patterns of each kind that match something."""
    for name in (names[0], names[-1], names[len(names) // 2]):
        yield name
        yield f"{name[:2]}*"
        yield f"*{name[1:]}"
        yield f"{name[:-1]}?"


def _said(stream: Stream) -> dict[str, object]:
    schema = declared_schema(stream)
    return {
        "schema": None if schema is None else _text(schema),
        "kind": stream.kind,
        "primary key": stream.primary_key,
        "cursors": stream.cursors,
        "read modes": tuple(mode.value for mode in stream.read_modes),
        "status": stream.status.value,
    }


def _text(schema: pa.Schema) -> str:
    return str(schema.to_string(show_field_metadata=True, show_schema_metadata=True))


def _names(names: Iterable[str]) -> str:
    return ", ".join(sorted(set(names))) or "nothing"


RULES = (complete, denied, deterministic, narrowed, capabilities)
