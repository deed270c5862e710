"""Situations as data: a YAML file for those who check an installed connector and write no Python.

It has the sections ``source`` and ``writer``, each with the situations of :class:`SourceCases` or
:class:`WriterCases` that are data. A situation that cannot occur is ``{inapplicable: why}``. In
settings ``${env:NAME}`` works as in a job file, and ``${kit:unique}`` is another text for each
rule, so that a writer's target is empty each time.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import attrs
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from dativo.config import nearest
from dativo.contract import Role
from dativo.errors import InvalidConfigError, MissingConfigError, Problem
from dativo.testing._cases import (
    Cases,
    Denied,
    Inapplicable,
    NotGiven,
    SourceCases,
    Waiting,
    WriterCases,
)
from dativo.testing._suites import Conformance, SourceConformance, WriterConformance

__all__ = ["suites_of_file"]

UNIQUE = "${kit:unique}"

_KINDS: Mapping[Role, type[Cases]] = {Role.SOURCE: SourceCases, Role.WRITER: WriterCases}
_CALLS = ("change", "staged")
_CLASSES: Mapping[str, type] = {"missing_privilege": Denied, "waiting": Waiting}
_NOT_VERIFIED = "not_verified"
_GOOD = ("good", dict, "settings")
_REQUIRED: Mapping[Role, tuple[tuple[str, type, str], ...]] = {
    Role.SOURCE: (_GOOD, ("streams", list, "a list of all streams")),
    Role.WRITER: (_GOOD,),
}


def suites_of_file(connector: str, file: Path) -> list[Conformance]:
    """Return the suites of the connector *connector* with the situations in *file*.

    Raises:
        MissingConfigError: The file cannot be read.
        InvalidConfigError: It is no YAML, or says what no situation has; all problems are in it.
    """
    document = _document(file)
    problems: list[Problem] = []
    found = [
        _suite(connector, role, _section(document[role.value], role, str(file), problems))
        for role in _KINDS
        if role.value in document
    ]
    problems += [
        _unknown(str(file), str(key), [role.value for role in _KINDS])
        for key in document
        if key not in [role.value for role in _KINDS]
    ]
    if not found and not problems:
        problems.append(Problem("it has neither a source nor a writer", file=str(file)))
    if problems:
        msg = "; ".join(str(problem) for problem in problems)
        fix = "Write the situations as docs/reference/conformance.md says."
        raise InvalidConfigError(msg, problems=tuple(problems), fix=fix)
    return found


def _document(file: Path) -> dict[str, Any]:
    try:
        document = YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"the cases cannot be read: {error}"
        raise MissingConfigError(msg, fix=f"Create {file}, or name another file.") from error
    except (YAMLError, ValueError) as error:
        msg = f"{file} is no YAML: {' '.join(str(error).split())}"
        raise InvalidConfigError(msg) from error
    if not isinstance(document, dict):
        msg = f"{file} must have a section 'source' or 'writer'"
        raise InvalidConfigError(msg)
    return document


def _section(given: object, role: Role, file: str, problems: list[Problem]) -> dict[str, Any]:
    """Return the arguments of the cases, and ``not_verified``."""
    known = [field.name for field in attrs.fields(_KINDS[role]) if field.name not in _CALLS]
    if not isinstance(given, dict):
        problems.append(Problem("expected a section", path=role.value, file=file))
        return {}
    problems += [
        _unknown(file, f"{role.value}.{key}", [*known, _NOT_VERIFIED])
        for key in given
        if key not in (*known, _NOT_VERIFIED)
    ]
    for key, kind, what in _REQUIRED[role]:
        if not isinstance(given.get(key), kind):
            problems.append(Problem(f"expected {what}", path=f"{role.value}.{key}", file=file))
    arguments: dict[str, Any] = {}
    for key, value in given.items():
        try:
            arguments[key] = _situation(key, value)
        except (TypeError, ValueError) as error:
            problems.append(Problem(str(error), path=f"{role.value}.{key}", file=file))
    for field in attrs.fields(_KINDS[role]):
        if field.default is attrs.NOTHING and field.name not in given:
            arguments[field.name] = NotGiven(f"give {role.value}.{field.name} in {file}")
    return arguments


def _situation(key: str, value: Any) -> Any:
    if isinstance(value, dict) and set(value) == {"inapplicable"}:
        return Inapplicable(str(value["inapplicable"]))
    if key in _CLASSES:
        if not isinstance(value, dict) or set(value) != {"config", "stream"}:
            msg = "expected config and stream, or inapplicable with the reason"
            raise ValueError(msg)
        return _CLASSES[key](**value)
    if key == "errors":
        return {code: _situation("", settings) for code, settings in dict(value).items()}
    return tuple(value) if isinstance(value, list) else value


def _suite(connector: str, role: Role, arguments: dict[str, Any]) -> Conformance:
    not_verified = arguments.pop(_NOT_VERIFIED, None) or {}
    make = _KINDS[role]

    def cases(_: object) -> Iterator[Cases]:
        token = uuid.uuid4().hex
        yield make(**_replaced(arguments, lambda text: text.replace(UNIQUE, token)))

    base = SourceConformance if role is Role.SOURCE else WriterConformance
    about = {"connector": connector, "not_verified": not_verified, "cases": cases}
    given = cast("type[Conformance]", type(f"Given{base.__name__}", (base,), about))
    return given()


def _replaced(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _replaced(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_replaced(item, change) for item in value)
    if isinstance(value, Denied | Waiting):
        return attrs.evolve(value, config=_replaced(value.config, change))
    return value


def _unknown(file: str, path: str, known: list[str]) -> Problem:
    near = nearest(path.rpartition(".")[2], known)
    return Problem("unknown key", path=path, file=file, hint=near)
