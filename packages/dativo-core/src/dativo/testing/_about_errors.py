"""Rules about errors: each is declared, can be brought about, and says what to do."""

from __future__ import annotations

import functools
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping

import attrs

from dativo.contract import ReadMode, Role, Stream, StreamRequest
from dativo.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    DativoError,
    InvalidConfigError,
    PluginExecutionError,
    RateLimitError,
    catalog,
)
from dativo.plugins import load_connector
from dativo.testing._bench import Bench
from dativo.testing._cases import Inapplicable, Settings
from dativo.testing._checking import (
    AnySubject,
    Situation,
    broken_situations,
    requests,
    requests_for,
)
from dativo.testing._rules import Evidence, rule
from dativo.testing._subject import SourceSubject, WriterSubject
from dativo.testing._target import Target, orders

__all__ = ["RULES"]

_BATCHES = 20
_LONGEST = 1_000
_NOWHERE = "dativo_kit_no_such_stream"
_UGLY: Mapping[str, re.Pattern[str]] = {
    "a traceback": re.compile(r'Traceback \(most recent call last\)|File ".+", line \d+'),
    "the repr of an object": re.compile(r"<[^<>]* (object )?at 0x[0-9a-fA-F]+>"),
    "the repr of an exception": re.compile(r"\b\w+(Error|Exception|Refused|Timeout)\(['\"\d]"),
}


@attrs.frozen
class _Seen:
    """An error, and the situation that it ended."""

    situation: str
    error: DativoError


@rule("errors.catalogued", Role.SOURCE, Role.WRITER, seconds=300.0)
def catalogued(subject: AnySubject, evidence: Evidence) -> None:
    """What its failures end with is declared, and what is declared can be brought about."""
    declared = {one.code for one in load_connector(subject.connector, subject.role).info.errors}
    known = {entry.code for entry in catalog()}
    for code in sorted(declared - known):
        evidence.problem(f"describe declares the error {code!r}, which dativo.errors does not have")
    seen = list(_seen(subject))
    for one in seen:
        evidence.looked(f"{one.situation}: {one.error.code}")
        _look_at_code(one, declared, known, evidence)
    found = {one.error.code for one in seen}
    for code, settings in subject.cases.errors.items():
        if isinstance(settings, Inapplicable):
            evidence.looked(f"{code} is not brought about: {settings.reason}")
            found.add(code)
            continue
        ended = [one.error.code for one in seen if one.situation == f"errors[{code!r}]"]
        if code not in ended:
            evidence.problem(
                f"errors[{code!r}] does not end with {code} but with {', '.join(ended) or 'none'}"
            )
    rest = sorted((declared & known) - found)
    if rest:
        evidence.gap(
            f"no situation ends with {', '.join(rest)}, which describe declares; give settings "
            f"that do in the cases, errors={{{rest[0]!r}: {{...}}}}, or Inapplicable('why')"
        )


@rule("errors.located", Role.SOURCE, Role.WRITER, seconds=300.0)
def located(subject: AnySubject, evidence: Evidence) -> None:
    """Each error says in plain words what happened, what to do, and whether to retry."""
    for one in _seen(subject):
        error, place = one.error, f"{one.error.code} of {one.situation}"
        evidence.looked(f"{place}: {error.message[:80]}")
        if not error.message.strip():
            evidence.problem(f"{place} has no message")
        if not error.fix.strip():
            evidence.problem(f"{place} has no fix; its class has no default, so pass fix=...")
        for text in (error.message, error.fix):
            _look_at_text(place, text, evidence)
        if len(error.message) > _LONGEST:
            evidence.problem(f"the message of {place} has {len(error.message)} characters")
        _look_at_retry(place, error, evidence)
        try:
            json.dumps(error.details)
        except (TypeError, ValueError) as problem:
            evidence.problem(f"the details of {place} are no JSON values: {problem}")


def _look_at_code(one: _Seen, declared: set[str], known: set[str], evidence: Evidence) -> None:
    code = one.error.code
    if isinstance(one.error, PluginExecutionError):
        evidence.problem(
            f"{one.situation} ends with an exception that nobody classified: {one.error.message}; "
            "raise one of dativo.errors in its place"
        )
    elif code not in known:
        evidence.problem(f"{one.situation} ends with {code!r}, which dativo.errors does not have")
    elif code not in declared:
        evidence.problem(
            f"{one.situation} ends with {code}, which describe does not declare; add {code!r} to "
            "its errors"
        )


def _look_at_text(place: str, text: str, evidence: Evidence) -> None:
    for what, pattern in _UGLY.items():
        found = pattern.search(text)
        if found is not None:
            evidence.problem(f"{place} shows {what}: {found[0]}")


def _look_at_retry(place: str, error: DativoError, evidence: Evidence) -> None:
    """Schedulers rely on the families; only what a server limits or serves may differ."""
    families = (AuthenticationError, ConfigurationError, ConnectionFailedError)
    is_firm = isinstance(error, families) and not isinstance(error, RateLimitError)
    if is_firm and error.retryable != type(error).default_retryable:
        evidence.problem(
            f"{place} has retryable={error.retryable}; {type(error).__name__} has "
            f"{type(error).default_retryable}, and schedulers go by that"
        )


def _seen(subject: AnySubject) -> Iterator[_Seen]:
    """Yield the errors of all situations, by a check and, where that shows none, by work."""
    for situation in broken_situations(subject.cases):
        wanted = situation.name.removeprefix("errors['").removesuffix("']")
        errors = list(_of_situation(subject, situation, wanted))
        yield from (_Seen(situation.name, error) for error in errors)
    if isinstance(subject, SourceSubject):
        with subject.open() as bench:
            nowhere = bench.request(Stream(name=_NOWHERE), {}, ReadMode.FULL)
            for error in _raised(lambda: _drain(bench, nowhere)):
                yield _Seen("reading a stream that does not exist", error)


def _of_situation(subject: AnySubject, situation: Situation, wanted: str) -> Iterator[DativoError]:
    """Yield the errors of a check; where *wanted* is not among them, those of work as well."""
    try:
        with subject.open(situation.settings) as bench:
            found = list(_of_check(bench, requests_for(subject, situation)))
            yield from found
            is_expected = wanted in {entry.code for entry in catalog()}
            if not is_expected or wanted in {error.code for error in found}:
                return
            if isinstance(subject, SourceSubject):
                for request in requests(subject):
                    yield from _raised(functools.partial(_drain, bench, request))
    except InvalidConfigError as error:
        if error.code == wanted:
            yield error
        return
    if isinstance(subject, WriterSubject):
        yield from _raised(lambda: _publish(subject, situation.settings))


def _of_check(bench: Bench, streams: tuple[StreamRequest, ...]) -> Iterator[DativoError]:
    try:
        items = bench.check(*streams).items
    except DativoError as error:
        yield error
        return
    yield from (item.error for item in items if item.error is not None)


def _raised(call: Callable[[], object]) -> Iterator[DativoError]:
    try:
        call()
    except DativoError as error:
        yield error


def _drain(bench: Bench, request: StreamRequest) -> None:
    for _ in itertools.islice(bench.read(request), _BATCHES):
        pass


def _publish(subject: WriterSubject, settings: Settings) -> None:
    mode = subject.info.write_modes[0]
    target = Target(
        connector=subject.connector,
        settings=settings,
        options=subject.cases.options,
        stream="kit_errors",
        mode=mode,
        primary_key=("id",),
    )
    target.publish(1, orders(range(3)))


RULES = (catalogued, located)
