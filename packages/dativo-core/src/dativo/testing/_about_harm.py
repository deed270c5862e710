"""The rule that a check changes nothing and leaves nothing open."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator

from dativo.contract import Role, StreamRequest
from dativo.errors import DativoError
from dativo.testing._cases import Settings
from dativo.testing._checking import AnySubject, broken_situations, requests
from dativo.testing._open_things import left_open
from dativo.testing._rules import Evidence, NotVerified, rule
from dativo.testing._subject import WriterSubject
from dativo.testing._target import Row, Target, contents, orders, targets

__all__ = ["RULES"]


@rule("check.harmless", Role.SOURCE, Role.WRITER, seconds=240.0)
def harmless(subject: AnySubject, evidence: Evidence) -> None:
    """A check changes nothing that is published, and leaves nothing open nor behind."""
    streams = requests(subject)
    for name, settings in _situations(subject):
        left = left_open(functools.partial(_check, subject, settings, streams))
        evidence.looked(f"what is open after a check of {name}")
        if left:
            evidence.problem(f"a check of {name} leaves open: {left}")
            return  # the others would only say so again
    if isinstance(subject, WriterSubject):
        for target in targets(subject):
            _look_at_target(subject, target, evidence)


def _look_at_target(subject: WriterSubject, target: Target, evidence: Evidence) -> None:
    target.publish(1, orders(range(3), "before"))
    before = target.last_commit()
    rows, staged = _published(target), _staged(subject)
    _check(subject, subject.cases.good, (StreamRequest(stream=target.stream),))
    evidence.looked(f"{target.mode.value}: what is published, before and after a check")
    after, now = target.last_commit(), _published(target)
    if rows is None:
        evidence.gap("the writer has no read_back, so only last_commit was compared")
    for what, old, new in (("last_commit", before, after), ("read_back", rows, now)):
        if new != old:
            evidence.problem(
                f"a check changes what {what} of {target.stream!r} ({target.mode.value}) gives: "
                f"{old} before, {new} after"
            )
    left = sorted(_staged(subject) - staged)
    if left:
        evidence.problem(f"a check leaves things behind in the target, such as {left[0]}")


def _staged(subject: WriterSubject) -> set[str]:
    """Return what lies in the target unpublished, where the vendor says how to see that."""
    return set(subject.cases.staged()) if callable(subject.cases.staged) else set()


def _published(target: Target) -> list[Row] | None:
    try:
        return contents(target.published())
    except NotVerified:
        return None


def _situations(subject: AnySubject) -> Iterator[tuple[str, Settings]]:
    yield "good", subject.cases.good
    for situation in broken_situations(subject.cases):
        if not situation.name.startswith("errors["):
            yield situation.name, situation.settings


def _check(subject: AnySubject, settings: Settings, streams: tuple[StreamRequest, ...]) -> None:
    # What a check says is the matter of other rules.
    with contextlib.suppress(DativoError), subject.open(settings) as bench:
        bench.check(*streams)


RULES = (harmless,)
