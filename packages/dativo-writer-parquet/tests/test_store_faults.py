"""Object stores that fail: nothing lost, nothing doubled, and the outcome told as it is."""

from __future__ import annotations

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import attrs
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from parquet_lake import ids
from store_lake import StoreLake

from dativo.contract import Batch, Secret, WriteMode
from dativo.errors import (
    CapabilityMissingError,
    CommitUnknownError,
    ConcurrencyError,
    ConnectTimeoutError,
    DativoError,
    InsufficientPermissionsError,
    InvalidConfigError,
    InvalidCredentialsError,
    NetworkError,
    RateLimitError,
    ResourceNotFoundError,
    ServiceUnavailableError,
    StateUnreadableError,
    TokenExpiredError,
    WriteFailedError,
)
from dativo_test_support.s3 import SECRET_KEY, Fault, Outcome
from dativo_writer_parquet._files import FinishedFile
from dativo_writer_parquet._store import _entries, _open, _target
from dativo_writer_parquet._store._entries import ClaimEntry, CommitEntry, StoredFile
from dativo_writer_parquet._store._files import to_be_stored
from dativo_writer_parquet._store._objects import Objects

ENTRY = r"/log/\d{20}\.json"
DATA = r"/data/\d{20}/"


@pytest.mark.parametrize(
    "fault",
    [
        Fault(outcome=Outcome.ANSWER),
        Fault(outcome=Outcome.ANSWER, status=503, code="SlowDown"),
        Fault(outcome=Outcome.ANSWER, status=409, code="ConditionalRequestConflict"),
        Fault(outcome=Outcome.ANSWER_AFTER),
        Fault(outcome=Outcome.ANSWER_AFTER, status=503, code="SlowDown"),
        Fault(outcome=Outcome.ANSWER_AFTER, times=3),
        Fault(outcome=Outcome.HANG),
        Fault(outcome=Outcome.HANG_AFTER),
        Fault(outcome=Outcome.RESET),
        Fault(outcome=Outcome.RESET_AFTER),
        Fault(outcome=Outcome.FORWARD, delay_seconds=0.2),
    ],
    ids=lambda fault: f"{fault.outcome}-{fault.status}-{fault.times}",
)
def test_a_commit_whose_answer_fails_is_published_once(store: StoreLake, fault: Fault) -> None:
    lake = store.having(storage={"timeout_seconds": 0.7})
    fault.method, fault.path, fault.hits = "PUT", ENTRY, 0
    with lake.session() as session:
        part = session.stage(Batch(ids(1, 2)))
        with lake.proxy.failing(fault):
            receipt = session.commit(lake.identity(1), [part])
    assert fault.hits
    assert receipt.record.rows == 2
    assert lake.numbers() == [1, 2]
    assert [commit.sequence for commit in lake.log().commits()] == [2]
    assert lake.log().head == 2


@pytest.mark.parametrize("is_there", [True, False])
def test_a_commit_that_nobody_can_tell_of_keeps_its_files(store: StoreLake, is_there: bool) -> None:
    outcome = Outcome.ANSWER_AFTER if is_there else Outcome.ANSWER
    with store.session() as session:
        part = session.stage(Batch(ids(1, 2)))
        down = Fault(method="PUT", path=r"0002\.json", times=None, outcome=outcome)
        silent = Fault(method="GET", path=r"0002\.json", times=None, skip=1)
        with (
            store.proxy.failing(down, silent),
            pytest.raises(CommitUnknownError, match="did not say whether") as told,
        ):
            session.commit(store.identity(1), [part])
        session.abort()
    assert "00000000000000000002.json" in str(told.value.details["path"])
    assert len(store.data_keys()) == 1

    with store.session(fence=2, run_id="run2") as session:
        last = session.last_commit()
        assert (last is not None) is is_there
    assert len(store.data_keys()) == is_there
    if is_there:
        assert store.numbers() == [1, 2]


def test_a_late_request_of_a_run_that_was_taken_over_does_nothing(store: StoreLake) -> None:
    with store.session() as session:
        part = session.stage(Batch(ids(1)))
        never = Fault(method="PUT", path=ENTRY, outcome=Outcome.RESET, times=None)
        with store.proxy.failing(never), pytest.raises(CommitUnknownError):
            session.commit(store.identity(1), [part])
        store.publish(1, ids(9), fence=2, run_id="run2")
        # What the store had not seen arrives now.
        assert store.objects().create("x/y", b"late") is not None
        key = store.log().keys.entry(2)
        assert store.objects().create(key, b"late") is None
    assert store.numbers() == [9]


