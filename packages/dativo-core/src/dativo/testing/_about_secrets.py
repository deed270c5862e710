"""The rule about secrets: whatever happens, none of them is said anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dativo.config import Redactor
from dativo.contract import Role
from dativo.errors import DativoError
from dativo.testing._checking import AnySubject, Situation, broken_situations
from dativo.testing._child import ChildEnd
from dativo.testing._exercised import exercised, undone
from dativo.testing._rules import Evidence, NotVerified, rule
from dativo.testing._secret_values import secrets_in
from dativo.testing._subject import Subject

__all__ = ["RULES", "secrets_of"]

_SHORTEST = 8
_AROUND = 60


@rule("secrets.hidden", Role.SOURCE, Role.WRITER, seconds=600.0)
def secrets_hidden(subject: AnySubject, evidence: Evidence) -> None:
    """No secret of the settings, in any form, is in what it says, logs, prints or stores."""
    situations = [Situation("good", subject.cases.good), *broken_situations(subject.cases)]
    known = {one.name: secrets_of(subject, one) for one in situations}
    secrets = {value: path for found in known.values() for path, value in found.items()}
    hidden = _hidden(secrets, evidence)
    if not secrets:
        evidence.looked("no setting is a Secret")
        return
    end = exercised(subject, situations, light=False)
    if not end.answers:
        msg = f"nothing came back from a fresh interpreter: {end.reason}"
        raise NotVerified(msg)
    missing = undone(subject, end.answers[0])
    if missing:
        evidence.gap(missing)
    texts = 0
    for answer in end.answers[: len(situations)]:
        for place, text in answer.get("texts", ()):
            texts += 1
            _look(f"{place} [{answer['situation']}]", text, hidden, evidence)
    for place, text in _of_the_process(end):
        _look(place, text, hidden, evidence)
    evidence.looked(
        f"{texts} texts and all that was printed in {len(situations)} situations, for "
        f"{len(secrets)} secrets in all their forms"
    )
    if not end.has_ended:
        evidence.gap(f"it could not be looked at to the end: {end.reason}")


def _of_the_process(end: ChildEnd) -> Iterator[tuple[str, str]]:
    """Yield what others of the machine see: what was printed, and the arguments of programs."""
    yield "standard output", end.output
    yield "standard error", end.errors
    for text, place in end.answers[-1].get("arguments", ()):
        yield f"the arguments of a program [{place}]", text


def _hidden(secrets: Mapping[str, str], evidence: Evidence) -> dict[str, Redactor]:
    """Return what knows all forms of the secrets, by path; short ones cannot be searched for."""
    found: dict[str, list[str]] = {}
    for value, path in secrets.items():
        if len(value) < _SHORTEST:
            evidence.gap(
                f"the secret {path} has {len(value)} characters, too few to search for; give one "
                f"of at least {_SHORTEST} in the cases"
            )
        else:
            found.setdefault(path, []).append(value)
    return {path: Redactor(values) for path, values in found.items()}


def _look(place: str, text: str, hidden: Mapping[str, Redactor], evidence: Evidence) -> None:
    for path, redactor in hidden.items():
        shown = redactor.redact(text)
        if shown != text:
            evidence.problem(f"{place} shows the secret {path}: {_around(shown)}")


def _around(shown: str) -> str:
    at = shown.find("****")
    start, end = max(0, at - _AROUND), at + _AROUND
    return f"{'... ' if start else ''}{shown[start:end]}{' ...' if end < len(shown) else ''}"


def secrets_of(subject: Subject, situation: Situation) -> dict[str, str]:
    """Return all secrets of a situation's settings by path; none where they are refused."""
    try:
        with subject.open(situation.settings) as bench:
            return dict(secrets_in(bench.side.config))
    except DativoError:
        return {}


RULES = (secrets_hidden,)
