"""The rule about secrets: whatever happens, none of them is said anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from dativo.config import Redactor
from dativo.contract import Role, Secret
from dativo.errors import DativoError
from dativo.testing._checking import AnySubject, Situation, broken_situations
from dativo.testing._exercised import exercised, undone
from dativo.testing._rules import Evidence, NotVerified, rule
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
    for place, text in (("standard output", end.output), ("standard error", end.errors)):
        _look(place, text, hidden, evidence)
    evidence.looked(
        f"{texts} texts and all that was printed in {len(situations)} situations, for "
        f"{len(secrets)} secrets in all their forms"
    )
    if not end.has_ended:
        evidence.gap(f"it could not be looked at to the end: {end.reason}")


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
            return dict(_of(bench.side.config, ""))
    except DativoError:
        return {}


def _of(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Secret):
        yield path, value.reveal()
        return
    items: Iterator[tuple[object, object]] = iter(())
    if attrs.has(type(value)):
        items = ((field.name, getattr(value, field.name)) for field in attrs.fields(type(value)))
    elif isinstance(value, Mapping):
        items = iter(value.items())
    elif isinstance(value, tuple | list):
        items = iter(enumerate(value))
    for name, item in items:
        yield from _of(item, f"{path}.{name}" if path else str(name))


RULES = (secrets_hidden,)
