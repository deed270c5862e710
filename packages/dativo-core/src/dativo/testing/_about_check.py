"""Rules about ``check_connection``: what is not there or not allowed is never green."""

from __future__ import annotations

import contextlib
import socket
from collections import Counter
from collections.abc import Iterator

from dativo.contract import ReadMode, Role, Stream, StreamRequest, Verdict
from dativo.errors import (
    AuthenticationError,
    ConnectionFailedError,
    InsufficientPermissionsError,
    InvalidConfigError,
    RateLimitError,
)
from dativo.plugins import load_connector
from dativo.testing._cases import Denied, Settings
from dativo.testing._checking import (
    AnySubject,
    Checked,
    Situation,
    broken_situations,
    checked,
    requests,
    requests_for,
    shown,
)
from dativo.testing._references import led_to
from dativo.testing._rules import Evidence, rule
from dativo.testing._subject import SourceSubject, Subject, given

__all__ = ["RULES"]

_NOWHERE = "dativo_kit_no_such_stream"
_ENOUGH = 2
_NAMED = 3


@rule("check.good", Role.SOURCE, Role.WRITER)
def good(subject: AnySubject, evidence: Evidence) -> None:
    """With good settings a check passes, and says what it has looked at, each stream included."""
    streams = requests(subject)
    found = checked(subject, evidence, Situation("good", subject.cases.good), *streams)
    if found is None:
        return
    result = found.result
    evidence.looked(shown(result))
    if result.verdict is not Verdict.OK:
        evidence.problem(f"the check of the good settings is {shown(result)}")
    missing = [one.stream for one in streams if found.of_stream(one.stream) is None]
    if missing:
        evidence.problem(
            f"no item is about {_listed(missing)}; the streams of a job are in context.streams, "
            "and each is an item whose scope is 'stream NAME'"
        )
    scopes = Counter(item.scope for item in result.items)
    for scope, times in scopes.items():
        if times > 1:
            evidence.problem(f"{times} items have the scope {scope!r}; scopes are unique")
    for item in result.items:
        if item.verdict is Verdict.SKIPPED and not item.message.strip():
            evidence.problem(f"the item {item.scope!r} is skipped and does not say why")


@rule("check.bad_credentials", Role.SOURCE, Role.WRITER)
def bad_credentials(subject: Subject, evidence: Evidence) -> None:
    """With bad credentials a check fails, and says that they are what is wrong."""
    settings = given(subject.cases.bad_credentials)
    found = checked(subject, evidence, Situation("bad_credentials", settings))
    if found is None:
        return
    evidence.looked(shown(found.result))
    wrong = [error for error in found.errors if isinstance(error, AuthenticationError)]
    if found.result.verdict in (Verdict.OK, Verdict.NOT_IMPLEMENTED):
        evidence.problem(f"the check with bad credentials is {shown(found.result)}")
    elif all(isinstance(error, InsufficientPermissionsError) for error in wrong):
        evidence.problem(
            f"no item says that the credentials are wrong: {shown(found.result)}; use "
            "InvalidCredentialsError, TokenExpiredError or AuthenticationError"
        )


@rule("check.unreachable", Role.SOURCE, Role.WRITER, seconds=240.0)
def unreachable(subject: Subject, evidence: Evidence) -> None:
    """Where nobody is there or nobody answers, a check fails in its time and says so."""
    settings = given(subject.cases.unreachable)
    _look_where_nobody_is(subject, evidence, Situation("unreachable", settings))
    info = load_connector(subject.connector, subject.role).info
    with subject.open(settings) as bench:
        config = bench.side.config
    with _silent_host() as address:
        silent = led_to(address, settings, config=config, permissions=info.permissions)
        if silent is None:
            evidence.looked("no permission names a setting as host, so none led to a silent host")
        else:
            situation = Situation("a host that takes connections and never answers", silent)
            _look_where_nobody_is(subject, evidence, situation)


@rule("check.missing_privilege", Role.SOURCE, Role.WRITER)
def missing_privilege(subject: AnySubject, evidence: Evidence) -> None:
    """A missing privilege fails the item of its stream, and no other."""
    denied = given(subject.cases.missing_privilege)
    is_source = isinstance(subject, SourceSubject)
    situation = Situation("missing_privilege", denied.config, denied.stream)
    streams = requests_for(subject, situation)
    if is_source and denied.stream not in {one.stream for one in streams}:
        evidence.problem(
            f"missing_privilege names the stream {denied.stream!r}, which discover does not find "
            "with the good settings"
        )
        return
    found = checked(subject, evidence, situation, *streams)
    if found is None:
        return
    evidence.looked(shown(found.result))
    if found.result.verdict in (Verdict.OK, Verdict.NOT_IMPLEMENTED):
        evidence.problem(f"the check without a privilege is {shown(found.result)}")
    elif not found.has(InsufficientPermissionsError):
        evidence.problem(
            f"no item says that a privilege is missing: {shown(found.result)}; use "
            "InsufficientPermissionsError"
        )
    elif is_source:
        _look_at_streams(found, denied, streams, evidence)


