"""The lock on a file, held and lost by real processes."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from dativo.contract import FileLock, file_lock, lock_holder
from dativo.errors import StateLockedError

HOLDER = """
import sys, json
from pathlib import Path
from dativo.contract import file_lock
from dativo.errors import StateLockedError

path, lease = Path(sys.argv[1]), float(sys.argv[2])
print("ready", flush=True)
sys.stdin.readline()
try:
    with file_lock(path, what="job 'orders'", holder={}, lease_seconds=lease) as lock:
        print("held", flush=True)
        for _ in sys.stdin:
            print("yes" if lock.is_held() else "no", flush=True)
except StateLockedError as error:
    print(json.dumps([error.exit_code, error.message, error.details]), flush=True)
"""

LONG = 60.0
SHORT = 0.6


class Holder:
    """A process that takes the lock when it is told to, and answers whether it holds it."""

    def __init__(self, path: Path, lease_seconds: float) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(path), str(lease_seconds)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.answer() == "ready"

    def say(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def answer(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def ask(self) -> str:
        self.say()
        return self.answer()

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()


@contextmanager
def holders(path: Path, count: int, lease_seconds: float) -> Iterator[list[Holder]]:
    with ExitStack() as stack:
        started = []
        for _ in range(count):
            started.append(Holder(path, lease_seconds))
            stack.callback(started[-1].close)
        yield started


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "orders.lock"


def take(path: Path, lease_seconds: float = LONG) -> FileLock:
    with file_lock(path, what="it", holder={}, lease_seconds=lease_seconds) as lock:
        assert lock.is_held()
        return lock


def test_lock_ends_with_a_crash(path: Path) -> None:
    with holders(path, 1, LONG) as (holder,):
        assert holder.ask() == "held"
        with pytest.raises(StateLockedError):
            take(path)
        holder.send(signal.SIGKILL)
        holder.process.wait()

        take(path)


def test_of_eight_at_once_one_holds_it_and_the_others_name_it(path: Path) -> None:
    with holders(path, 8, LONG) as started:
        for holder in started:
            holder.say()
        answers = [holder.answer() for holder in started]

    assert answers.count("held") == 1
    winner = started[answers.index("held")].process.pid
    refused = [json.loads(answer) for answer in answers if answer != "held"]
    assert {code for code, _, _ in refused} == {60}
    for _, message, details in refused:
        assert message == (
            f"another run of job 'orders' is in progress: process {winner} on "
            f"{socket.gethostname()} since {details['since']}"
        )


def test_holder_that_is_slow_to_write_its_name_is_named(path: Path) -> None:
    with (
        slow_holder(path, "", {"pid": 4711, "host": "there", "since": "now"}),
        pytest.raises(StateLockedError, match="process 4711 on there since now"),
    ):
        take(path)


def test_name_that_a_crash_left_is_not_taken_for_the_holder(path: Path) -> None:
    with holders(path, 1, LONG) as (crashed,):
        assert crashed.ask() == "held"
        crashed.send(signal.SIGKILL)
        crashed.process.wait()
    left = path.read_text()
    assert json.loads(left)["pid"] == crashed.process.pid

    with (
        slow_holder(path, left, {"pid": os.getpid(), "host": socket.gethostname()}),
        pytest.raises(StateLockedError, match=f"process {os.getpid()} on"),
    ):
        take(path)


def test_holder_that_never_writes_its_name_is_not_waited_for(path: Path) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with pytest.raises(StateLockedError, match=r"process \? on \? since \?"):
            take(path)
    finally:
        os.close(descriptor)


def test_lock_that_is_given_back_while_its_holder_has_no_name_is_taken(path: Path) -> None:
    with slow_holder(path, "", None):
        take(path)


def test_nobody_is_named_after_the_lock_was_given_back(path: Path) -> None:
    take(path)

    assert path.read_text() == ""


def test_frozen_holder_is_taken_over_and_knows_it_when_it_wakes(path: Path) -> None:
    with holders(path, 2, SHORT) as (frozen, other):
        assert frozen.ask() == "held"
        frozen.send(signal.SIGSTOP)
        with pytest.raises(StateLockedError):
            take(path, LONG)  # silent, but not for that long
        silence(path)

        assert other.ask() == "held"

        frozen.send(signal.SIGCONT)
        assert frozen.ask() == "no"
        assert other.ask() == "yes"
        assert holder_pid(path) == other.process.pid


def test_frozen_holder_that_nobody_took_over_holds_it_still(path: Path) -> None:
    with holders(path, 1, SHORT) as (frozen,):
        assert frozen.ask() == "held"
        frozen.send(signal.SIGSTOP)
        silence(path)
        frozen.send(signal.SIGCONT)

        assert frozen.ask() == "yes"


def test_lock_that_a_silent_holder_gives_back_under_the_second_look_is_taken(path: Path) -> None:
    lease_seconds = 10.0  # the second look takes half a second
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    name = {"pid": os.getpid(), "host": socket.gethostname()}
    os.write(descriptor, json.dumps(name).encode())
    silence(path)

    def wake_and_end() -> None:
        os.utime(descriptor)
        os.close(descriptor)

    holder = threading.Timer(0.2, wake_and_end)
    holder.start()

    take(path, lease_seconds)

    holder.join()


def test_competing_takeovers_leave_one_holder(path: Path) -> None:
    rounds = 8
    with ExitStack() as stack:
        last = stack.enter_context(holders(path, 1, SHORT))[0]
        assert last.ask() == "held"
        for _ in range(rounds):
            last.send(signal.SIGSTOP)
            competitors = stack.enter_context(holders(path, 3, SHORT))
            silence(path)
            for holder in competitors:
                holder.say()
            answers = [holder.answer() for holder in competitors]
            winners = [
                holder
                for holder, answer in zip(competitors, answers, strict=True)
                if answer == "held" and holder.ask() == "yes"
            ]
            last.send(signal.SIGCONT)

            assert len(winners) == 1
            assert last.ask() == "no"
            last = winners[0]


def test_holder_is_known_while_it_holds(path: Path) -> None:
    assert lock_holder(path) is None
    with file_lock(path, what="it", holder={"run_id": "r1"}):
        found = lock_holder(path)
    after = lock_holder(path)

    assert found is not None
    assert (found["pid"], found["run_id"]) == (os.getpid(), "r1")
    assert after is None


def test_silent_holder_is_taken_over(path: Path) -> None:
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        silence(path)

        with file_lock(path, what="it", holder={"run_id": "r2"}, lease_seconds=SHORT) as second:
            found = lock_holder(path)
            assert second.is_held()
            assert found is not None
            assert found["run_id"] == "r2"
    finally:
        os.close(descriptor)


def test_clock_that_jumped_makes_nobody_silent(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time
    with file_lock(path, what="it", holder={}, lease_seconds=SHORT) as lock:
        monkeypatch.setattr(time, "time", lambda: now() + 3600)

        with pytest.raises(StateLockedError):
            take(path, SHORT * 30)  # so that the second look is longer than a beat
        assert lock.is_held()


def test_takeover_does_not_wait_for_another_one(path: Path) -> None:
    guard = path.with_name(f"{path.name}.takeover")
    with file_lock(path, what="it", holder={}), file_lock(guard, what="guard", holder={}):
        silence(path)

        with pytest.raises(StateLockedError, match=f"process {os.getpid()} "):
            take(path)


def test_file_that_cannot_be_locked_says_so(path: Path) -> None:
    path.mkdir()

    with pytest.raises(OSError, match=path.name):
        take(path)


def test_close_that_fails_does_not_undo_what_was_done_under_the_lock(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = os.close

    def failing(descriptor: int) -> None:
        close(descriptor)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with file_lock(path, what="job", holder={}), monkeypatch.context() as patch:
        patch.setattr("dativo.contract._locks.os.close", failing)
        assert lock_holder(path) is not None
        with pytest.raises(StateLockedError), file_lock(path, what="job", holder={}):
            pass
        patch.setattr("dativo.contract._locks.os.close", close)
    with monkeypatch.context() as patch:
        lock = file_lock(path, what="job", holder={})
        with lock:
            patch.setattr("dativo.contract._locks.os.close", failing)
    assert lock_holder(path) is None


def test_lock_whose_file_is_gone_is_lost(path: Path) -> None:
    with file_lock(path, what="it", holder={}) as lock:
        path.unlink()

        assert not lock.is_held()


def test_lock_that_is_held_stays_fresh(path: Path) -> None:
    with file_lock(path, what="it", holder={}, lease_seconds=SHORT) as lock:
        threading.Event().wait(SHORT * 2)

        with pytest.raises(StateLockedError):
            take(path, SHORT)
        assert lock.is_held()


@contextmanager
def slow_holder(path: Path, before: str, name: dict[str, object] | None) -> Iterator[None]:
    """Hold the lock, and write a *name* some time later; without one give the lock back then."""
    path.write_text(before)
    descriptor = os.open(path, os.O_RDWR)

    def write() -> None:
        time.sleep(0.3)
        if name is None:
            fcntl.flock(descriptor, fcntl.LOCK_UN)
        else:
            path.write_text(json.dumps(name))

    thread = threading.Thread(target=write)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        thread.start()
        yield
    finally:
        thread.join()
        os.close(descriptor)


def silence(path: Path) -> None:
    """Make the lock look as if its holder had been silent for long."""
    os.utime(path, (0, 0))


def holder_pid(path: Path) -> object:
    found = lock_holder(path)
    return None if found is None else found["pid"]
