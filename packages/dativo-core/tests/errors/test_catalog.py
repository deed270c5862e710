from __future__ import annotations

import json
import re
from typing import Any

import pytest

import dativo.errors
from dativo.errors import DativoError, ErrorEntry, InvalidConfigError, Problem, catalog

# Schedulers rely on these: a line may be added, none may change.
EXIT_CODES = {
    "AUTHENTICATION": 20,
    "CAPABILITY_MISSING": 13,
    "COMMIT_UNKNOWN": 41,
    "CONCURRENCY": 60,
    "CONFIGURATION": 10,
    "CONNECTION_FAILED": 22,
    "CONNECT_TIMEOUT": 22,
    "CONTRACT_VIOLATION": 13,
    "DATA": 30,
    "DATABASE_LOCK": 22,
    "DATA_FORMAT": 30,
    "DATA_NOT_FOUND": 30,
    "DATA_VALIDATION": 30,
    "DEADLINE_EXCEEDED": 50,
    "DISK_FULL": 50,
    "INSUFFICIENT_PERMISSIONS": 21,
    "INTERNAL": 1,
    "INTERRUPTED": 130,
    "INVALID_CONFIG": 10,
    "INVALID_CREDENTIALS": 20,
    "MISSING_CONFIG": 10,
    "NETWORK": 22,
    "PARTIAL_FAILURE": 31,
    "PLUGIN": 13,
    "PLUGIN_EXECUTION": 13,
    "PLUGIN_LOAD": 13,
    "PLUGIN_NOT_FOUND": 11,
    "PLUGIN_VERSION": 12,
    "RATE_LIMIT": 23,
    "RESOURCE": 50,
    "RESOURCE_NOT_FOUND": 10,
    "RESOURCE_UNAVAILABLE": 50,
    "SCHEMA_VALIDATION": 10,
    "SERVICE_UNAVAILABLE": 22,
    "STALLED": 22,
    "STATE": 60,
    "STATE_LOCKED": 60,
    "STATE_UNREADABLE": 60,
    "TOKEN_EXPIRED": 20,
    "TRANSIENT": 22,
    "USAGE": 2,
    "WRITE_FAILED": 40,
}

ENTRIES = {entry.name: entry for entry in catalog()}


def make(entry: ErrorEntry, message: str = "it broke") -> DativoError:
    return entry.error(message)


def test_codes_and_exit_codes_do_not_change() -> None:
    found = {entry.code: entry.exit_code for entry in catalog()}

    assert {code: found.get(code) for code in EXIT_CODES} == EXIT_CODES


def test_codes_are_unique() -> None:
    codes = [entry.code for entry in catalog()]

    assert len(codes) == len(set(codes))


def test_every_error_is_public() -> None:
    public = {
        name
        for name in dativo.errors.__all__
        if isinstance(value := getattr(dativo.errors, name), type)
        and issubclass(value, DativoError)
    }

    assert public - {"DativoError"} == set(ENTRIES)


def test_what_is_exported_exists_and_is_all_there_is() -> None:
    exported = dativo.errors.__all__
    visible = {name for name in vars(dativo.errors) if not name.startswith("_")}

    assert len(exported) == len(set(exported))
    assert visible == set(exported)


@pytest.mark.parametrize("name", ENTRIES)
def test_an_error_is_complete(name: str) -> None:
    entry = ENTRIES[name]

    assert re.fullmatch(r"[A-Z]+(_[A-Z]+)*", entry.code)
    assert name.endswith("Error")
    assert not hasattr(__builtins__, name)
    assert entry.summary.endswith(".")
    assert entry.fix
    assert entry.family == "DATIVO_ERROR" or entry.family in EXIT_CODES


@pytest.mark.parametrize("name", ENTRIES)
def test_an_error_is_data(name: str) -> None:
    entry = ENTRIES[name]

    error = make(entry)

    assert str(error) == error.message == "it broke"
    assert (error.code, error.exit_code, error.retryable) == (
        entry.code,
        entry.exit_code,
        entry.retryable,
    )
    document: dict[str, Any] = json.loads(json.dumps(error.to_dict()))
    wanted = {"code", "message", "retryable", "retry_after", "connector", "stream", "phase", "fix"}
    assert wanted <= set(document)
    assert document["code"] == entry.code


def test_an_instance_may_know_better() -> None:
    error = dativo.errors.RateLimitError(
        "slow down",
        fix="Wait.",
        retryable=False,
        retry_after=3.5,
        details={"request": "r1"},
        connector="acme",
        stream="orders",
        phase="extract",
    )

    assert error.to_dict() == {
        "code": "RATE_LIMIT",
        "message": "slow down",
        "retryable": False,
        "retry_after": 3.5,
        "connector": "acme",
        "stream": "orders",
        "phase": "extract",
        "fix": "Wait.",
        "exit_code": 23,
        "details": {"request": "r1"},
    }


def test_a_place_is_filled_in_and_never_overwritten() -> None:
    error = dativo.errors.NetworkError("gone", stream="orders")

    same = error.located(connector="acme", stream="other", phase="extract")

    assert same is error
    assert (error.connector, error.stream, error.phase) == ("acme", "orders", "extract")


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("no"), "no"),
        (Problem("no", path="a.b"), "a.b: no"),
        (Problem("no", path="a.b", file="j.yaml"), "j.yaml a.b: no"),
        (Problem("no", file="j.yaml", line=1, column=2, hint="yes"), "j.yaml:1:2 no (yes)"),
        (Problem("no", path="a", file="j.yaml", line=1), "j.yaml:1 a: no"),
    ],
)
def test_a_problem_is_one_line(problem: Problem, text: str) -> None:
    assert str(problem) == text


def test_all_problems_are_in_the_error_and_its_document() -> None:
    problem = Problem("no", path="a", file="j.yaml", line=1, column=2)

    error = InvalidConfigError("wrong", problems=(problem,), fix="Mend it.")

    assert (error.problems, error.fix, error.phase) == ((problem,), "Mend it.", "config")
    assert error.to_dict()["details"] == {
        "problems": [
            {
                "message": "no",
                "path": "a",
                "file": "j.yaml",
                "line": 1,
                "column": 2,
                "hint": "",
            }
        ]
    }
