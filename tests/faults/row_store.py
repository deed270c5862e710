"""Object stores that refuse, do not answer, forget what they said, or have another writer."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import attrs
from fault_frame import Row, Workspace, dice
from fault_numbers import MODES, STREAM, NumbersJob
from fault_oracle import check_complete, check_state, published, watched
from fault_process import KILLED, Ended
from fault_store import Store, new_store
from row_concurrent import race, take_over
from row_kills import kill_a_run

from dativo_test_support.s3 import Fault, FaultProxy, Outcome

_LOG = rf"/\.dativo/parquet/{STREAM}/log/[0-9]+\.json"
_LEASE_PROBE = r"/jobs/.*\.lock\.[0-9a-f]+$"
_LONG_SECONDS = 600.0
_STARTS = 8
_FAILED = (20, 21, 22, 23, 40, 41, 50, 60)
_MOST_REQUESTS = 40
_DRAWS = 8
_PART_BYTES = 1_400_000


def random_kill(number: int, workspace: Workspace) -> None:
    """Kill -9 at a random moment; the next run completes."""
    source = dice("s3.kill", number)
    for draw in range(_DRAWS):
        with _prepared(number, workspace, folder=f"draw-{draw}") as (job, _):
            with watched(job):
                hit = kill_a_run(job, workspace, source)
                job.dativo(workspace)("run", "--json", code=0)
            check_complete(job)
            check_state(job)
        if hit:
            return
    raise AssertionError(f"none of {_DRAWS} runs lasted until it was to be killed")


def refused(number: int, workspace: Workspace) -> None:
    """Answer some requests with 500, 503 or 429, cut the answer, or reset the connection."""
    source = dice("s3.refused", number)
    status, code = source.choice(
        [(500, "InternalError"), (503, "SlowDown"), (503, "ServiceUnavailable"), (429, "SlowDown")]
    )
    fault = Fault(
        method=source.choice(["", "GET", "PUT"]),
        outcome=source.choice([Outcome.ANSWER, Outcome.ANSWER, Outcome.RESET, Outcome.TRUNCATE]),
        status=status,
        code=code,
        skip=source.randrange(_MOST_REQUESTS),
        times=source.choice([1, 2, 5, None]),
    )
    _hit_and_mended(number, workspace, fault)


def unknown(number: int, workspace: Workspace) -> None:
    """Never tell what became of a commit: it was done, or it was not."""
    source = dice("s3.unknown", number)
    outcomes = (Outcome.HANG_AFTER, Outcome.RESET_AFTER, Outcome.ANSWER_AFTER, Outcome.HANG)
    fault = Fault(
        method="PUT",
        path=_LOG,
        outcome=outcomes[number // len(MODES) % len(outcomes)],
        status=source.choice([500, 503]),
        skip=source.randrange(_entries(MODES[number % len(MODES)])),
        times=source.choice([1, 2, None]),
    )
    _hit_and_mended(number, workspace, fault)
    assert fault.hits > 0, "no entry of the log was hit"


def conflict(number: int, workspace: Workspace) -> None:
    """Let another run claim the stream just before the n-th entry of the log is created."""
    source = dice("s3.conflict", number)
    with _prepared(number, workspace) as (job, proxy):
        assert job.store is not None
        store = job.store
        fault = Fault(
            method="PUT",
            path=_LOG,
            outcome=Outcome.FORWARD,
            skip=source.randrange(_entries(job.mode)),
            call=lambda: _claim(store),
        )
        with watched(job):
            with proxy.failing(fault):
                ended = job.dativo(workspace)("run", "--json")
            assert fault.hits == 1, f"there were not so many entries: {ended}"
            # It holds the job's locks, so it may raise its fence above the claim and try again.
            assert ended.code in (0, 60), str(ended)
            if ended.code == 0:
                check_complete(job)
            check_state(job)
            job.dativo(workspace)("run", "--json", code=0)
        check_complete(job)
        check_state(job)


def expired(number: int, workspace: Workspace) -> None:
    """Let the credentials expire, at the start or in the middle."""
    source = dice("s3.expired", number)
    codes = ("ExpiredToken", "InvalidAccessKeyId", "AccessDenied", "RequestTimeTooSkewed")
    code = source.choice(codes)
    skip = 0 if number % 4 == 0 else source.randrange(_MOST_REQUESTS)
    ended = _hit_and_mended(number, workspace, Fault(status=403, code=code, skip=skip, times=None))
    if ended.code != 0:
        assert ended.code in (20, 21), str(ended)


def leftover(number: int, workspace: Workspace) -> None:
    """Kill a run in the middle of a large upload: its parts stay, and nobody sees them."""
    source = dice("s3.leftover", number)
    # The server takes seconds for a few of these parts on a busy machine.
    large = _prepared(number, workspace, noise_bytes=_PART_BYTES, timeout_seconds=20)
    with large as (job, proxy):
        assert job.store is not None
        with watched(job), job.dativo(workspace).running("run", "--json") as running:
            fault = Fault(
                method="PUT",
                path="partNumber=",
                outcome=Outcome.RESET,
                skip=source.randrange(3),
                call=lambda: running.tell(signal.SIGKILL),
            )
            with proxy.failing(fault):
                ended = running.wait()
            assert ended.code in KILLED, str(ended)
            workspace.kills += 1
            assert job.store.server.uploads(job.store.bucket), "no upload was left over"
            check_state(job)
            published(job)
            job.dativo(workspace)("run", "--json", code=0)
        check_complete(job)
        check_state(job)


def eight(number: int, workspace: Workspace) -> None:
    """Start eight runs at once from checkouts of their own, which share only the bucket."""
    with _prepared(number, workspace) as (job, _):
        slow = attrs.evolve(job, delay_seconds=0.5)
        places = (workspace.path / f"checkout-{place}" for place in range(_STARTS))
        race([attrs.evolve(slow, folder=place).write() for place in places], workspace)


def frozen(number: int, workspace: Workspace) -> None:
    """Freeze a run, let another one take over, and wake the first."""
    source = dice("s3.frozen", number)
    with _prepared(number, workspace, folder="first") as (quick, proxy):
        job = attrs.evolve(quick, delay_seconds=0.08).write()
        is_same = number // len(MODES) % 2 == 0
        other = job if is_same else attrs.evolve(job, folder=workspace.path / "other").write()
        silent = Fault(
            method="GET",
            path=_LEASE_PROBE,
            outcome=Outcome.FORWARD,
            times=None,
            ahead_seconds=_LONG_SECONDS,
        )
        with watched(job), proxy.failing(silent):
            take_over(job, other, workspace, source)
        check_complete(job)
        check_state(other)


def _hit_and_mended(number: int, workspace: Workspace, fault: Fault) -> Ended:
    """Run under a fault, look at what is published, and let the next run mend it."""
    with _prepared(number, workspace) as (job, proxy):
        with watched(job):
            with proxy.failing(fault):
                ended = job.dativo(workspace)("run", "--json")
            assert ended.code in (0, *_FAILED), str(ended)
            if ended.code == 0:
                check_complete(job)
            else:
                assert ended.error["message"], str(ended)
            check_state(job)
            published(job)
            job.dativo(workspace)("run", "--json", code=0)
        check_complete(job)
        check_state(job)
    return ended


@contextmanager
def _prepared(
    number: int,
    workspace: Workspace,
    *,
    folder: str = "work",
    noise_bytes: int = 0,
    timeout_seconds: float = 1.5,
) -> Iterator[tuple[NumbersJob, FaultProxy]]:
    """Yield a job that has published something, behind a proxy, and has more to publish."""
    mode = MODES[number % len(MODES)]
    store = new_store()
    with FaultProxy(store.server) as proxy:
        job = NumbersJob(
            folder=workspace.path / folder,
            mode=mode,
            rows=80,
            delay_seconds=0,
            noise_bytes=noise_bytes,
            store=attrs.evolve(store, endpoint=proxy.url, timeout_seconds=timeout_seconds),
            run={"retries": 2},
        )
        first = attrs.evolve(job, rows=job.rows if mode == "replace" else 20, noise_bytes=0)
        first.write().dativo(workspace)("run", "--json", code=0)
        yield attrs.evolve(job, generation="b" if mode == "replace" else "a").write(), proxy


def _entries(mode: str) -> int:
    """Return how many entries a run adds to the log: its claim, and each epoch."""
    return 2 if mode == "replace" else 4


def _claim(store: Store) -> None:
    """Create the next entry of the log: the claim of a run with a higher fence."""
    log = store.log(STREAM)
    claim = {
        "job_id": "numbers_to_lake",
        "run_id": "competitor",
        "fence": time.time_ns() // 1_000_000 + 60_000,
        "host": "elsewhere",
        "pid": 1,
    }
    newest = store.commits(STREAM)[-1].sequence
    entry = {"format": 1, "claim": claim, "session": "competitor", "at": newest}
    place, _, last = log[-1].rpartition("/")
    after = int(last.removesuffix(".json")) + 1
    store.put(f"{place}/{after:020d}.json", json.dumps(entry).encode())


ROWS = (
    Row(
        name="s3.kill",
        about="object store: kill -9 at a random moment; the next run completes",
        demanded=50,
        sampled=6,
        case=random_kill,
    ),
    Row(
        name="s3.refused",
        about="object store: 500, 503, 429, cut answers and resets at a random request",
        demanded=60,
        sampled=6,
        quick=1,
        case=refused,
    ),
    Row(
        name="s3.unknown",
        about="object store: time-outs, resets and errors that leave a commit's outcome unknown",
        demanded=60,
        sampled=8,
        case=unknown,
    ),
    Row(
        name="s3.conflict",
        about="object store: another run claims the stream first (412): nothing is lost or doubled",
        demanded=30,
        sampled=4,
        case=conflict,
    ),
    Row(
        name="s3.expired",
        about="object store: credentials that expire at the start or in the middle",
        demanded=20,
        sampled=4,
        case=expired,
    ),
    Row(
        name="s3.leftover",
        about="object store: kill -9 in a multipart upload; what is left over does no harm",
        demanded=12,
        sampled=2,
        case=leftover,
    ),
    Row(
        name="s3.eight",
        about="object store: eight starts at once from eight checkouts: one runs, all name it",
        demanded=20,
        sampled=2,
        case=eight,
    ),
    Row(
        name="s3.frozen",
        about="object store: SIGSTOP, takeover, SIGCONT: the one that wakes up publishes nothing",
        demanded=24,
        sampled=3,
        case=frozen,
    ),
)
