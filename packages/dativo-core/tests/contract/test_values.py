from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Mapping

import attrs
import pytest

from dativo.contract import (
    MAX_CHECKPOINT_BYTES,
    CheckItem,
    Checkpoint,
    Commit,
    CommitRecord,
    ConnectionTestResult,
    Secret,
    Url,
    Verdict,
    WriteMode,
    matches_pattern,
)
from dativo.errors import ContractViolationError, NetworkError


def test_a_checkpoint_has_one_text_for_one_value() -> None:
    first = Checkpoint({"b": 1, "a": [None, 1.5]}, 3)
    second = Checkpoint({"a": [None, 1.5], "b": 1}, 3)

    assert first.to_json() == second.to_json()
    assert Checkpoint.from_json(first.to_json()) == first


@pytest.mark.parametrize("value", [object(), {1, 2}, float("nan"), float("inf"), b"x"])
def test_a_checkpoint_consists_of_json(value: object) -> None:
    with pytest.raises(ContractViolationError, match="JSON values"):
        Checkpoint({"a": value}).to_json()  # type: ignore[dict-item]


def test_a_checkpoint_that_contains_itself_is_a_violation() -> None:
    value: dict[str, object] = {}
    value["x"] = value

    with pytest.raises(ContractViolationError):
        Checkpoint(value).to_json()  # type: ignore[arg-type]


def test_a_checkpoint_has_a_limit() -> None:
    Checkpoint({"a": "x" * (MAX_CHECKPOINT_BYTES - 40)}).to_json()

    with pytest.raises(ContractViolationError, match="bytes"):
        Checkpoint({"a": "x" * MAX_CHECKPOINT_BYTES}).to_json()


@pytest.mark.parametrize(
    "text", ["", "x", "[]", "{}", '{"version": 1}', '{"version": 1, "value": {}, "x": 1}']
)
def test_what_is_no_checkpoint_is_an_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the JSON parser's own words
        Checkpoint.from_json(text)


COMMIT = Commit(
    job_id="job",
    stream="orders",
    epoch=3,
    commit_id="c1",
    run_id="r1",
    fence=7,
    mode=WriteMode.MERGE,
    checkpoint=Checkpoint({"id": 5}),
    fingerprint={"source": "x"},
)


@pytest.mark.parametrize("checkpoint", [None, Checkpoint({"id": 5}, 2)])
def test_a_commit_record_reads_what_it_wrote(checkpoint: Checkpoint | None) -> None:
    commit = attrs.evolve(COMMIT, checkpoint=checkpoint)
    record = CommitRecord(commit=commit, rows=2, files=("a", "b"), schema="id: int64")

    assert CommitRecord.from_json(record.to_json()) == record


def damaged(**changes: object) -> str:
    document = json.loads(CommitRecord(commit=COMMIT, rows=2).to_json())
    return json.dumps(document | changes)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        damaged(format=2),
        damaged(commit={}),
        damaged(commit={"mode": "merge"}),
        damaged(commit=5),
        damaged(files=None),
        json.dumps({"format": 1}),
    ],
)
def test_a_damaged_commit_record_is_an_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the JSON parser's own words
        CommitRecord.from_json(text)


ERROR = NetworkError("gone", fix="Look.")


@pytest.mark.parametrize(
    ("items", "verdict"),
    [
        ([], Verdict.NOT_IMPLEMENTED),
        ([CheckItem.ok("host")], Verdict.OK),
        ([CheckItem.ok("host"), CheckItem.skipped("tls", "off")], Verdict.OK),
        ([CheckItem.skipped("tls", "off")], Verdict.NOT_IMPLEMENTED),
        ([CheckItem.failed("host", ERROR)], Verdict.FAILED),
        ([CheckItem.failed("host", ERROR), CheckItem.skipped("tls", "")], Verdict.FAILED),
        ([CheckItem.ok("host"), CheckItem.failed("tls", ERROR)], Verdict.PARTIAL),
        ([CheckItem.ok("host"), CheckItem("x", Verdict.NOT_IMPLEMENTED)], Verdict.PARTIAL),
        ([CheckItem.ok("host"), CheckItem("x", Verdict.PARTIAL)], Verdict.PARTIAL),
    ],
)
def test_a_check_passes_only_if_something_was_checked(
    items: list[CheckItem], verdict: Verdict
) -> None:
    result = ConnectionTestResult(tuple(items))

    assert result.verdict is verdict
    assert result.is_ok is (verdict is Verdict.OK)


def test_a_failed_item_says_what_to_do() -> None:
    assert CheckItem.failed("host", ERROR).fix == "Look."
    assert CheckItem.failed("host", ERROR).message == "gone"
    assert CheckItem.ok("host").fix == ""


def test_an_item_comes_of_trying() -> None:
    def fail() -> None:
        raise cause

    for cause, code in (
        (ERROR, ERROR.code),
        (ConnectionRefusedError("refused"), "NETWORK"),
        (KeyError("a bug"), "PLUGIN_EXECUTION"),
    ):
        item = CheckItem.trying("host", fail)

        assert (item.scope, item.verdict) == ("host", Verdict.FAILED)
        assert item.error is not None
        assert (item.error.code, item.error.message) == (code, item.message)
        assert cause in {item.error, item.error.__cause__}


def test_what_a_trial_returns_as_text_is_the_message() -> None:
    assert CheckItem.trying("host", lambda: "3 rows") == CheckItem.ok("host", "3 rows")
    assert CheckItem.trying("host", lambda: [1, 2]) == CheckItem.ok("host")


def test_what_is_not_implemented_has_not_failed() -> None:
    def fail() -> None:
        raise NotImplementedError

    with pytest.raises(NotImplementedError):
        CheckItem.trying("host", fail)


def test_a_secret_shows_itself_only_when_asked() -> None:
    secret = Secret("hunter22")

    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>10}", f"{secret!r}", f"{[secret]}"]

    assert not [text for text in shown if "hunter22" in text]
    assert secret.reveal() == "hunter22"
    assert (bool(secret), bool(Secret(""))) == (True, False)


def test_secrets_compare_by_value() -> None:
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert hash(Secret("a")) == hash(Secret("a"))


def test_a_secret_is_copied_but_never_pickled() -> None:
    secret = Secret("a")

    assert copy.copy(secret) is secret
    assert copy.deepcopy([secret])[0] is secret
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(secret)


@pytest.mark.parametrize(
    ("name", "pattern", "matches"),
    [
        ("public.orders", "public.*", True),
        ("public.orders", "public.orders", True),
        ("publicXorders", "public.orders", False),
        ("a\nb", "*", True),
        ("", "*", True),
        ("abc", "a?c", True),
        ("[a]", "[a]", True),
        ("a", "[a]", False),
        ("A", "a", False),
    ],
)
def test_a_pattern_has_two_signs(name: str, pattern: str, matches: bool) -> None:
    assert matches_pattern(name, pattern) is matches


def test_mappings_are_not_shared() -> None:
    assert isinstance(COMMIT.fingerprint, Mapping)


def test_a_url_knows_its_scheme() -> None:
    assert Url("s3://bucket/a://b").scheme == "s3"


@pytest.mark.parametrize("text", ["", "bucket", "S3://bucket", "s3:/bucket", "s3://a b", "s3://"])
def test_what_has_no_scheme_is_no_url(text: str) -> None:
    with pytest.raises(ValueError, match="a URL starts with a scheme"):
        Url(text)
