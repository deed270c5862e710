"""Rules about a connector as a package: its manifest, its import, what it says of itself."""

from __future__ import annotations

import difflib
import re
import tempfile
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from dativo.contract import (
    CONTRACT_VERSION,
    Manifest,
    Role,
    Secret,
    SourceInfo,
    WriterInfo,
    config_schema,
    settings_of,
)
from dativo.plugins import build_manifest
from dativo.testing._child import in_child
from dativo.testing._rules import Evidence, NotVerified, rule
from dativo.testing._secret_values import secrets_in
from dativo.testing._subject import SourceSubject, Subject, WriterSubject

__all__ = ["RULES"]

_RUNS = 5
_BEYOND_DOUBT = 3.0
_SHOWN_LINES = 20


@rule("manifest.current", Role.SOURCE, Role.WRITER, needs_situations=False)
def manifest_current(subject: Subject, evidence: Evidence) -> None:
    """The installed manifest says what the code says."""
    entry = subject.entry
    write = f"run `dativo plugins manifest {entry.name} --write`, then install the package again"
    if entry.manifest is None:
        evidence.problem(f"{entry.distribution} {entry.version} has no manifest: {write}")
        return
    made = build_manifest(entry.name)
    # Built against an older minor it is as true as before.
    expected = attrs.evolve(made, contract=entry.manifest.contract)
    diff = _diff(entry.manifest, expected)
    evidence.looked(f"dativo.json of {entry.distribution} {entry.version}")
    if diff:
        evidence.problem(f"manifest and code differ; {write}:\n{diff}")


@rule("import.quick", Role.SOURCE, Role.WRITER, needs_situations=False)
def import_quick(subject: Subject, evidence: Evidence) -> None:
    """Importing it takes no more CPU time than importing the contract does."""
    best = None
    for run in range(_RUNS):
        # The least of several: the first one compiles, and others of the machine disturb.
        found = _probe("cost", subject.entry.value)
        ratio = found["connector"] / found["contract"]
        best = min(best or (ratio, found), (ratio, found), key=lambda one: one[0])
        if ratio <= 1 or (run > 0 and best[0] > _BEYOND_DOUBT):
            break
    assert best is not None
    ratio, found = best
    told = (
        f"importing {subject.entry.value!r} takes {found['connector'] * 1000:.0f} ms of CPU time, "
        f"dativo.contract alone {found['contract'] * 1000:.0f} ms"
    )
    evidence.looked(told)
    if ratio > 1:
        evidence.problem(
            f"{told}, which is the bound; import drivers and other large libraries in the hooks "
            "that need them (`python -X importtime` shows where the time goes)"
        )


@rule("import.pure", Role.SOURCE, Role.WRITER, needs_situations=False)
def import_pure(subject: Subject, evidence: Evidence) -> None:
    """Importing it does nothing but define things."""
    value = subject.entry.value
    end = in_child("_import_probe:effects", value, light=True)
    for shown, text in (("output", end.output), ("error", end.errors)):
        if text.strip() and end.has_ended:
            line = text.strip().splitlines()[0]
            evidence.problem(f"importing {value!r} prints on standard {shown}: {line}")
    if not end.has_ended:
        evidence.problem(f"importing {value!r}: {end.reason}")
        return
    evidence.looked(f"what importing {value!r} does, prints and leaves changed")
    for deed in dict.fromkeys(end.answer["did"]):
        evidence.problem(f"importing {value!r} {deed}; do that in the hook that needs it")
    for name in end.answer["changed"]:
        evidence.problem(f"importing {value!r} changes {name}, which belongs to all of the process")


@rule("describe.pure", Role.SOURCE, Role.WRITER, needs_situations=False)
def describe_pure(subject: Subject, evidence: Evidence) -> None:
    """``describe`` is quick, does no input or output, and always gives the same answer."""
    request = {"name": subject.connector, "value": subject.entry.value}
    answers = []
    with tempfile.TemporaryDirectory(prefix="dativo-kit-") as folder:
        # Another order of sets, another place: a manifest that depends on them is never current.
        for seed, place in (("1", None), ("2", Path(folder))):
            answers.append(_probe("describe", request, environ={"PYTHONHASHSEED": seed}, at=place))
    texts = [text for answer in answers for text in answer["texts"]]
    fastest = min(answers, key=lambda answer: float(answer["seconds"]))
    evidence.looked(
        f"{len(texts)} answers of describe, the first of a process in "
        f"{fastest['seconds'] * 1000:.0f} ms of CPU time"
    )
    for deed in dict.fromkeys(deed for answer in answers for deed in answer["did"]):
        evidence.problem(f"describe {deed}; it may only return values")
    other = next((text for text in texts if text != texts[0]), None)
    if other is not None:
        diff = _diff(Manifest.from_json(texts[0]), Manifest.from_json(other))
        evidence.problem(f"describe gave two different answers:\n{diff}")
    if fastest["seconds"] > fastest["contract"]:
        evidence.problem(
            f"describe takes {fastest['seconds'] * 1000:.0f} ms of CPU time; the bound is what "
            f"importing the contract takes, {fastest['contract'] * 1000:.0f} ms"
        )


