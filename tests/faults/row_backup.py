"""Targets that were restored from an older backup: refused, set back, and complete again."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import attrs
from fault_frame import Damage, Row, Workspace, dice
from fault_numbers import MODES, STREAM, NumbersJob
from fault_oracle import check_complete, check_state, newest_commit, published, state_commit
from fault_process import KILLED
from fault_store import new_store

from dativo.contract import FAILPOINT_VARIABLE

_STATE_ERROR = 60
_EPOCH_ROWS = 20
_GONE = (3, 4, 17)
_OF_A_RUN = ("engine.commit.before", "engine.commit.receipt", "engine.commit.saved")
_OF_A_REBUILD = (
    "engine.lock.held",
    "engine.fence.stored",
    "engine.target.locked",
    "parquet.swept",
    "parquet.claimed",
    "engine.session.opened",
)
_RESTORED = ("state.restored",)
_LOOKS = (("run",), ("plan",), ("state", "show", "--published"), ("compact",))


@attrs.frozen
class _Point:
    """What happens around the backup, besides a run before it and one after it.

    Attributes:
        before: A command before the backup is taken.
        after: The command that publishes what the backup lacks.
        dies_at: Where it is killed.
        is_empty: The backup was taken before the first run.
        keeps_claims: Only the stream's folder comes back; the writer's own files stay.
        rebuild_dies_at: Where the first rebuild is killed, at one of these.
        run_dies: The first run after the rebuild is killed too.
        is_damaged: The state is lost as well.
        gone: Ids that a scan of keys finds gone after the backup, in merge mode.
        on_store: The target is an object store.
    """

    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ("run",)
    dies_at: str = ""
    is_empty: bool = False
    keeps_claims: bool = False
    rebuild_dies_at: tuple[str, ...] = ()
    run_dies: bool = False
    is_damaged: bool = False
    gone: tuple[int, ...] = ()
    on_store: bool = False


_POINTS = (
    _Point(),
    _Point(keeps_claims=True),
    _Point(is_empty=True),
    _Point(is_empty=True, keeps_claims=True),
    _Point(before=("compact",)),
    _Point(after=("run", "--full-refresh")),
    _Point(dies_at="engine.commit.saved"),
    _Point(gone=_GONE),
    _Point(rebuild_dies_at=_OF_A_REBUILD),
    _Point(rebuild_dies_at=("state.before_restore",), keeps_claims=True),
    _Point(rebuild_dies_at=_RESTORED),
    _Point(run_dies=True),
    _Point(is_damaged=True),
    _Point(on_store=True),
    _Point(on_store=True, is_empty=True, run_dies=True),
)


def older_target(number: int, workspace: Workspace) -> None:
    """Restore the target from a backup; only `state rebuild` lets the job go on from there."""
    source = dice("state.older_target", number)
    point, mode = _POINTS[number // len(MODES)], MODES[number % len(MODES)]
    job = _job(mode, point, source, workspace)
    _go_back(job, point, workspace)
    if mode != "replace":  # each run exchanges everything, so there is nothing to refuse
        _check_refused(job, workspace)
    _rebuild(job, point, source, workspace)
    if point.run_dies:
        _killed(job, source.choice(_OF_A_RUN), ("run",), workspace)
    check_state(job)
    dativo = job.dativo(workspace)
    dativo("run", "--json", code=0)
    check_complete(job)
    assert state_commit(job.folder / ".dativo") == newest_commit(job)
    again = dativo("run", "--json", code=0)
    assert mode == "replace" or again.document["rows"] == 0, str(again)
    check_complete(job)


def _job(mode: str, point: _Point, source: random.Random, workspace: Workspace) -> NumbersJob:
    """Return the job as it is after the backup, with what was gone since then."""
    gone = point.gone if mode == "merge" else ()
    rows, rows_before = _EPOCH_ROWS * source.randint(3, 5), _EPOCH_ROWS * source.randint(1, 2)
    return NumbersJob(
        folder=workspace.path / "work",
        mode=mode,
        rows=rows,
        earlier=(rows_before,),
        keys=0 if gone else 30,
        epoch_rows=_EPOCH_ROWS,
        generation="b" if mode == "replace" else "a",
        delay_seconds=0,
        gone=gone,
        gone_since=rows_before,
        store=new_store() if point.on_store else None,
    )


def _go_back(job: NumbersJob, point: _Point, workspace: Workspace) -> None:
    """Run, take a backup, publish more, and put the backup in the place of the target."""
    dativo = job.dativo(workspace)
    if not point.is_empty:
        attrs.evolve(job, rows=job.gone_since, generation="a", gone=()).write()
        dativo("run", "--json", code=0)
    if point.before:
        dativo(*point.before, "--json", code=0)
    restore = _backup(job, point, workspace)
    job.write()
    if point.dies_at:
        _killed(job, point.dies_at, point.after, workspace)
    else:
        dativo(*point.after, "--json", code=0)
    restore()


def _backup(job: NumbersJob, point: _Point, workspace: Workspace) -> Callable[[], None]:
    """Copy the target as it is now, and return what puts the copy in its place."""
    if job.store is not None:
        store, objects = job.store, job.store.snapshot()
        return lambda: store.restore(objects)
    place, copy = job.data if point.keeps_claims else job.lake, workspace.path / "backup"
    if place.exists():
        shutil.copytree(place, copy)

    def restore() -> None:
        shutil.rmtree(place)
        if copy.exists():
            copy.rename(place)

    return restore


def _check_refused(job: NumbersJob, workspace: Workspace) -> None:
    """See that every command says the same, and that none of them publishes or stores."""
    dativo, folder, before = job.dativo(workspace), job.folder / ".dativo", published(job)
    stored, there = state_commit(folder), newest_commit(job)
    for words in _LOOKS:
        ended = dativo(*words, "--json", code=_STATE_ERROR)
        error = ended.error
        assert (error["code"], error["stream"]) == ("STATE", STREAM), str(ended)
        assert "dativo state rebuild" in error["fix"], str(ended)
        found = error["details"]
        assert (found["stored_epoch"], found["stored_commit_id"]) == attrs.astuple(stored)
        epochs = found["published_epoch"] or 0, found["published_commit_id"] or ""
        assert epochs == attrs.astuple(there), str(ended)
    if (after := published(job)) != before:
        raise Damage(f"{before} was published, {after} is after a refusal", partial=1)
    assert state_commit(folder) == stored, "a refusal has stored something"


def _rebuild(job: NumbersJob, point: _Point, source: random.Random, workspace: Workspace) -> None:
    """Rebuild, and see that the state is the target's then, and its fence higher than ever."""
    dativo, folder, before = job.dativo(workspace), job.folder / ".dativo", published(job)
    fence = dativo("state", "show", "--json", code=0).document["fence"]
    if point.is_damaged:
        _damage(folder)
    if point.rebuild_dies_at:
        _killed(job, source.choice(point.rebuild_dies_at), ("state", "rebuild"), workspace)
    ended = dativo("state", "rebuild", "--json", code=0)
    (stream,) = ended.document["streams"]
    is_first = not point.is_damaged and point.rebuild_dies_at != _RESTORED
    assert stream["went_back"] is is_first, str(ended)
    assert state_commit(folder) == newest_commit(job), str(ended)
    shown = dativo("state", "show", "--published", "--json", code=0)
    assert shown.document["fence"] > fence, f"the fence was {fence}: {shown}"
    assert published(job) == before, "a rebuild has published"


def _damage(folder: Path) -> None:
    for file in folder.glob("state.db-*"):
        file.unlink()
    (folder / "state.db").write_text("{}\n" * 500)


def _killed(job: NumbersJob, at: str, words: tuple[str, ...], workspace: Workspace) -> None:
    ended = job.dativo(workspace).with_variables(**{FAILPOINT_VARIABLE: at})(*words, "--json")
    assert ended.code in KILLED, str(ended)
    workspace.kills += 1


ROWS = (
    Row(
        name="state.older_target",
        about="the target restored from a backup: exit 60, `state rebuild` sets the state back",
        demanded=len(_POINTS) * len(MODES),
        sampled=6,
        case=older_target,
    ),
)