@rule("check.honest", Role.SOURCE, Role.WRITER, seconds=240.0)
def honest(subject: AnySubject, evidence: Evidence) -> None:
    """No situation in which something is wrong is green, and each failure has its error."""
    tried = 0
    for situation in broken_situations(subject.cases):
        streams = requests_for(subject, situation)
        tried += _look_at_broken(subject, evidence, situation, *streams)
    if isinstance(subject, SourceSubject):
        with subject.open() as bench:
            nowhere = bench.request(Stream(name=_NOWHERE), {}, ReadMode.FULL)
        situation = Situation("a stream that does not exist", subject.cases.good)
        tried += _look_at_broken(subject, evidence, situation, nowhere)
    if tried < _ENOUGH:
        evidence.gap(
            f"{tried} situations in which something is wrong are too few to tell a check from one "
            "that always says ok; give bad_credentials, unreachable, missing_privilege or errors"
        )


@contextlib.contextmanager
def _silent_host() -> Iterator[tuple[str, int]]:
    """Listen on a port of this machine; the system takes connections, and nobody answers."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(64)
        host, port = server.getsockname()
        yield host, port


def _look_where_nobody_is(subject: Subject, evidence: Evidence, situation: Situation) -> None:
    found = checked(subject, evidence, situation)
    if found is None:
        return
    evidence.looked(f"{situation.name}: {shown(found.result)} after {found.seconds:.1f} s")
    lost = [error for error in found.errors if isinstance(error, ConnectionFailedError)]
    if found.result.verdict in (Verdict.OK, Verdict.NOT_IMPLEMENTED):
        evidence.problem(f"the check of {situation.name} is {shown(found.result)}")
    elif all(isinstance(error, RateLimitError) for error in lost):
        evidence.problem(
            f"no item says that the connection is what is wrong: {situation.name}: "
            f"{shown(found.result)}; use NetworkError or ConnectTimeoutError"
        )


def _look_at_streams(
    found: Checked, denied: Denied, streams: tuple[StreamRequest, ...], evidence: Evidence
) -> None:
    item = found.of_stream(denied.stream)
    if item is None or not isinstance(item.error, InsufficientPermissionsError):
        what = "is missing" if item is None else f"is {item.verdict.value}"
        evidence.problem(
            f"the item 'stream {denied.stream}' {what}; it must fail with "
            f"InsufficientPermissionsError: {shown(found.result)}"
        )
    for one in streams:
        other = found.of_stream(one.stream)
        if one.stream != denied.stream and (other is None or other.verdict is not Verdict.OK):
            what = "missing" if other is None else other.verdict.value
            evidence.problem(
                f"the item 'stream {one.stream}' is {what}, although the privilege is missing for "
                f"{denied.stream!r} only"
            )


def _look_at_broken(
    subject: Subject, evidence: Evidence, situation: Situation, *streams: StreamRequest
) -> bool:
    """Say whether it could be looked at: an error of the settings is none of the check."""
    if not _takes(subject, situation.settings):
        return False
    found = checked(subject, evidence, situation, *streams)
    if found is None:
        return True
    evidence.looked(f"{situation.name}: {shown(found.result)}")
    # What only a read runs into, such as a limit, need not show in a check.
    is_of_a_read = situation.name.startswith("errors[")
    if found.result.verdict is Verdict.OK and not is_of_a_read:
        evidence.problem(f"the check of {situation.name} is green: {shown(found.result)}")
    for item in found.result.items:
        if item.verdict is Verdict.FAILED and (item.error is None or not item.message.strip()):
            evidence.problem(
                f"the item {item.scope!r} of {situation.name} fails without saying why; make it by "
                "CheckItem.failed(scope, error)"
            )
    return True


def _takes(subject: Subject, settings: Settings) -> bool:
    try:
        with subject.open(settings):
            return True
    except InvalidConfigError:
        return False


def _listed(names: list[str]) -> str:
    shown_names = ", ".join(repr(name) for name in names[:_NAMED])
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"the stream{'s' if len(names) > 1 else ''} {shown_names}{more}"


RULES = (good, bad_credentials, unreachable, missing_privilege, honest)