@rule("config.documented", Role.SOURCE, Role.WRITER, needs_situations=False)
def config_documented(subject: SourceSubject | WriterSubject, evidence: Evidence) -> None:
    """Each setting has a help text, and the schema of all settings can be made."""
    for section, settings in _sections(subject):
        config_schema(settings)  # raises, with the place, for a type that a setting cannot have
        found = list(_settings(settings))
        evidence.looked(f"{len(found)} settings in {section}")
        for path, field, _ in found:
            text = str(field.metadata.get("dativo", {}).get("help", "")).strip()
            if not text:
                evidence.problem(
                    f"{section}.{path} has no help text; declare it by "
                    f"`{field.name}: ... = setting('What it is, with its unit.')`"
                )
            elif _words(text) == _words(field.name):
                evidence.problem(f"the help text of {section}.{path} only repeats its name")


@rule("config.secrets", Role.SOURCE, Role.WRITER, needs_situations=False)
def config_secrets(subject: SourceSubject | WriterSubject, evidence: Evidence) -> None:
    """Settings that are secrets by their name have the type ``Secret``, and no default."""
    for section, settings in _sections(subject):
        for path in dict.fromkeys(_defaults(settings)):
            evidence.problem(
                f"{section}.{path} is a secret with a default, which everybody can read"
            )
        for path, field, hint in _settings(settings):
            kinds = set(_kinds(hint))
            if Secret not in kinds and str in kinds and _is_secret_name(field.name):
                evidence.problem(
                    f"{section}.{path} is a secret by its name and has the type {_name(hint)}; "
                    "declare it as Secret, or it shows in logs, manifests and error messages"
                )
        evidence.looked(f"the names and types of all settings in {section}")


_SECRET = re.compile(
    r"(^|_)(password|passwd|pwd|passphrase|passcode|token|secret|credentials?|dsn|"
    r"(api|private|secret|access|auth|account|signing|encryption|master|service)_?key|"
    r"connection_string|sas|jwt|bearer|apikey)s?(_(json|text|value|pem|data))?"
)
"""The whole name, so that ``token_url`` or ``password_file`` are none."""


def _is_secret_name(name: str) -> bool:
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()
    return re.search(_SECRET.pattern + "$", words) is not None


def _defaults(settings: type) -> Iterator[str]:
    """Yield the paths of secrets that have a default, or stand in that of a section."""
    for path, field, _ in _settings(settings):
        default: Any = field.default
        if isinstance(default, attrs.Factory):  # type: ignore[arg-type] # it is a class
            default = None if default.takes_self else default.factory()
        yield from (place for place, secret in secrets_in(default, path) if secret)


def _sections(subject: SourceSubject | WriterSubject) -> Iterator[tuple[str, type]]:
    info: SourceInfo | WriterInfo = subject.info
    options = "options" if subject.role is Role.SOURCE else "writer_options"
    yield f"{subject.role.value}.config", info.config
    yield f"streams.{options}", info.options


def _settings(settings: type, prefix: str = "") -> Iterator[tuple[str, attrs.Attribute[Any], Any]]:
    """Yield the settings of a class and of all classes in it."""
    for name, (field, hint) in settings_of(settings).items():
        yield f"{prefix}{name}", field, hint
        for kind in _kinds(hint):
            if isinstance(kind, type) and attrs.has(kind):
                yield from _settings(kind, f"{prefix}{name}.")


def _kinds(hint: Any) -> Iterator[Any]:
    """Yield the types that a hint is made of."""
    arguments = typing.get_args(hint)
    if not arguments or typing.get_origin(hint) is typing.Literal:
        yield hint
        return
    for argument in arguments:
        yield from _kinds(argument)


def _name(hint: Any) -> str:
    is_plain = isinstance(hint, type) and not isinstance(hint, types.GenericAlias)
    return hint.__name__ if is_plain else str(hint).replace("typing.", "")


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", re.sub(r"^(the|a) ", "", text.lower()))


def _probe(name: str, request: object, *, at: Path | None = None, **options: Any) -> Any:
    end = in_child(f"_import_probe:{name}", request, light=True, folder=at, **options)
    if not end.has_ended:
        msg = f"it cannot be imported in a fresh interpreter: {end.reason}"
        raise NotVerified(msg)
    return end.answer


def _diff(old: Manifest, new: Manifest) -> str:
    lines = (old.to_json().splitlines(), new.to_json().splitlines())
    diff = list(difflib.unified_diff(*lines, "installed", f"code {CONTRACT_VERSION}", "", "", 0))
    rest = [f"and {len(diff) - _SHOWN_LINES} lines more"] if len(diff) > _SHOWN_LINES else []
    return "\n".join(diff[:_SHOWN_LINES] + rest)


RULES = (
    manifest_current,
    import_quick,
    import_pure,
    describe_pure,
    config_documented,
    config_secrets,
)