def test_a_refusal_publishes_nothing_and_is_no_doubt(store: StoreLake) -> None:
    with store.session() as session:
        part = session.stage(Batch(ids(1)))
        expired = Fault(method="PUT", path=ENTRY, status=400, code="ExpiredToken", times=None)
        with store.proxy.failing(expired), pytest.raises(TokenExpiredError) as told:
            session.commit(store.identity(1), [part])
        session.abort()
    assert "Renew the credentials" in told.value.fix
    assert not told.value.retryable
    assert store.data_keys() == []
    assert store.log().commit is None


def test_nobody_reachable_is_no_doubt_either(store: StoreLake) -> None:
    with store.session() as session:
        part = session.stage(Batch(ids(1)))
        sealed = Fault(method="PUT", path=ENTRY, status=403, code="AccessDenied", times=None)
        with store.proxy.failing(sealed), pytest.raises(InsufficientPermissionsError):
            session.commit(store.identity(1), [part])


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, "ExpiredToken", TokenExpiredError),
        (403, "InvalidAccessKeyId", InvalidCredentialsError),
        (403, "SignatureDoesNotMatch", InvalidCredentialsError),
        (401, "Unauthorized", InvalidCredentialsError),
        (403, "AccessDenied", InsufficientPermissionsError),
        (404, "NoSuchBucket", ResourceNotFoundError),
        (429, "TooManyRequests", RateLimitError),
        (503, "SlowDown", RateLimitError),
        (500, "InternalError", ServiceUnavailableError),
        (408, "RequestTimeout", ConnectTimeoutError),
        (400, "InvalidRequest", WriteFailedError),
    ],
)
def test_what_the_store_answers_is_an_error_of_the_catalogue(
    store: StoreLake, status: int, code: str, error: type[DativoError]
) -> None:
    with (
        store.proxy.failing(Fault(status=status, code=code, times=None)),
        pytest.raises(error) as told,
    ):
        store.open()
    text = f"{told.value} {told.value.details} {told.value.fix} {told.value.__cause__}"
    assert type(told.value) is error
    assert told.value.fix
    assert SECRET_KEY not in text
    assert "Signature=" not in text


def test_what_does_not_answer_is_told(store: StoreLake) -> None:
    lake = store.having(storage={"timeout_seconds": 0.3})
    hang, reset = (Fault(outcome=way, times=None) for way in (Outcome.HANG, Outcome.RESET))
    with lake.proxy.failing(hang), pytest.raises(ConnectTimeoutError, match="no answer within"):
        lake.open()
    with lake.proxy.failing(reset), pytest.raises(NetworkError, match="the connection broke"):
        lake.open()
    refused = store.having(storage={"endpoint": "http://127.0.0.1:1"})
    with pytest.raises(NetworkError, match="no connection could be made"):
        refused.open()


def test_uploads_are_tried_again_and_their_parts_go(store: StoreLake) -> None:
    text = pa.array([f"{number * 7919 % 999983:09d}" * 4 for number in range(250_000)])
    lake = store.having(settings={"compression": "none"}, storage={"timeout_seconds": 30.0})
    with lake.session() as session:
        for outcome in (Outcome.RESET, Outcome.ANSWER):
            broken = Fault(method="PUT", path="partNumber=2", outcome=outcome, times=None)
            part = session.stage(Batch(pa.table({"text": text})))
            with lake.proxy.failing(broken), pytest.raises((NetworkError, ServiceUnavailableError)):
                session.commit(lake.identity(1), [part])
            assert lake.server.uploads(lake.bucket) == []
            session.abort()
        part = session.stage(Batch(pa.table({"text": text})))
        with lake.proxy.failing(Fault(method="PUT", path="partNumber=2", times=2)):
            session.commit(lake.identity(1), [part])
    assert lake.read().num_rows == 250_000
    assert lake.server.uploads(lake.bucket) == []


def test_a_file_that_did_not_arrive_whole_is_never_published(store: StoreLake) -> None:
    for change in (b"", b"0123456789", None):
        with store.session() as session:
            part = session.stage(Batch(ids(1, 2, 3)))

            def spoil(body: bytes | None = change) -> None:
                (key,) = store.data_keys()
                direct = store.having(storage={"endpoint": store.server.url}).objects()
                direct.delete([key]) if body is None else direct.put(key, body)

            with (
                store.proxy.failing(
                    Fault(method="GET", path=DATA, outcome=Outcome.FORWARD, call=spoil)
                ),
                pytest.raises(WriteFailedError),
            ):
                session.commit(store.identity(1), [part])
        assert store.data_keys() == []
    assert store.log().commit is None


