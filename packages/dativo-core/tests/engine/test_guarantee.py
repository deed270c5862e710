"""The table of guarantees, with no combination missing, and what `require` does with it."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import attrs
import pytest

from dativo import engine
from dativo.config import load_job
from dativo.contract import (
    Atomicity,
    Guarantee,
    ReadMode,
    ReadPlan,
    Replay,
    StreamRequest,
    WriteMode,
    WritePlan,
    WriteRequest,
)
from dativo.engine._guarantee import promise_of, require_guarantee, weigh
from dativo.engine._open import open_sides
from dativo.engine._pipe import Pipe
from dativo.engine._writing import StreamPlan
from dativo.errors import ConfigurationError
from dativo_test_support.project import Project

LEVELS = list(itertools.product(Replay, Atomicity))
COMBINATIONS = list(itertools.product(Replay, Atomicity, ReadMode, WriteMode))
WEAKER = list(Guarantee)
PAGE = Path(__file__).parents[4] / "docs" / "delivery.md"


def plan_of(read: ReadMode, write: WriteMode) -> StreamPlan:
    return StreamPlan(
        read=StreamRequest(stream="s", mode=read),
        write=WriteRequest(stream="s", mode=write, primary_key=("id", "part")),
        fingerprint={},
    )


@pytest.fixture
def pipe(project: Project) -> Any:
    """The scripted connectors, loaded."""
    with open_sides(load_job(project.job())) as sides:
        yield sides.pipe


def with_levels(pipe: Pipe, replay: Replay, atomicity: Atomicity) -> Pipe:
    """The same pipe whose connectors say these levels of themselves."""

    def changed(side: Any, **levels: Any) -> Any:
        role = side.connector.role.value
        about = attrs.evolve(getattr(side.connector.info, role), **levels)
        info = attrs.evolve(side.connector.info, **{role: about})
        return attrs.evolve(side, connector=attrs.evolve(side.connector, info=info))

    return Pipe(
        source=changed(pipe.source, replay=replay),
        writer=changed(pipe.writer, atomicity=atomicity),
    )


def test_every_combination_has_a_guarantee_and_says_what_weakens_it(pipe: Pipe) -> None:
    for replay, atomicity, read, write in COMBINATIONS:
        promise = promise_of(plan_of(read, write), with_levels(pipe, replay, atomicity))

        is_exact = promise.guarantee is Guarantee.EXACTLY_ONCE
        assert promise.guarantee is weigh(replay, atomicity, write)
        assert bool(promise.reason) is bool(promise.fix) is not is_exact
        if read is ReadMode.INCREMENTAL:
            assert any("cursor" in sentence for sentence in promise.assumptions)
        if write is WriteMode.MERGE:
            assert "the primary key (id, part) is unique and never NULL" in promise.assumptions
        if (read, write) == (ReadMode.FULL, WriteMode.APPEND):
            assert promise.assumptions == ("each run adds a whole copy of the stream",)


def test_weaker_connectors_never_promise_more() -> None:
    for mode in WriteMode:
        for replay in (Replay.EXACT, Replay.AT_LEAST_ONCE):
            levels = [WEAKER.index(weigh(replay, atomicity, mode)) for atomicity in Atomicity]
            assert levels == sorted(levels)
        for atomicity in Atomicity:
            levels = [WEAKER.index(weigh(replay, atomicity, mode)) for replay in Replay]
            assert levels == sorted(levels)


def test_the_table_of_the_docs_is_the_one_that_is_computed() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| (.*) \|$", PAGE.read_text(), re.MULTILINE)

    shown = {
        (Replay(replay), Atomicity(atomicity)): [word.replace(" ", "_") for word in cells]
        for replay, atomicity, text in rows
        if len(cells := text.split(" | ")) == len(WriteMode)
    }

    assert shown == {level: [weigh(*level, mode).value for mode in WriteMode] for level in LEVELS}


def test_what_connectors_assume_comes_with_it_and_goes_before_the_default(pipe: Pipe) -> None:
    promise = promise_of(
        plan_of(ReadMode.INCREMENTAL, WriteMode.APPEND),
        pipe,
        read=ReadPlan(assumptions=("no row commits late",)),
        write=WritePlan(assumptions=("the disk keeps what it has",)),
    )

    assert promise.assumptions == (
        "no row commits late",
        "a changed record is published once more for each change that a run has seen",
        "a record that is deleted in the source stays published",
        "the disk keeps what it has",
    )


def test_deletions_that_are_found_are_not_said_to_stay(pipe: Pipe) -> None:
    plan = plan_of(ReadMode.INCREMENTAL, WriteMode.MERGE)
    scanned = attrs.evolve(plan, keys=plan.read)
    replaced = plan_of(ReadMode.INCREMENTAL, WriteMode.REPLACE)

    found = [promise_of(one, pipe).assumptions[-1] for one in (plan, scanned, replaced)]

    assert promise_of(scanned, pipe).assumptions[-2] == (
        "a record is deleted by the first run that no longer finds its key in the source"
    )
    assert found == [
        "a record that is deleted in the source stays published",
        "a record whose key comes back to the source gets a new cursor value",
        "a new or changed record gets a cursor value that is not below those already read",
    ]


@pytest.mark.parametrize("required", [None, *Guarantee])
def test_what_is_as_strong_as_required_may_run(project: Project, required: Any) -> None:
    job = attrs.evolve(load_job(project.job(source={"rows": 5})), require=required)

    assert engine.run(job).ok


@pytest.mark.parametrize(
    ("replay", "atomicity", "why", "fix"),
    [
        (Replay.AT_LEAST_ONCE, Atomicity.EPOCH, "append keeps both", "mode: merge"),
        (Replay.EXACT, Atomicity.FILE, "in one step", "atomicity epoch"),
        (Replay.NONE, Atomicity.EPOCH, "cannot give a record twice", "can read again"),
    ],
)
def test_what_is_weaker_than_required_is_refused_by_name(
    project: Project, pipe: Pipe, *, replay: Replay, atomicity: Atomicity, why: str, fix: str
) -> None:
    job = attrs.evolve(load_job(project.job()), require=Guarantee.EXACTLY_ONCE)
    plans = [plan_of(ReadMode.INCREMENTAL, WriteMode.APPEND)]

    with pytest.raises(ConfigurationError, match=why) as caught:
        require_guarantee(job, plans, with_levels(pipe, replay, atomicity))

    assert "requires exactly once, but s gets at " in caught.value.message
    assert fix in caught.value.fix
    assert caught.value.details["guarantees"] == {
        "s": weigh(replay, atomicity, plans[0].write.mode)
    }


@pytest.mark.parametrize("operation", [engine.run, engine.check])
def test_run_and_check_refuse_before_anything_is_read(project: Project, operation: Any) -> None:
    job = project.job(source={"rows": 5, "fail_at": 1})
    job.write_text(
        job.read_text()
        .replace('"connector": "numbers"', '"connector": "plain"')
        .replace('"connector": "ledger"', '"connector": "plain"')
        .replace('"run":', '"require": "exactly_once", "run":')
    )

    with pytest.raises(ConfigurationError, match="numbers gets at least once"):
        operation(job)

    assert not project.target.exists()


def test_deletions_that_the_source_tells_are_not_said_to_stay(pipe: Pipe) -> None:
    plan = plan_of(ReadMode.INCREMENTAL, WriteMode.MERGE)

    told = promise_of(plan, pipe, read=ReadPlan(deletes=True)).assumptions

    assert not any("deleted" in sentence for sentence in told)


def test_deletions_that_are_looked_for_need_no_assumption(pipe: Pipe) -> None:
    plan = plan_of(ReadMode.INCREMENTAL, WriteMode.MERGE)
    scanned = attrs.evolve(plan, keys=StreamRequest(stream="s", columns=("id", "part")))

    stays = set(promise_of(plan, pipe).assumptions) - set(promise_of(scanned, pipe).assumptions)

    assert stays == {"a record that is deleted in the source stays published"}
