from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from dativo.errors import ResourceNotFoundError, StateUnreadableError
from dativo.state import (
    EpochEntry,
    History,
    RunEnd,
    StreamEntry,
    job_lock,
    read_run,
    read_runs,
)

DONE = RunEnd(outcome="done", exit_code=0, rows=5, size_bytes=50, snapshots=1, seconds=1.5)


def begin(history: History, run_id: str, *, job: str = "job", keep: int = 10) -> None:
    history.begin(run_id, job=job, file=Path("job.yaml"), options={"streams": []}, keep=keep)


def test_a_run_is_found_with_its_streams_and_commits(tmp_path: Path) -> None:
    history = History(tmp_path)
    begin(history, "abcd")
    begin(history, "abxx")
    epoch = EpochEntry(
        stream="s",
        epoch=7,
        commit_id="c7",
        rows=5,
        size_bytes=50,
        files=1,
        checkpoint='{"id":5}',
        committed_at="2026-01-01T00:00:00.000Z",
    )
    history.add("abcd", [StreamEntry(stream="s", outcome="running")])
    history.add("abcd", [epoch])
    history.end("abcd", DONE, (StreamEntry(stream="s", outcome="done", attempts=2, rows=5),))
    history.close()

    found = read_run(tmp_path, "abc")

    assert (found.run.run_id, found.run.outcome, found.run.exit_code) == ("abcd", "done", 0)
    assert (found.run.rows, found.run.snapshots, found.run.seconds) == (5, 1, 1.5)
    assert found.run.options == {"streams": []}
    assert found.run.ended is not None
    assert found.run.started <= found.run.ended
    assert found.epochs == (epoch,)
    assert [(one.stream, one.outcome, one.attempts) for one in found.streams] == [("s", "done", 2)]
    assert found.to_dict()["epochs"][0]["commit_id"] == "c7"  # type: ignore[index]


@pytest.mark.parametrize("run_id", ["ab", "x", "", "%"])
def test_an_id_must_name_one_run(tmp_path: Path, run_id: str) -> None:
    history = History(tmp_path)
    begin(history, "abcd")
    begin(history, "abxx")
    history.close()

    with pytest.raises(ResourceNotFoundError, match="begins with"):
        read_run(tmp_path, run_id)


def test_runs_are_listed_by_job_the_newest_first(tmp_path: Path) -> None:
    history = History(tmp_path)
    for number in range(4):
        begin(history, f"r{number}", job="even" if number % 2 == 0 else "odd")

    listed = [run.run_id for run in read_runs(tmp_path, limit=3)]
    even = [run.run_id for run in read_runs(tmp_path, job="even")]
    history.close()

    assert listed == ["r3", "r2", "r1"]
    assert even == ["r2", "r0"]


def test_only_the_newest_runs_of_a_job_are_kept_with_what_belongs_to_them(tmp_path: Path) -> None:
    history = History(tmp_path)
    begin(history, "other", job="other")
    for number in range(5):
        begin(history, f"r{number}", keep=2)
        history.add(f"r{number}", [StreamEntry(stream="s", outcome="running")])
    history.close()

    with closing(sqlite3.connect(tmp_path / "history.db")) as database:
        streams = [row[0] for row in database.execute("select run_id from streams order by 1")]

    assert [run.run_id for run in read_runs(tmp_path)] == ["r4", "r3", "other"]
    assert streams == ["r3", "r4"]


def test_a_run_without_an_end_runs_or_has_crashed(tmp_path: Path) -> None:
    history = History(tmp_path)
    begin(history, "gone")
    begin(history, "here")
    for run_id in ("gone", "here"):
        history.add(run_id, [StreamEntry(stream="s", outcome="running")])
    history.close()

    with job_lock(tmp_path, "job", "here"):
        during = {run.run_id: run.outcome for run in read_runs(tmp_path)}
        stream = read_run(tmp_path, "here").streams[0]
    after = {run.run_id: run.outcome for run in read_runs(tmp_path)}

    assert during == {"gone": "crashed", "here": "running"}
    assert after == {"gone": "crashed", "here": "crashed"}
    assert stream.outcome == "running"
    assert read_run(tmp_path, "here").streams[0].outcome == "crashed"


def test_history_is_private_and_reading_it_leaves_no_trace(tmp_path: Path) -> None:
    folder = tmp_path / ".dativo"
    assert read_runs(folder) == ()
    assert not folder.exists()
    history = History(folder)
    begin(history, "r")
    history.close()

    read_runs(folder)

    assert [file.name for file in folder.iterdir()] == ["history.db"]
    assert (folder / "history.db").stat().st_mode & 0o777 == 0o600


def test_a_history_that_was_just_made_is_empty(tmp_path: Path) -> None:
    (tmp_path / "history.db").touch()

    assert read_runs(tmp_path) == ()


def test_a_damaged_or_newer_history_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "history.db").write_bytes(b"no database" * 100)
    History(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / "history.db")) as database:
        database.execute("pragma user_version = 99")

    for folder, why in ((tmp_path / "damaged", "not a database"), (tmp_path, "format 99")):
        with pytest.raises(StateUnreadableError, match=why) as caught:
            read_runs(folder)
        with pytest.raises(StateUnreadableError, match=why):
            History(folder)
        assert "Move" in caught.value.fix


def test_what_cannot_be_written_is_an_error_and_leaves_no_transaction(tmp_path: Path) -> None:
    history = History(tmp_path)
    begin(history, "r")

    with pytest.raises(StateUnreadableError, match="UNIQUE"):
        begin(history, "r")

    history.end("r", DONE)
    history.close()
    assert read_runs(tmp_path)[0].outcome == "done"


def test_a_path_that_is_no_text_cannot_be_written(tmp_path: Path) -> None:
    history = History(tmp_path)

    with pytest.raises(StateUnreadableError, match="surrogates"):
        history.begin("r", job="job", file=Path("\udcff"), options={}, keep=1)

    history.close()


def test_threads_share_a_history(tmp_path: Path) -> None:
    history = History(tmp_path)
    begin(history, "r")

    def fill(stream: str) -> None:
        for attempt in range(1, 20):
            entry = StreamEntry(stream=stream, outcome="running", attempts=attempt)
            history.add("r", [entry])

    threads = [threading.Thread(target=fill, args=(f"s{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    history.close()

    assert [stream.attempts for stream in read_run(tmp_path, "r").streams] == [19] * 4