def test_a_run_that_was_taken_over_publishes_nothing(store: StoreLake) -> None:
    lake = store.having(settings={"file_rows": 2})
    old = lake.open(fence=1, run_id="old")
    part = old.stage(Batch(ids(1, 2, 3)))
    lake.publish(1, ids(9), fence=2, run_id="new")

    with pytest.raises(ConcurrencyError, match="was published to by run new of job job") as told:
        old.commit(lake.identity(2, run_id="old"), [part])
    old.close()

    assert told.value.details["fence"] == 2
    assert lake.numbers() == [9]
    assert len(lake.data_keys()) == 1
    with pytest.raises(ConcurrencyError, match="which is not above it") as late:
        lake.open(fence=1, run_id="old")
    assert late.value.details["fence"] == 2


def test_a_claim_at_the_last_moment_wins(store: StoreLake) -> None:
    direct = store.having(storage={"endpoint": store.server.url})
    old = store.open(fence=1, run_id="old")
    part = old.stage(Batch(ids(1)))
    take_over = Fault(
        method="PUT",
        path=ENTRY,
        outcome=Outcome.FORWARD,
        call=lambda: direct.open(fence=2, run_id="new").close(),
    )
    claimed = "was claimed by run new of job job"
    with store.proxy.failing(take_over), pytest.raises(ConcurrencyError, match=claimed) as told:
        old.commit(store.identity(1, run_id="old"), [part])
    old.close()
    assert told.value.details["fence"] == 2
    assert store.data_keys() == []


def test_what_dead_sessions_left_is_swept_and_nothing_else(store: StoreLake) -> None:
    lake = store.having(settings={"file_rows": 2})
    lake.publish(1, ids(1, 2, 3))
    dead = lake.open(fence=2)
    dead.stage(Batch(ids(4, 5, 6, 7, 8)))
    live = set(lake.log().commits()[0].published.record.files)
    assert len(lake.data_keys()) == len(live) + 2

    lake.objects().put("public.orders/data/README", b"somebody else's")
    context = lake.asking(fence=3)
    lake.open_in(context).close()

    assert set(lake.data_keys()) == live | {"public.orders/data/README"}
    assert ("info", "removed files that nobody will publish") in context.logs
    assert lake.numbers() == [1, 2, 3]


def test_replaced_files_are_swept_after_the_time_of_grace(store: StoreLake) -> None:
    lake = store.having(mode=WriteMode.REPLACE)
    for epoch in (1, 2, 3):
        lake.publish(epoch, ids(epoch), fence=epoch)
    assert len(lake.data_keys()) == 3
    hasty = lake.having(settings={"grace_seconds": 0.0})
    threading.Event().wait(1.1)  # the store counts in seconds
    hasty.open(fence=4).close()

    assert len(lake.data_keys()) == 1
    assert lake.numbers() == [3]


def test_leftovers_that_cannot_be_removed_are_told(store: StoreLake) -> None:
    lake = store.having(settings={"file_rows": 2})
    dead = lake.open(fence=2)
    dead.stage(Batch(ids(4, 5, 6, 7, 8)))
    context = lake.asking(fence=3)
    denied = Fault(method="POST", path="delete", status=403, code="AccessDenied", times=None)
    with lake.proxy.failing(denied), pytest.raises(InsufficientPermissionsError):
        lake.open_in(context)
    denied.skip = 1  # what the conditions were tried with may go
    denied.hits = 0
    with lake.proxy.failing(denied):
        session = lake.open_in(lake.asking(fence=4))
        part = session.stage(Batch(ids(1, 2, 3)))
        session.commit(lake.identity(1, fence=4), [part])
        session.close()
    assert lake.numbers() == [1, 2, 3]


@pytest.mark.parametrize(
    "hint",
    [
        b"",
        b"nonsense",
        b'{"head": 900, "swept": 0, "base": 0}',
        b'{"head": -1, "swept": 0, "base": 0}',
        b'{"head": 1, "swept": 900, "base": 7}',
        b'{"other": 1}',
    ],
)
def test_a_wrong_hint_costs_only_time(store: StoreLake, hint: bytes) -> None:
    store.publish(1, ids(1))
    store.objects().put(store.log().keys.hint, hint)
    assert store.numbers() == [1]
    store.publish(2, ids(2), fence=2)
    assert store.numbers() == [1, 2]


