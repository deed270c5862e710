from __future__ import annotations

from typing import Any

import attrs
import pytest
from parquet_lake import ids
from store_lake import StoreLake

from dativo.contract import ConnectionTestResult, StreamRequest, Verdict
from dativo.errors import CapabilityMissingError, DativoError
from dativo_test_support.s3 import SECRET_KEY, Fault, Outcome
from dativo_writer_parquet import ParquetConfig, check_connection
from dativo_writer_parquet._store import _check
from dativo_writer_parquet._store._objects import Caller, Objects

STEPS = ["bucket", "write", "conditional create", "conditional update"]


def check(store: StoreLake, *streams: str, **context: Any) -> ConnectionTestResult:
    requests = tuple(StreamRequest(stream=stream) for stream in streams)
    return check_connection(store.config, store.asking(streams=requests, **context))


def failed(result: ConnectionTestResult) -> tuple[str, DativoError]:
    (item,) = (item for item in result.items if item.verdict is Verdict.FAILED)
    assert item.error is not None
    return item.scope, item.error


def test_a_store_that_works_is_ok_and_left_as_it_was(store: StoreLake) -> None:
    result = check(store, store.stream)
    assert result.is_ok
    assert [item.scope for item in result.items] == [*STEPS, "stream public.orders"]
    assert "nothing is published" in result.items[-1].message
    assert store.stored() == []


def test_what_is_published_is_told(store: StoreLake) -> None:
    store.publish(1, ids(1))
    assert "epoch 1 of run run is the newest" in check(store, store.stream).items[-1].message
    scope, error = failed(check(store, store.stream, job_id="other"))
    assert scope == "stream public.orders"
    assert "belongs to the job 'job'" in str(error)


def test_a_damaged_log_is_told(store: StoreLake) -> None:
    store.publish(1, ids(1))
    store.objects().put(store.log().keys.entry(3), b"{")
    assert failed(check(store, store.stream))[1].code == "STATE_UNREADABLE"


def test_a_bucket_that_does_not_exist_is_told(store: StoreLake) -> None:
    nowhere = attrs.evolve(store, url="s3://no-such-bucket-here/lake")
    scope, error = failed(check(nowhere))
    assert scope == "bucket"
    assert "the bucket of s3://no-such-bucket-here/lake does not exist" in str(error)


@pytest.mark.parametrize(
    ("fault", "scope", "exit_code"),
    [
        (Fault(status=403, code="InvalidAccessKeyId", times=None), "bucket", 20),
        (Fault(status=400, code="ExpiredToken", times=None), "bucket", 20),
        (Fault(method="PUT", status=403, code="AccessDenied", times=None), "write", 21),
        (Fault(method="POST", status=403, code="AccessDenied"), "write", 21),
        (Fault(outcome=Outcome.RESET, times=None), "bucket", 22),
        (
            Fault(method="PUT", without="If-None-Match", outcome=Outcome.FORWARD, times=None),
            "conditional create",
            CapabilityMissingError.exit_code,
        ),
        (
            Fault(method="PUT", without="If-Match", outcome=Outcome.FORWARD, times=None),
            "conditional update",
            CapabilityMissingError.exit_code,
        ),
    ],
    ids=lambda value: value.code if isinstance(value, Fault) else str(value),
)
def test_what_the_store_refuses_is_told(
    store: StoreLake, fault: Fault, scope: str, exit_code: int
) -> None:
    with store.proxy.failing(attrs.evolve(fault, hits=0)):
        result = check(store, store.stream)
    errors = [item for item in result.items if item.error is not None]
    assert errors[0].scope == scope
    assert errors[0].error is not None
    assert errors[0].error.exit_code == exit_code
    assert SECRET_KEY not in str([(item.message, item.fix) for item in result.items])
    assert result.verdict is not Verdict.OK


def test_nothing_is_removed_from_a_store_that_was_never_written_to(store: StoreLake) -> None:
    with store.proxy.failing(Fault(outcome=Outcome.RESET, times=None)):
        check(store)

    assert {method for method, _, _ in store.proxy.seen} == {"GET"}


@pytest.mark.parametrize(("seconds", "expected"), [(7.0, 7.0), (3600.0, 2.0), (-1.0, 0.1)])
def test_a_request_ends_with_the_time_of_the_check(
    store: StoreLake, monkeypatch: pytest.MonkeyPatch, seconds: float, expected: float
) -> None:
    made: list[ParquetConfig] = []

    def objects(config: ParquetConfig, caller: Caller) -> Objects:
        made.append(config)
        return Objects(config, caller)

    monkeypatch.setattr(_check, "Objects", objects)
    monkeypatch.setattr(_check, "monotonic", lambda: 100.0)
    slow = attrs.evolve(store, storage={"timeout_seconds": 60.0 if seconds == 7.0 else 2.0})
    check(slow, deadline=100.0 + seconds)

    assert [config.storage.timeout_seconds for config in made] == [expected]
