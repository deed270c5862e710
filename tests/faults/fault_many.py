"""A job of many small streams, and what must be published of each of them when."""

from __future__ import annotations

import json
import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs
from fault_frame import Damage, Workspace
from fault_numbers import NumbersJob
from fault_oracle import (
    Known,
    Watcher,
    check_complete,
    check_stored,
    newest_commit,
    published,
    state_commits,
)
from fault_process import Dativo, Ended

__all__ = ["ManyJob", "Outcomes", "new_job"]

_COUNT = 60
_EPOCH_ROWS = 20
_BATCH_ROWS = 10
_LARGE_ROWS = 80
_POLL_SECONDS = 0.1
_KEYS = 7


@attrs.frozen(kw_only=True)
class ManyJob:
    """A job of 60 streams: some are empty, most have a few records, one has several epochs.

    Every stream is a `NumbersJob` of its own for whoever looks at what is published; the labels of
    its records begin with its name, so that no record can pass for that of a neighbour.
    """

    folder: Path
    mode: str
    rows: tuple[int, ...]
    earlier: tuple[tuple[int, ...], ...]
    parallelism: int
    generation: str = "a"
    delay_seconds: float = 0.0

    @cached_property
    def parts(self) -> tuple[NumbersJob, ...]:
        """The streams, in the order of the job file."""
        return tuple(
            NumbersJob(
                folder=self.folder,
                stream=_name(place),
                mode=self.mode,
                rows=rows,
                earlier=earlier,
                epoch_rows=_EPOCH_ROWS,
                keys=_KEYS,
                generation=f"{self.generation}{_name(place)}",
            )
            for place, (rows, earlier) in enumerate(zip(self.rows, self.earlier, strict=True))
        )

    @property
    def lake(self) -> Path:
        """Where the job publishes."""
        return self.folder / "lake"

    def write(self) -> ManyJob:
        """Write `job.yaml`; JSON is YAML."""
        self.folder.mkdir(parents=True, exist_ok=True)
        names = [part.stream for part in self.parts]
        source = {
            "streams": names,
            "rows_of": self.rows,
            "batch_rows": _BATCH_ROWS,
            "label": f"{self.generation}*",
            "keys": _KEYS if self.mode == "merge" else 0,
            "delay_seconds": self.delay_seconds,
        }
        reads = "full" if self.mode == "replace" else "incremental"
        document = {
            "name": "many_to_lake",
            "source": {"connector": "numbers", "config": source},
            "streams": [{"name": name, "mode": reads} for name in names],
            "writer": {"connector": "parquet", "config": {"path": "./lake"}, "mode": self.mode},
            "run": {"parallelism": self.parallelism, "epoch_rows": _EPOCH_ROWS, "retries": 0},
        }
        (self.folder / "job.yaml").write_text(json.dumps(document, indent=1), encoding="utf-8")
        return self

    def grown(self, source: random.Random) -> ManyJob:
        """Return the job when the source has more: another generation, or records in addition."""
        if self.mode == "replace":
            return attrs.evolve(self, generation="b")
        more = [source.choice((0, 0, 1, 3)) if rows < _EPOCH_ROWS else 40 for rows in self.rows]
        return attrs.evolve(
            self,
            rows=tuple(rows + added for rows, added in zip(self.rows, more, strict=True)),
            earlier=tuple(
                (*ends, rows) for ends, rows in zip(self.earlier, self.rows, strict=True)
            ),
        )

    def dativo(self, workspace: Workspace, **settings: Any) -> Dativo:
        """Return what starts commands in the job's folder."""
        return Dativo(workspace, self.folder, **settings)

    def check(self) -> None:
        """Check, when nobody writes, that each stream shows whole epochs and state is not ahead."""
        stored = state_commits(self.folder / ".dativo")
        for part in self.parts:
            published(part)
            check_stored(part, stored.get(part.stream, Known()))

    def check_complete(self) -> None:
        """Check that each stream has what the source has, and that the state says so."""
        stored = state_commits(self.folder / ".dativo")
        for part in self.parts:
            check_complete(part)
            newest = newest_commit(part)
            assert newest.epoch > 0, f"{part.stream} was never published"
            assert stored[part.stream] == newest, f"the state does not follow: {newest}"

    def finish(self, workspace: Workspace) -> None:
        """Run until all is done, and once more: that must change nothing."""
        with self.watched():
            self.dativo(workspace)("run", "--json", code=0)
        self.check_complete()
        before = {part.stream: newest_commit(part) for part in self.parts}
        if self.mode == "replace":
            return
        again = self.dativo(workspace)("run", "--json", code=0)
        assert again.document["rows"] == 0, str(again)
        assert before == {part.stream: newest_commit(part) for part in self.parts}, str(again)
        self.check_complete()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look at all tables again and again for the length of a block."""
        watchers = [Watcher(part, published(part)) for part in self.parts]
        ended, seen = threading.Event(), list[Damage]()

        def look() -> None:
            while not ended.wait(_POLL_SECONDS):
                try:
                    for watcher in watchers:
                        watcher.look()
                except Damage as damage:
                    seen.append(damage)
                    return

        thread = threading.Thread(target=look, name="watcher", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
        if seen:
            raise seen[0]


@attrs.frozen
class Outcomes:
    """What a run said of its streams, compared with what is published after it."""

    job: ManyJob
    before: Mapping[str, Known]
    marks: Mapping[str, int]

    @classmethod
    def since(cls, job: ManyJob) -> Outcomes:
        """Begin before a run."""
        return cls(
            job,
            {part.stream: newest_commit(part) for part in job.parts},
            {part.stream: part.mark() for part in job.parts},
        )

    def check(self, ended: Ended, *allowed: str) -> None:
        """Check what *ended* says: done is done, and what was not started was not touched."""
        told = {one["stream"]: one for one in ended.document.get("streams", ())}
        for part in self.job.parts:
            if (one := told.get(part.stream)) is None:
                assert not told, f"nothing is said of {part.stream}: {ended}"
                self._check_untouched(part)
                continue
            outcome = one["outcome"]
            assert outcome in allowed, f"{part.stream} is {outcome}: {ended}"
            assert (one["error"] is None) == (outcome == "done"), f"{one}"
            is_claimed = part.mark() != self.marks[part.stream]
            if outcome == "done":
                check_complete(part)
            elif outcome == "not_started" or not is_claimed:
                self._check_untouched(part)
            assert is_claimed or outcome != "interrupted", f"nobody has claimed it: {one}"

    def _check_untouched(self, part: NumbersJob) -> None:
        assert newest_commit(part) == self.before[part.stream], f"{part.stream} was published"


def new_job(folder: Path, mode: str, source: random.Random) -> ManyJob:
    """Return a job whose streams have random sizes."""
    rows = [source.choice((0, 1, 2, 3, 5, 8)) for _ in range(_COUNT)]
    rows[source.randrange(_COUNT)] = _LARGE_ROWS
    return ManyJob(
        folder=folder,
        mode=mode,
        rows=tuple(rows),
        earlier=((),) * _COUNT,
        parallelism=source.randint(2, 4),
    ).write()


def _name(place: int) -> str:
    """Return a name of letters only, because labels end in the number of a record."""
    return f"t{chr(ord('a') + place // 26)}{chr(ord('a') + place % 26)}"