@pytest.mark.parametrize("damage", ["missing", "text", "format", "field", "stream", "foreign"])
def test_a_damaged_log_is_never_taken_for_an_empty_one(store: StoreLake, damage: str) -> None:
    store.publish(1, ids(1))
    store.publish(2, ids(2), fence=2)
    objects, keys = store.objects(), store.log().keys
    objects.delete([keys.hint])
    if damage == "missing":
        objects.delete([keys.entry(1)])
    elif damage == "foreign":
        objects.put(f"{keys.log}/notes.txt", b"")
    elif damage == "stream":
        other = store.having(stream="other")
        other.publish(1, ids(1))
        found = objects.read(other.log().keys.entry(2))
        assert found is not None
        objects.put(keys.entry(4), found.data)
    else:
        texts = {"text": b"{", "format": b'{"format": 2}', "field": b'{"format": 1, "claim": {}}'}
        objects.put(keys.entry(4), texts[damage])

    with pytest.raises(StateUnreadableError) as told:
        store.read()
    assert told.value.exit_code == 60
    assert told.value.fix
    with pytest.raises(StateUnreadableError):
        store.open(fence=3)


def test_a_long_log_is_read_in_few_steps(store: StoreLake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_target, "MOST_EARLIER", 3)
    for epoch in range(1, 12):
        store.publish(epoch, ids(epoch), fence=epoch)
    log = store.log()

    assert store.numbers() == list(range(1, 12))
    assert [entry.sequence for entry in log.commits()] == list(range(2, 23, 2))
    assert [entry.sequence for entry in log.commits_after(5)] == list(range(6, 23, 2))
    assert [entry.sequence for entry in log.commits_after(19)] == [20, 22]
    assert log.commits_after(22) == ()
    assert _entries.MOST_EARLIER > 3


def test_entries_read_back_as_they_were(store: StoreLake) -> None:
    store.publish(1, ids(1))
    log = store.log()
    claim, entry = log.entry(1), log.entry(2)

    assert isinstance(claim, ClaimEntry)
    assert isinstance(entry, CommitEntry)
    assert entry == log.commit
    assert entry.claim == claim.claim
    assert entry.base == 2
    assert entry.published.schema == ids().schema


def test_a_store_that_ignores_conditions_is_not_written_to(store: StoreLake) -> None:
    careless = Fault(method="PUT", outcome=Outcome.FORWARD, without="If-None-Match", times=None)
    with store.proxy.failing(careless), pytest.raises(CapabilityMissingError) as told:
        store.publish(1, ids(1))
    assert "If-None-Match" in told.value.fix
    assert store.stored() == []


def test_of_eight_writers_one_publishes_each_epoch(store: StoreLake) -> None:
    epochs, writers = 4, 8
    published: dict[int, int] = {}

    def work(epoch: int, fence: int) -> str:
        try:
            with store.session(fence=fence, run_id=f"run{fence}") as session:
                part = session.stage(Batch(ids(fence)))
                commit = store.identity(epoch, f"c{fence}", fence=fence, run_id=f"run{fence}")
                session.commit(commit, [part])
        except ConcurrencyError:
            return "lost"
        published[epoch] = fence
        return "won"

    with ThreadPoolExecutor(writers) as pool:
        for epoch in range(1, epochs + 1):
            fences = range(epoch * 100, epoch * 100 + writers)
            ends = list(pool.map(partial(work, epoch), fences))
            assert sorted(ends) == ["lost"] * (writers - 1) + ["won"]

    assert store.numbers() == sorted(published.values())
    assert len(store.data_keys()) == epochs
    records = [entry.published.record.commit for entry in store.log().commits()]
    assert [record.epoch for record in records] == list(range(1, epochs + 1))


def test_reading_goes_on_after_a_broken_answer(store: StoreLake) -> None:
    store.publish(1, ids(*range(50_000)))
    torn = Fault(method="GET", path=DATA, outcome=Outcome.TRUNCATE, times=2)
    with store.proxy.failing(torn):
        assert store.read().num_rows == 50_000
    assert torn.hits == 2


def test_a_file_that_was_removed_under_a_reader_is_told(store: StoreLake) -> None:
    store.publish(1, ids(1))
    store.objects().delete(store.data_keys())
    with pytest.raises(ConcurrencyError, match="is gone"):
        store.read()


