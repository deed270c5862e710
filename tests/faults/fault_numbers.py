"""The job of most rows: `numbers` into a Parquet lake, and what must be published of it when."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import attrs
from fault_frame import Damage, Workspace
from fault_process import Dativo
from fault_store import Store

__all__ = ["MODES", "STREAM", "NumbersJob", "Progress", "Record"]

MODES = ("append", "replace", "merge")

Record = tuple[int, str]
"""An id and its label; the label says which generation and which record of the source it is."""

STREAM = "numbers"


@attrs.frozen(order=True)
class Progress:
    """How far a published table is: it must never go back."""

    generation: str = ""
    position: int = 0
    is_cleared: bool = False


@attrs.frozen(kw_only=True)
class NumbersJob:
    """A job that reads `rows` records of one generation and publishes them in epochs.

    In append mode the records are all new; in replace mode all have the label of one generation;
    in merge mode `keys` ids come again and again, and the last version of each counts.
    With `gone` a scan of keys finds that these ids are gone; up to `gone_since` they had been read.
    `earlier` are the numbers of records that the source had before: there epochs have ended, too.
    """

    folder: Path
    stream: str = STREAM
    mode: str = "append"
    rows: int = 120
    earlier: tuple[int, ...] = ()
    batch_rows: int = 10
    epoch_rows: int = 20
    keys: int = 30
    generation: str = "a"
    delay_seconds: float = 0.02
    noise_bytes: int = 0
    gone: tuple[int, ...] = ()
    gone_since: int = 0
    target: str = "./lake"
    store: Store | None = None
    source: dict[str, Any] = attrs.field(factory=dict)
    writer: dict[str, Any] = attrs.field(factory=dict)
    run: dict[str, Any] = attrs.field(factory=dict)

    @property
    def lake(self) -> Path:
        """Where the job publishes."""
        return self.folder / self.target

    @property
    def data(self) -> Path:
        """The folder of its stream, as readers are given it."""
        return self.lake / self.stream

    def write(self) -> NumbersJob:
        """Write `job.yaml`; JSON is YAML."""
        self.folder.mkdir(parents=True, exist_ok=True)
        source = {
            "rows": self.rows,
            "batch_rows": self.batch_rows,
            "label": self.generation,
            "keys": self.keys if self.mode == "merge" else 0,
            "delay_seconds": self.delay_seconds,
            "noise_bytes": self.noise_bytes,
            "gone": list(self.gone),
            **self.source,
        }
        stream: dict[str, Any] = {"name": self.stream, "mode": "incremental"}
        if self.mode == "replace":
            stream["mode"] = "full"
        if self.gone:
            stream["deletes"] = "key_scan"
        document = {
            "name": "numbers_to_lake",
            "source": {"connector": "numbers", "config": source},
            "streams": [stream],
            "writer": {
                "connector": "parquet",
                "config": {**self._place(), **self.writer},
                "mode": self.mode,
            },
            "run": {"parallelism": 2, "epoch_rows": self.epoch_rows, "retries": 0, **self.run},
        }
        (self.folder / "job.yaml").write_text(json.dumps(document, indent=1), encoding="utf-8")
        return self

    def _place(self) -> dict[str, Any]:
        if self.store is None:
            return {"path": self.target}
        return {"path": self.store.url, "storage": self.store.settings()}

    def mark(self) -> int:
        """Return a number that changes when a session claims the stream, or commits to a store."""
        if self.store is not None:
            return len(self.store.log(self.stream))
        try:
            return (self.lake / ".dativo" / "parquet" / self.stream / "claim.json").stat().st_ino
        except OSError:
            return 0

    def dativo(self, workspace: Workspace, **settings: Any) -> Dativo:
        """Return what starts commands in the job's folder."""
        return Dativo(workspace, self.folder, **settings)

    def records(self, progress: Progress) -> list[Record]:
        """Return what must be published after the first records of the source."""
        position, start = progress.position, progress.generation
        numbers = [
            number
            for number in range(1, position + 1)
            if number not in self.gone or (number <= self.gone_since and not progress.is_cleared)
        ]
        if self.mode != "merge" or not self.keys:
            return [(number, f"{start}{number}") for number in numbers]
        last = {(number - 1) % self.keys + 1: number for number in numbers}
        return [(key, f"{start}{number}") for key, number in sorted(last.items())]

    def progress(self, found: list[Record], what: str) -> Progress:
        """Return what *found* covers of the source; it must be some whole epochs.

        Raises:
            Damage: Records are missing, doubled, foreign, or of an epoch that is not whole.
        """
        if not found:
            return Progress()
        position, generation = max((_number(label), _generation(label)) for _, label in found)
        is_cleared = bool(self.gone) and not {key for key, _ in found} & set(self.gone)
        progress = Progress(generation, position, is_cleared and position == self.rows)
        expected = Counter(self.records(progress))
        there = Counter((key, label.partition(":")[0]) for key, label in found)
        lost = sum((expected - there).values())
        doubled = sum(count - 1 for count in there.values() if count > 1)
        foreign = [record for record in there if record not in expected]
        if lost or doubled or foreign:
            raise Damage(
                f"{what}: up to {generation}{position} {len(found)} records are published, "
                f"foreign ones: {foreign[:3]}",
                lost=lost,
                doubled=doubled,
                partial=len(foreign),
            )
        is_between = position % self.epoch_rows == 0 and self.mode != "replace"
        if not is_between and position not in (self.rows, *self.earlier):
            raise Damage(f"{what}: part of an epoch, up to {position}", partial=position)
        return progress

    def complete(self) -> Progress:
        """Return the progress when everything is published."""
        return Progress(self.generation, self.rows, bool(self.gone)) if self.rows else Progress()


def _number(label: str) -> int:
    return int(label.partition(":")[0].lstrip("abcdefghijklmnopqrstuvwxyz"))


def _generation(label: str) -> str:
    return label.partition(":")[0].rstrip("0123456789")
