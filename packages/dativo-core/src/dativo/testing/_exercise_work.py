"""In a child: a source plans and reads, or a writer plans, writes and compacts, all that it can."""

from __future__ import annotations

import contextlib
import itertools
import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import arro3.core as arro3
import attrs

from dativo.config import ProblemList, settings_node, structure
from dativo.contract import (
    Batch,
    Checkpoint,
    Commit,
    ReadMode,
    ReadPlan,
    Stream,
    StreamRequest,
    StreamStatus,
    WriteMode,
    WritePlan,
    WriteRequest,
)
from dativo.engine._arrow import lazy
from dativo.engine._context import EngineContext
from dativo.engine._control import RunControl
from dativo.engine._pipe import Side, role_info
from dativo.testing._exercise_notes import Notes

__all__ = ["JOB", "Reading", "Writing"]

JOB = "kit"
_STREAMS = 5
_BATCHES = 3
_PARTS = 20


@attrs.frozen(kw_only=True)
class Reading:
    """What a source can do; see :func:`dativo.testing._exercise.exercise` for *request*."""

    side: Side
    control: RunControl
    notes: Notes
    request: Mapping[str, Any]

    def do(self) -> None:
        """Discover, and read some of the streams in each of their modes."""
        streams: list[Stream] = []
        with self.notes.trying("discover"):
            context = self.side.context(self.control)
            for stream in self.side.connector.discover(self.side.config, context):
                streams.append(stream)
                self._look_at_stream(stream)
        readable = [one for one in streams if one.status is StreamStatus.READABLE]
        for stream in readable[:_STREAMS]:
            context = self.side.context(self.control, stream=stream.name)
            for mode in stream.read_modes:
                with self.notes.trying(f"extract of {stream.name} ({mode.value})"):
                    self._extract(self._wanted(stream, mode), context)

    def _look_at_stream(self, stream: Stream) -> None:
        place = f"the stream {stream.name!r}"
        self.notes.say(place, f"{stream.name} {stream.kind} {stream.description}")
        if stream.problem is not None:
            self.notes.say_error(place, stream.problem)
        if stream.schema is not None:
            self.notes.say_schema(place, stream.schema)

    def _wanted(self, stream: Stream, mode: ReadMode) -> StreamRequest:
        about = self.request["selections"].get(stream.name, {})
        return StreamRequest(
            stream=stream.name,
            mode=mode,
            cursor=about.get("cursor") or next(iter(stream.cursors), None),
            primary_key=tuple(about.get("primary_key", stream.primary_key)),
            columns=tuple(about.get("columns", ())),
            options=_options(self.side, about.get("options")),
        )

    def _extract(self, wanted: StreamRequest, context: EngineContext) -> None:
        with self.notes.trying(f"plan_read of {wanted.stream}"):
            _say_plan(self.notes, wanted.stream, self.side.plan_read(wanted, None, context))
        with self.side.extract(wanted, None, context) as batches:
            for batch in itertools.islice(batches, _BATCHES):
                reader = lazy(batch.data)
                self.notes.say_schema(f"a batch of {wanted.stream!r}", reader.schema)
                parts = reader.batches()
                for _ in itertools.islice(parts, _PARTS):
                    pass
                parts.close()
                if batch.checkpoint is not None:
                    place = f"a checkpoint of {wanted.stream!r}"
                    self.notes.say(place, batch.checkpoint.to_json())


@attrs.frozen(kw_only=True)
class Writing:
    """What a writer can do; see :func:`dativo.testing._exercise.exercise` for *request*."""

    side: Side
    control: RunControl
    notes: Notes
    request: Mapping[str, Any]

    def do(self) -> None:
        """Write a stream in each of the modes, read it back and compact it."""
        writer = self.side.connector.info.writer
        assert writer is not None  # it was loaded as one
        for mode in writer.write_modes:
            is_merge = mode is WriteMode.MERGE
            wanted = WriteRequest(
                stream=f"kit_exercise_{mode.value}",
                mode=mode,
                primary_key=("id",) if is_merge else (),
                options=_options(self.side, self.request["options"]),
                versioned=is_merge,
            )
            self._in_mode(wanted, self.side.context(self.control, stream=wanted.stream))

    def _in_mode(self, wanted: WriteRequest, context: EngineContext) -> None:
        connector, config = self.side.connector, self.side.config
        if "plan_write" in connector.hooks:
            with self.notes.trying(f"plan_write of {wanted.stream}"):
                plan = connector.plan_write(config, wanted, ReadPlan(), context)
                _say_plan(self.notes, wanted.stream, plan)
        with self.notes.trying(f"write ({wanted.mode.value})"):
            self._publish(wanted, context)
        if "read_back" in connector.hooks:
            with self.notes.trying(f"read_back ({wanted.mode.value})"):
                reader = lazy(connector.read_back(config, wanted, context))
                self.notes.say_schema("read_back", reader.schema)
                for _ in reader.batches():
                    pass
        if "compact" in connector.hooks:
            with self.notes.trying(f"compact ({wanted.mode.value})"):
                connector.compact(config, wanted, context)

    def _publish(self, wanted: WriteRequest, context: EngineContext) -> None:
        numbers = arro3.Array([1, 2, 3], arro3.DataType.int64())
        notes = arro3.Array(["a", "b", None], arro3.DataType.string())
        commit = Commit(
            job_id=JOB,
            stream=wanted.stream,
            epoch=1,
            commit_id=uuid.uuid4().hex,
            run_id=context.run_id,
            fence=context.fence,
            mode=wanted.mode,
            checkpoint=Checkpoint({"epoch": 1}),
            fingerprint={"source": "kit"},
        )
        with contextlib.closing(self.side.open_session(wanted, context)) as session:
            data = arro3.Table.from_pydict({"id": numbers, "note": notes})
            staged = session.stage(Batch(data, sequence=1))
            receipt = session.commit(commit, [staged])
            self.notes.say("a commit record", receipt.record.to_json())
            last = session.last_commit()
            if last is not None:
                self.notes.say("the last commit record", last.to_json())


def _say_plan(notes: Notes, stream: str, plan: ReadPlan | WritePlan) -> None:
    notes.say(f"the plan of {stream!r}", json.dumps(attrs.asdict(plan), default=str))


def _options(side: Side, given: object) -> object:
    problems = ProblemList()
    settings = given if isinstance(given, dict) else {}
    kind = role_info(side.connector).options
    options = structure(settings_node(settings, folder=Path.cwd()), kind, collect=problems)
    problems.raise_if_any()
    return options
