"""Showing, setting, resetting and rebuilding the state of a job."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import attrs
import pytest

from dativo import engine
from dativo.contract import Checkpoint
from dativo.errors import (
    ConfigurationError,
    ResourceNotFoundError,
    StateError,
    StateLockedError,
    StateUnreadableError,
)
from dativo.state import StateStore, Stored, job_lock, read_stored
from dativo_test_support.project import Project

WHOLE = ("whole", "whole")
MERGED = [{"name": "numbers", "mode": "incremental", "primary_key": ["id"]}]
BOTH = pytest.mark.parametrize("connectors", [WHOLE, ("numbers", "ledger")])


def merged(project: Project, **job: Any) -> Path:
    job = {"connectors": WHOLE, "write_mode": "merge", "streams": MERGED, **job}
    return project.job(**job)


def stored(project: Project) -> Stored:
    return read_stored(project.folder / ".dativo", "numbers_to_ledger")


def database(project: Project) -> Path:
    return project.folder / ".dativo" / "state.db"


class TestSetAndReset:
    """Operator changes are commits."""

    @BOTH
    def test_a_set_checkpoint_is_where_the_next_run_reads_on(
        self, project: Project, connectors: Any
    ) -> None:
        job = merged(project, connectors=connectors, source={"rows": 40})
        engine.run(job)
        epoch = project.records()[-1].commit.epoch

        changed = engine.set_state(job, stream="numbers", checkpoint=Checkpoint({"id": 25}))

        record = project.records()[-1]
        assert (changed.before, changed.checkpoint) == (
            Checkpoint({"id": 40}),
            Checkpoint({"id": 25}),
        )
        assert (changed.epoch, record.commit.epoch, record.rows) == (epoch + 1, epoch + 1, 0)
        assert record.commit.checkpoint == Checkpoint({"id": 25})
        assert engine.show_state(job).streams[0].record == record
        assert engine.run(job).rows == 15
        assert sorted(project.merged()) == list(range(1, 41))

    def test_a_reset_stream_is_read_from_the_beginning_and_nothing_is_lost(
        self, project: Project
    ) -> None:
        job = merged(project, source={"rows": 40})
        engine.run(job)

        changed = engine.reset_state(job, stream="numbers")

        assert changed.checkpoint is None
        assert changed.to_dict()["before"] == {"version": 1, "value": {"id": 40}}
        assert engine.plan(job).streams[0].rows == 40
        assert engine.run(job).rows == 40
        assert sorted(project.merged()) == list(range(1, 41))

    def test_an_appended_stream_needs_leave_to_be_doubled(self, project: Project) -> None:
        job = project.job(connectors=WHOLE, source={"rows": 10})
        engine.run(job)
        before = project.records()

        with pytest.raises(ConfigurationError, match="published twice") as caught:
            engine.reset_state(job, stream="numbers")
        assert project.records() == before
        engine.reset_state(job, stream="numbers", allow_duplicates=True)
        engine.run(job)

        assert "--allow-duplicates" in caught.value.fix
        assert project.ids() == [*range(1, 11), *range(1, 11)]

    def test_a_stream_that_was_never_published_has_no_state_to_change(
        self, project: Project
    ) -> None:
        with pytest.raises(StateError, match="nothing of stream 'numbers' is published"):
            engine.reset_state(merged(project), stream="numbers")

    def test_a_stream_that_is_replaced_or_read_in_full_has_no_checkpoint(
        self, project: Project
    ) -> None:
        replaced = project.job(connectors=WHOLE, streams=[{"name": "numbers"}])
        with pytest.raises(ConfigurationError, match="exchanged by each run"):
            engine.reset_state(replaced, stream="numbers")
        with pytest.raises(ConfigurationError, match="read in full"):
            engine.set_state(replaced, stream="numbers", checkpoint=Checkpoint({"id": 1}))

    def test_a_checkpoint_of_a_newer_source_is_refused(self, project: Project) -> None:
        job = merged(project, source={"rows": 10})
        engine.run(job)

        with pytest.raises(StateError, match="version 2"):
            engine.set_state(job, stream="numbers", checkpoint=Checkpoint({"id": 1}, version=2))

    def test_a_checkpoint_that_the_source_cannot_read_is_refused(self, project: Project) -> None:
        job = merged(project, source={"rows": 10})
        engine.run(job)
        before = project.records()

        with pytest.raises(Exception, match="id"):
            engine.set_state(job, stream="numbers", checkpoint=Checkpoint({"other": 1}))

        assert project.records() == before

    def test_a_change_waits_for_nobody(self, project: Project) -> None:
        job = merged(project)
        with (
            job_lock(project.folder / ".dativo", "numbers_to_ledger", "r"),
            pytest.raises(StateLockedError),
        ):
            engine.reset_state(job, stream="numbers")

    def test_a_stream_that_the_job_lacks_is_refused(self, project: Project) -> None:
        with pytest.raises(ResourceNotFoundError, match="no stream 'x'"):
            engine.reset_state(merged(project), stream="x")

    def test_a_change_is_in_the_history(self, project: Project) -> None:
        job = merged(project, source={"rows": 10})
        engine.run(job)

        engine.reset_state(job, stream="numbers")

        run = engine.list_runs(project.folder)[0]
        shown = engine.show_run(run.run_id[:8], folder=project.folder)
        assert (run.outcome, run.options["operation"]) == ("done", "state reset")
        assert [(epoch.rows, epoch.checkpoint) for epoch in shown.epochs] == [(0, None)]


class TestShow:
    """What is stored, and on request what is published."""

    def test_the_stored_state_is_shown_without_connectors(self, project: Project) -> None:
        job = project.job(source={"rows": 10})
        engine.run(job)

        report = engine.show_state(job)

        (stream,) = report.streams
        (record,) = project.records()
        assert report.ok
        assert (stream.record, stream.knows_published) == (record, False)
        assert report.fence == record.commit.fence
        assert report.to_dict()["streams"][0]["stored"]["epoch"] == 1  # type: ignore[index]

    def test_a_job_without_state_shows_none_and_gets_none(self, project: Project) -> None:
        job = project.job()

        assert engine.show_state(job).streams == ()
        assert engine.show_state(job, streams=["numbers"]).streams[0].record is None
        assert not (project.folder / ".dativo").exists()
        with pytest.raises(ResourceNotFoundError):
            engine.show_state(job, streams=["x"])

    def test_state_and_target_are_compared_on_request(self, project: Project) -> None:
        job = merged(project, source={"rows": 10})
        engine.run(job)
        alike = engine.show_state(job, published=True)
        database(project).unlink()
        behind = engine.show_state(job, published=True)
        engine.run(job)
        for file in (project.target / "numbers").glob("*.arrow"):
            file.unlink()
        ahead = engine.show_state(job, published=True)

        assert alike.streams[0].published == alike.streams[0].record
        assert (alike.ok, behind.ok, behind.streams[0].rolls_forward) == (True, True, True)
        assert isinstance(ahead.error, StateError)
        assert ahead.exit_code == 60

    def test_a_writer_that_cannot_tell_leaves_it_open(self, project: Project) -> None:
        job = project.job(source={"rows": 10})
        engine.run(job)

        (stream,) = engine.show_state(job, published=True).streams

        assert not stream.knows_published
        assert stream.record is not None

    def test_state_of_streams_that_the_job_no_longer_has_is_shown_too(
        self, project: Project
    ) -> None:
        streams = [{"name": "a"}, {"name": "b"}]
        engine.run(project.job(connectors=WHOLE, streams=streams))

        report = engine.show_state(
            project.job(connectors=WHOLE, streams=streams[:1]), published=True
        )

        assert [stream.stream for stream in report.streams] == ["a", "b"]


class TestRebuild:
    """A state that is lost or damaged comes back from the commit records."""

    @pytest.mark.parametrize("content", [b"", b"garbage" * 999, None])
    def test_a_lost_or_damaged_state_is_restored(
        self, project: Project, content: bytes | None
    ) -> None:
        job = merged(project, source={"rows": 40})
        engine.run(job)
        before = engine.show_state(job).streams[0].record
        database(project).unlink() if content is None else database(project).write_bytes(content)

        rebuilt = engine.rebuild_state(job)

        is_damaged = bool(content)
        assert (rebuilt.damaged is not None) is is_damaged
        if rebuilt.damaged is not None:
            assert rebuilt.damaged.read_bytes() == content
        assert [(one.stream, one.is_restored) for one in rebuilt.streams] == [("numbers", True)]
        after = engine.show_state(job)
        assert after.streams[0].record == before
        assert after.fence > project.records()[-1].commit.fence
        assert engine.run(job).rows == 0

    def test_a_damaged_state_stops_every_command_with_the_command_that_mends_it(
        self, project: Project
    ) -> None:
        job = merged(project, source={"rows": 10})
        engine.run(job)
        database(project).write_bytes(b"garbage" * 999)

        operations: list[Any] = [engine.run, engine.plan, engine.show_state, engine.compact]
        for operation in operations:
            with pytest.raises(StateUnreadableError) as caught:
                operation(job)
            assert caught.value.exit_code == 60
            assert "dativo state rebuild" in caught.value.fix

    def test_a_damaged_entry_is_rebuilt_too(self, project: Project) -> None:
        job = merged(project, source={"rows": 10})
        engine.run(job)
        with closing(sqlite3.connect(database(project))) as opened, opened:
            opened.execute("update state set record = '{}'")

        refused = engine.run(job)
        rebuilt = engine.rebuild_state(job)

        assert isinstance(refused.error, StateUnreadableError)
        assert "state rebuild" in refused.error.fix
        assert rebuilt.damaged is not None
        assert engine.run(job).rows == 0

    def test_it_may_be_done_again(self, project: Project) -> None:
        job = merged(project, source={"rows": 10})
        engine.run(job)
        database(project).write_bytes(b"garbage" * 999)
        engine.rebuild_state(job)
        before = stored(project).entries

        again = engine.rebuild_state(job)

        assert (again.damaged, again.streams[0].is_restored) == (None, False)
        assert stored(project).entries == before
        assert again.to_dict()["damaged"] is None

    def test_replaced_streams_come_back_and_others_stay_empty(self, project: Project) -> None:
        streams = [{"name": "a"}, {"name": "b"}]
        job = project.job(connectors=WHOLE, streams=streams)
        engine.run(job, streams=["a"])
        database(project).unlink()

        rebuilt = engine.rebuild_state(job)

        assert [(one.stream, one.is_restored) for one in rebuilt.streams] == [
            ("a", True),
            ("b", False),
        ]
        assert [one.stream for one in engine.show_state(job).streams] == ["a"]

    @pytest.mark.parametrize("write_mode", ["append", "merge"])
    @pytest.mark.parametrize("until", [0, 20])
    def test_a_target_from_a_backup_is_refused_until_the_state_is_set_back(
        self, project: Project, write_mode: str, until: int
    ) -> None:
        job = self.gone_back(project, write_mode=write_mode, until=until)
        before, published = stored(project), project.records()
        refusals = [engine.run(job).error, engine.plan(job).error, engine.compact(job).error]
        refusals.append(engine.show_state(job, published=True).error)
        assert (stored(project).entries, project.records()) == (before.entries, published)

        (rebuilt,) = engine.rebuild_state(job).streams

        for refused in refusals:
            assert isinstance(refused, StateError)
            assert "dativo state rebuild" in refused.fix
            assert refused.details["stored_epoch"] == before.entries["numbers"].epoch
            assert refused.details["published_epoch"] == (2 if until else None)
        assert rebuilt.before == before.entries["numbers"].record
        assert rebuilt.record == (published[-1] if published else None)
        assert (rebuilt.is_restored, rebuilt.went_back) == (True, True)
        after = stored(project)
        assert [one.record for one in after.entries.values()] == published[-1:]
        assert after.fence > before.fence
        assert engine.run(job).rows == 40 - until
        assert sorted(project.ids()) == list(range(1, 41))
        assert project.records()[-1].commit.fence > before.fence
        assert not engine.rebuild_state(job).streams[0].is_restored

    def test_the_state_of_a_replaced_stream_goes_back_too(self, project: Project) -> None:
        job = self.gone_back(project, streams=[{"name": "numbers"}], until=20)

        (rebuilt,) = engine.rebuild_state(job).streams

        assert rebuilt.went_back
        assert stored(project).entries["numbers"].record == project.records()[-1]
        assert engine.run(job).rows == 40
        assert project.ids() == list(range(1, 41))

    def test_the_next_commit_is_newer_than_a_set_back_one_of_another_clock(
        self, project: Project
    ) -> None:
        job = self.gone_back(project, until=20)
        ahead = 10**15
        with closing(StateStore(project.folder / ".dativo")) as store:
            entry = store.load("numbers_to_ledger", "numbers")
            assert entry is not None
            commit = attrs.evolve(entry.record.commit, fence=ahead)
            store.save(attrs.evolve(entry.record, commit=commit))

        engine.rebuild_state(job)

        assert engine.run(job).rows == 20
        assert project.records()[-1].commit.fence > ahead

    @staticmethod
    def gone_back(project: Project, *, until: int, **job: Any) -> Path:
        """Publish 40 numbers, then put back what the target was when it had the first ones."""
        job = {"connectors": WHOLE, "run": {"epoch_rows": 10}, **job}
        backup = project.folder / "backup"
        if until:
            engine.run(project.job(source={"rows": until}, **job))
            shutil.copytree(project.target, backup)
        file = project.job(source={"rows": 40}, **job)
        engine.run(file)
        shutil.rmtree(project.target)
        if until:
            backup.rename(project.target)
        return file

    def test_a_folder_in_its_place_is_moved_aside(self, project: Project) -> None:
        job = merged(project, source={"rows": 10})
        engine.run(job)
        database(project).unlink()
        database(project).mkdir()

        engine.rebuild_state(job)

        assert database(project).is_file()
        assert [one.stream for one in engine.show_state(job).streams] == ["numbers"]

    def test_a_newer_database_is_not_moved(self, project: Project) -> None:
        job = merged(project, source={"rows": 10})
        engine.run(job)
        with closing(sqlite3.connect(database(project))) as opened, opened:
            opened.execute("update meta set value = '99'")

        with pytest.raises(StateUnreadableError, match="format 99"):
            engine.rebuild_state(job)

        assert database(project).exists()

    def test_data_of_another_job_is_not_taken_for_its_own(self, project: Project) -> None:
        engine.run(merged(project, source={"rows": 10}))

        with pytest.raises(StateError, match="published"):
            engine.rebuild_state(merged(project, name="other"))


def test_no_length_of_the_state_makes_a_run_read_again(project: Project) -> None:
    job = project.job(source={"rows": 10})
    engine.run(job)
    whole, files = database(project).read_bytes(), sorted((project.folder / ".dativo").iterdir())

    for length in (0, 1, 16, 99, 100, 511, 512, 4095, 4096, 4097, 12_288, len(whole) - 1):
        database(project).write_bytes(whole[:length])
        try:
            rows, codes = engine.run(job).rows, []
        except StateUnreadableError as error:
            rows, codes = 0, [error.code]

        assert (rows, project.ids()) == (0, list(range(1, 11)))
        assert bool(codes) is (length > 1)
    assert sorted((project.folder / ".dativo").iterdir()) == files