def test_settings_that_do_not_fit_are_told(store: StoreLake) -> None:
    odd = store.having(storage={"options": {"nonsense": Secret("s")}})
    with pytest.raises(InvalidConfigError, match="a setting 'nonsense'"):
        Objects(odd.config, odd.asking())


def test_a_commit_that_is_seen_in_the_end_is_a_success(store: StoreLake) -> None:
    with store.session() as session:
        part = session.stage(Batch(ids(1)))
        done = Fault(method="PUT", path=ENTRY, outcome=Outcome.ANSWER_AFTER, times=None)
        with store.proxy.failing(done):
            receipt = session.commit(store.identity(1), [part])
    assert receipt.record.rows == 1
    assert store.numbers() == [1]
    assert len(store.log().commits()) == 1


def test_begun_files_that_cannot_be_removed_are_swept_by_the_next_run(store: StoreLake) -> None:
    lake = store.having(settings={"file_rows": 2})
    context = lake.asking()
    session = lake.open_in(context)
    session.stage(Batch(ids(1, 2, 3, 4, 5)))
    denied = Fault(method="POST", path="delete", status=403, code="AccessDenied", times=None)
    with lake.proxy.failing(denied):
        session.close()
    assert [level for level, text in context.logs if "stay for now" in text] == ["warning"]
    assert len(lake.data_keys()) == 2
    lake.open(fence=2).close()
    assert lake.data_keys() == []


def test_a_file_whose_footer_tells_another_count_is_never_published(store: StoreLake) -> None:
    with store.session() as session:
        part = session.stage(Batch(ids(1, 2, 3)))

        def swap() -> None:
            (key,) = store.data_keys()
            direct = store.having(storage={"endpoint": store.server.url}).objects()
            found = direct.read(key)
            assert found is not None
            table = pq.read_table(pa.BufferReader(found.data)).slice(0, 2)
            sink = io.BytesIO()
            pq.write_table(table, sink)
            direct.put(key, sink.getvalue().ljust(found.size_bytes, b" "))

        changed = Fault(method="GET", path=DATA, outcome=Outcome.FORWARD, call=swap)
        with store.proxy.failing(changed), pytest.raises((WriteFailedError, DativoError)):
            session.commit(store.identity(1), [part])
    assert store.log().commit is None


def test_files_that_do_not_add_up_are_never_published(
    store: StoreLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = to_be_stored

    def one_less(session: str, file: FinishedFile) -> StoredFile:
        return attrs.evolve(real(session, file), rows=file.rows - 1)

    monkeypatch.setattr(_target, "to_be_stored", one_less)
    with store.session() as session:
        part = session.stage(Batch(ids(1, 2, 3)))
        with pytest.raises(WriteFailedError, match="holds 3 records, but 2 were written"):
            session.commit(store.identity(1), [part])
        session.abort()
        monkeypatch.setattr(_target, "upload", lambda *_: None)
        part = session.stage(Batch(ids(1, 2, 3)))
        with pytest.raises(WriteFailedError, match="hold 2 records, but 3 were read"):
            session.commit(store.identity(1), [part])
    assert store.log().commit is None


def test_claims_without_end_are_given_up(store: StoreLake, monkeypatch: pytest.MonkeyPatch) -> None:
    direct = store.having(storage={"endpoint": store.server.url})
    fences = iter(range(1, 1000))
    quicker = Fault(
        method="PUT",
        path=ENTRY,
        outcome=Outcome.FORWARD,
        times=None,
        call=lambda: direct.open(fence=next(fences), job_id="other").close(),
    )
    monkeypatch.setattr(_open, "_ATTEMPTS", 3)
    with (
        store.proxy.failing(quicker),
        pytest.raises(ConcurrencyError, match="one run after the other"),
    ):
        store.open(fence=1)


def test_a_claim_that_names_no_commit_is_damage(store: StoreLake) -> None:
    store.publish(1, ids(1))
    log = store.log()
    claim = log.entry(1)
    assert isinstance(claim, ClaimEntry)
    store.objects().put(log.keys.entry(3), attrs.evolve(claim, commit=1).to_json())
    with pytest.raises(StateUnreadableError, match="it is no commit"):
        store.read()
    store.objects().put(log.keys.entry(3), attrs.evolve(claim, commit=7).to_json())
    with pytest.raises(StateUnreadableError, match="it is missing"):
        store.read()
