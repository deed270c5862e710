from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from store_lake import StoreLake

from dativo.errors import (
    DativoError,
    InsufficientPermissionsError,
    ServiceUnavailableError,
    StateLockedError,
)
from dativo_test_support.s3 import Fault, Outcome
from dativo_writer_parquet import lock
from dativo_writer_parquet._store import _lease
from dativo_writer_parquet._store._keys import lease_key
from dativo_writer_parquet._store._lease import Lease, locked_prefix
from dativo_writer_parquet._store._process import is_gone, mark

KEY = lease_key("job")


@contextmanager
def held(store: StoreLake, *, lease_seconds: float = 60.0, **context: str) -> Iterator[Lease]:
    with locked_prefix(store.config, store.asking(**context), lease_seconds=lease_seconds) as lease:
        yield lease


def content(store: StoreLake) -> dict[str, object]:
    found = store.objects().read(KEY)
    assert found is not None
    return dict(json.loads(found.data))


def silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have no lease renewed, as if its process were frozen."""
    monkeypatch.setattr(Lease, "_renew", lambda self: self._ended.wait())


def test_a_second_run_is_refused_and_told_who_holds_it(store: StoreLake) -> None:
    with held(store, run_id="first") as lease:
        with pytest.raises(StateLockedError) as told, held(store, run_id="second"):
            pass
        assert lease.is_held()
    assert told.value.exit_code == 60
    assert f"process {os.getpid()} on " in str(told.value)
    assert told.value.details["run"] == "first"
    assert [key for key in store.stored() if key.startswith(KEY)] == [KEY]


def test_a_run_that_is_refused_does_not_wait_for_the_other_to_end(
    store: StoreLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine tries again what is retryable; it must not try again to get the lock."""
    failed: list[Exception] = []

    def retry(_: object, call: Callable[[], object]) -> object:
        try:
            return call()
        except DativoError as error:
            failed.append(error)
            raise

    with held(store):
        context = store.asking()
        monkeypatch.setattr(type(context), "retry", retry)
        with pytest.raises(StateLockedError), locked_prefix(store.config, context):
            pass

    assert failed == []


def test_what_is_released_can_be_taken_again(store: StoreLake) -> None:
    for _ in range(3):
        with held(store) as lease:
            assert lease.is_held()
            assert content(store)["free"] is False
        assert content(store)["free"] is True
        assert not lease.is_held()


def test_jobs_do_not_lock_each_other(store: StoreLake) -> None:
    with held(store, job_id="one"), held(store, job_id="two"):
        pass


def test_of_eight_at_once_one_gets_it(store: StoreLake) -> None:
    stack, gate = ExitStack(), threading.Barrier(8)
    got: list[str] = []

    def work() -> None:
        gate.wait()
        try:
            stack.enter_context(held(store))
            got.append("held")
        except StateLockedError:
            got.append("locked")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stack.close()
    assert sorted(got) == ["held", *["locked"] * 7]


def test_a_process_that_is_gone_holds_nothing(store: StoreLake) -> None:
    dead = subprocess.run(
        [
            sys.executable,
            "-c",
            "from dativo_writer_parquet._store._process import mark; print(mark())",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    with held(store):
        text = json.dumps({**content(store), "process": dead, "token": "theirs"})
    store.objects().put(KEY, text.replace('"free": true', '"free": false').encode())
    with held(store) as lease:
        assert lease.is_held()


def test_only_a_process_of_this_machine_can_be_gone() -> None:
    boot, space, pid, started = mark().split(" ")
    assert is_gone(f"{boot} {space} {pid} {int(started) + 1}")
    assert not is_gone(mark())
    assert not is_gone(f"other {space} {pid} 1")
    assert not is_gone(f"{boot} pid:[1] {pid} 1")
    assert not is_gone(f"{boot} {space} {pid} ")
    assert not is_gone("")


def test_a_silent_holder_is_taken_over_and_notices(
    store: StoreLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    silence(monkeypatch)
    with held(store, lease_seconds=1.0, run_id="frozen") as frozen:
        with pytest.raises(StateLockedError), held(store, lease_seconds=1.0):
            pass
        time.sleep(2.1)  # the store counts in seconds
        with held(store, lease_seconds=1.0, run_id="next") as lease:
            assert lease.is_held()
            assert not frozen.is_held()
    assert content(store)["free"] is True


def test_a_holder_that_was_silent_but_not_taken_over_goes_on(
    store: StoreLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    silence(monkeypatch)
    with held(store, lease_seconds=0.2) as lease:
        time.sleep(0.3)
        assert lease.is_held()
        time.sleep(0.3)
        store.objects().delete([KEY])
        assert not lease.is_held()


def test_a_holder_says_since_when_it_holds_and_not_when_it_renewed(
    store: StoreLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    with held(store) as lease:
        before = content(store)
        monkeypatch.setattr(time, "strftime", lambda *_: "later")
        lease._beat()
        after = content(store)

    assert after["beat"] != before["beat"]
    assert after["holder"] == before["holder"]


def test_a_holder_renews_and_survives_answers_that_fail(
    store: StoreLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_lease, "_BEATS_PER_LEASE", 20)
    faults = [
        Fault(method="PUT", path="jobs", outcome=outcome, skip=1)
        for outcome in (Outcome.ANSWER, Outcome.ANSWER_AFTER, Outcome.RESET_AFTER)
    ]
    with held(store, lease_seconds=2.0) as lease, store.proxy.failing(*faults):
        first = content(store)["beat"]
        deadline = time.monotonic() + 20
        while not all(fault.hits for fault in faults) and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.3)
        assert lease.is_held()
        assert content(store)["beat"] != first


@pytest.mark.parametrize("outcome", [Outcome.ANSWER, Outcome.ANSWER_AFTER, Outcome.RESET_AFTER])
def test_a_first_answer_that_fails_is_no_lock_of_somebody_else(
    store: StoreLake, outcome: Outcome
) -> None:
    with store.proxy.failing(Fault(method="PUT", path="jobs", outcome=outcome)), held(store):
        assert content(store)["free"] is False


def test_a_damaged_lock_is_waited_for(
    store: StoreLake,
) -> None:
    store.objects().put(KEY, b"nonsense")
    with pytest.raises(StateLockedError, match="process \\? on \\? since \\?"), held(store):
        pass


def test_a_lock_that_may_not_be_written_is_told(store: StoreLake) -> None:
    denied = Fault(method="PUT", path="jobs", status=403, code="AccessDenied", times=None)
    with store.proxy.failing(denied), pytest.raises(InsufficientPermissionsError), held(store):
        pass


def test_a_lock_that_changes_again_and_again_is_given_up(
    store: StoreLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Lease, "_try", lambda _self: None)
    with pytest.raises(ServiceUnavailableError, match="changes again and again"), held(store):
        pass


def test_the_hook_locks_a_prefix(store: StoreLake) -> None:
    with lock(store.config, store.asking()) as lease:
        assert lease is not None
        assert lease.is_held()
