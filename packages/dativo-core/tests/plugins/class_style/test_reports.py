from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dativo.contract import StreamRequest, Verdict
from dativo.contract.v0 import ConnectionTestResult, DiscoveryResult
from dativo.errors import (
    ConnectionFailedError,
    ContractViolationError,
    DataNotFoundError,
    DativoError,
    RateLimitError,
    catalog,
)
from dativo.plugins._class_style._reports import (
    check_result,
    declared_kinds,
    streams_of,
    translating,
)


def test_a_success_is_ok_and_says_that_streams_were_not_looked_at() -> None:
    found = check_result(ConnectionTestResult(True, "fine"), [StreamRequest(stream="a")])

    assert [(item.scope, item.verdict) for item in found.items] == [
        ("connection", Verdict.OK),
        ("stream a", Verdict.SKIPPED),
    ]
    assert found.is_ok


def test_the_default_of_the_style_is_no_success() -> None:
    found = check_result(ConnectionTestResult(True, "Connection test not implemented"), ())

    assert found.verdict is Verdict.NOT_IMPLEMENTED


@pytest.mark.parametrize(
    ("code", "ours"),
    [
        ("AUTH_FAILED", "INVALID_CREDENTIALS"),
        ("auth_failed", "INVALID_CREDENTIALS"),
        ("PERMISSION_ERROR", "INSUFFICIENT_PERMISSIONS"),
        ("TIMEOUT_ERROR", "CONNECT_TIMEOUT"),
        ("NETWORK_ERROR", "NETWORK"),
        ("RESOURCE_NOT_FOUND", "RESOURCE_NOT_FOUND"),
        ("CONFIGURATION_ERROR", "CONFIGURATION"),
        ("SOMETHING_ELSE", "CONNECTION_FAILED"),
        (None, "CONNECTION_FAILED"),
    ],
)
def test_codes_of_the_style_become_those_of_the_catalogue(code: str | None, ours: str) -> None:
    error = check_result(ConnectionTestResult(False, "no", code), ()).items[0].error

    assert error is not None
    assert (error.code, error.message) == (ours, "no")
    assert error.details == ({} if code is None else {"error_code": code})


@pytest.mark.parametrize("code", [entry.code for entry in catalog()])
def test_every_code_of_the_catalogue_stays_what_it_is(code: str) -> None:
    error = check_result(ConnectionTestResult(False, "no", code), ()).items[0].error

    assert error is not None
    assert error.code == code


@pytest.mark.parametrize(
    "found", [None, True, {"success": True}, SimpleNamespace(success=1, message="")]
)
def test_another_answer_than_a_result_is_a_violation(found: object) -> None:
    with pytest.raises(ContractViolationError, match="check_connection"):
        check_result(found, ())


def test_objects_become_streams() -> None:
    columns = [{"name": "id", "type": "integer"}, {"name": "at", "type": "timestamptz"}]
    found = DiscoveryResult(
        [
            {"name": "a", "type": "table", "description": "All", "columns": columns},
            {"name": "b", "primary_key": ["id"]},
            {"name": "c", "primary_key": "id", "columns": [{"name": "x", "type": "money"}]},
        ]
    )

    first, second, third = streams_of(found)

    assert (first.name, first.kind, first.description) == ("a", "table", "All")
    assert first.schema is not None
    assert (second.kind, second.primary_key, second.schema) == ("object", ("id",), None)
    assert (third.primary_key, third.schema) == (("id",), None)


@pytest.mark.parametrize("found", [None, [], DiscoveryResult([{}]), DiscoveryResult(["a"])])  # type: ignore[list-item]
def test_another_discovery_is_a_violation(found: object) -> None:
    with pytest.raises(ContractViolationError, match="discover"):
        list(streams_of(found))


@pytest.mark.parametrize(
    "columns",
    [
        None,
        [],
        "id",
        ["id"],
        [{"name": "id"}],
        [{"name": "at", "type": "timestamp"}],
        [{"name": "a", "type": "integer"}, {"name": "b", "type": "wonder"}],
    ],
)
def test_a_schema_that_is_not_told_as_a_whole_is_none(columns: Any) -> None:
    assert declared_kinds({"name": "a", "columns": columns}) is None


def test_the_schema_of_one_object_is_found_by_name() -> None:
    found = DiscoveryResult([{"name": "a", "columns": [{"name": "id", "type": "int"}]}])

    assert declared_kinds(found, "b") is None
    kinds = declared_kinds(found, "a")
    assert kinds is not None
    assert kinds["id"].name == "integer"


class StyleError(Exception):
    def __init__(self, code: object, **more: object) -> None:
        super().__init__("the text")
        self.error_code = code
        vars(self).update(more)


def raised(error: Exception) -> BaseException:
    with pytest.raises(Exception) as found, translating():  # noqa: PT011 - which one is asked
        raise error
    return found.value


def test_an_exception_with_a_code_becomes_ours() -> None:
    found = raised(StyleError("RATE_LIMIT_EXCEEDED", retry_after=3, retryable=True, message="slow"))

    assert isinstance(found, RateLimitError)
    assert (found.message, found.retry_after, found.retryable) == ("slow", 3.0, True)


def test_an_exception_with_an_unknown_code_keeps_it() -> None:
    found = raised(StyleError("ODD", retryable=False))

    assert isinstance(found, ConnectionFailedError)
    assert (found.message, found.retryable) == ("the text", False)
    assert found.details == {"error_code": "ODD"}


@pytest.mark.parametrize("error", [DataNotFoundError("x"), ValueError("y")])
def test_other_exceptions_pass(error: Exception) -> None:
    assert raised(error) is error


def test_an_exception_whose_code_is_no_text_passes() -> None:
    error = StyleError(5)

    assert raised(error) is error
    assert not isinstance(error, DativoError)
