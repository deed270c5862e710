"""Calling ``check_connection`` in the situations that a vendor gives, within a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence

import attrs

from dativo.contract import (
    CheckItem,
    ConnectionTestResult,
    ReadMode,
    StreamRequest,
    Verdict,
)
from dativo.errors import CapabilityMissingError, DativoError
from dativo.testing._bench import Bench
from dativo.testing._cases import Cases, Inapplicable, Settings
from dativo.testing._rules import Evidence
from dativo.testing._subject import SourceSubject, Subject, WriterSubject

__all__ = [
    "AnySubject",
    "Checked",
    "Situation",
    "broken_situations",
    "checked",
    "requests",
    "requests_for",
    "shown",
]

AnySubject = SourceSubject | WriterSubject


@attrs.frozen
class Situation:
    """Settings, and what the cases call them.

    Attributes:
        name: What the cases call them.
        settings: The settings.
        denied: The stream for which they lack a privilege; empty if that is not what they lack.
    """

    name: str
    settings: Settings
    denied: str = ""


@attrs.frozen
class Checked:
    """What a check said, and how long it took."""

    result: ConnectionTestResult
    seconds: float

    @property
    def errors(self) -> list[DativoError]:
        """The errors of all items."""
        return [item.error for item in self.result.items if item.error is not None]

    def has(self, *kinds: type[DativoError]) -> bool:
        """Whether an item says that it is one of *kinds*."""
        return any(isinstance(error, kinds) for error in self.errors)

    def of_stream(self, name: str) -> CheckItem | None:
        """Return the item of a stream, whose scope is ``stream NAME``."""
        items = (item for item in self.result.items if item.scope == f"stream {name}")
        return next(items, None)


def broken_situations(cases: Cases) -> Iterator[Situation]:
    """Yield all situations with settings that do not work."""
    given = {"bad_credentials": cases.bad_credentials, "unreachable": cases.unreachable}
    for name, settings in given.items():
        if not isinstance(settings, Inapplicable):
            yield Situation(name, settings)
    if not isinstance(cases.missing_privilege, Inapplicable):
        denied = cases.missing_privilege
        yield Situation("missing_privilege", denied.config, denied.stream)
    for code, settings in cases.errors.items():
        if not isinstance(settings, Inapplicable):
            yield Situation(f"errors[{code!r}]", settings)


def requests(subject: AnySubject) -> tuple[StreamRequest, ...]:
    """Return the requests of a job that reads every stream; none for a writer."""
    if not isinstance(subject, SourceSubject):
        return ()
    with subject.open() as bench:
        return tuple(
            bench.request(stream, selection, ReadMode.FULL)
            for stream, selection in subject.readable()
        )


def requests_for(subject: AnySubject, situation: Situation) -> tuple[StreamRequest, ...]:
    """Return the requests that a privilege is missing for, among others; none in other situations.

    A writer is asked for the stream alone that it may not write.
    """
    if not situation.denied:
        return ()
    if isinstance(subject, SourceSubject):
        return requests(subject)
    return (StreamRequest(stream=situation.denied),)


def checked(
    subject: Subject, evidence: Evidence, situation: Situation, *streams: StreamRequest
) -> Checked | None:
    """Check in a *situation*; ``None`` if there is no result, which is noted as a problem.

    A hook that is missing or says ``NotImplementedError`` is an item, as in the engine.
    """
    with subject.open(situation.settings) as bench:
        seconds = subject.cases.check_seconds
        bench.control.deadline = time.monotonic() + seconds
        ended: list[ConnectionTestResult | BaseException] = []
        thread = threading.Thread(
            target=lambda: ended.append(_attempt(bench, streams)),
            name=f"check {situation.name}",
            daemon=True,
        )
        started = time.monotonic()
        thread.start()
        # Twice the deadline, because a step that began before it may take its own time-out.
        thread.join(2 * seconds)
        took = time.monotonic() - started
    place = f"the check of {situation.name}"
    if not ended:
        evidence.problem(
            f"{place} is not over after {took:.1f} s although its deadline was {seconds:g} s; give "
            "connections and answers time-outs, and look at context.deadline"
        )
        return None
    found = ended[0]
    if isinstance(found, DativoError):
        evidence.problem(
            f"{place} raises {found.code}: {found.message}; failures are items, not exceptions: "
            "CheckItem.failed(scope, error)"
        )
        return None
    if isinstance(found, BaseException):
        raise found
    return Checked(found, took)


def shown(result: ConnectionTestResult) -> str:
    """Return verdict and items in one line."""
    items = ", ".join(_item(item) for item in result.items)
    return f"{result.verdict.value} ({items or 'no items'})"


def _attempt(
    bench: Bench, streams: Sequence[StreamRequest]
) -> ConnectionTestResult | BaseException:
    try:
        return bench.check(*streams)
    except CapabilityMissingError as error:
        return ConnectionTestResult(
            (CheckItem("check", Verdict.NOT_IMPLEMENTED, error.message, error),)
        )
    except BaseException as error:  # noqa: BLE001 - it is raised again in the rule's thread
        return error


def _item(item: CheckItem) -> str:
    code = "" if item.error is None else f" {item.error.code}"
    return f"{item.scope}: {item.verdict.value}{code}"
