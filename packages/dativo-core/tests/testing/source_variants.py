"""Variants of the reference source that keep the contract and promise less, or other things."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar

import attrs
from reference_client import Client
from reference_source import ReferenceConfig, ReferenceSource

from dativo.contract import Checkpoint, Context, ReadMode, Replay, SourceInfo, StreamRequest

__all__ = [
    "AlwaysEverything",
    "AtLeastOnce",
    "FullOnly",
    "NoRanges",
    "OtherClient",
    "OtherConfig",
    "Queries",
    "ReadOnce",
    "TellsTheTime",
]


class AtLeastOnce(ReferenceSource):
    """Resumes with the whole tie once more, and says so."""

    def source_info(self) -> SourceInfo:
        return attrs.evolve(super().source_info(), replay=Replay.AT_LEAST_ONCE)

    def position(self, state: Checkpoint | None, request: StreamRequest) -> list[object] | None:
        after = super().position(state, request)
        return after if after is None or request.mode is ReadMode.FULL else [after[0], -1]


class AlwaysEverything(AtLeastOnce):
    """Says that records may come again, and means all of them."""

    def position(self, state: Checkpoint | None, request: StreamRequest) -> list[object] | None:
        return None


class ReadOnce(ReferenceSource):
    """Cannot read again what was read."""

    def source_info(self) -> SourceInfo:
        return attrs.evolve(super().source_info(), replay=Replay.NONE)


class FullOnly(ReferenceSource):
    """Has no incremental reads and no filters."""

    def source_info(self) -> SourceInfo:
        modes = (ReadMode.FULL,)
        return attrs.evolve(super().source_info(), read_modes=modes, filters=False)


class NoRanges(ReferenceSource):
    """Reads everything, whichever range is asked for, and says so."""

    def source_info(self) -> SourceInfo:
        return attrs.evolve(super().source_info(), ranges=False)

    def bound(self, text: str | None) -> int | None:
        return None


class Queries(ReferenceSource):
    """Declares queries."""

    def source_info(self) -> SourceInfo:
        return attrs.evolve(super().source_info(), queries=True)


class TellsTheTime(ReferenceSource):
    """Says in each checkpoint when it was made, so that no two are the same."""

    def checkpoint(self, request: StreamRequest, after: Sequence[object]) -> Checkpoint:
        reached = super().checkpoint(request, after)
        return attrs.evolve(reached, value={**reached.value, "at": time.time_ns()})


class OtherClient(ReferenceSource):
    """Asks the API by another client, which a mutant names."""

    kind: ClassVar[type[Client]] = Client

    def client(self, config: ReferenceConfig, context: Context) -> Client:
        return self.kind(config, context)


class OtherConfig(ReferenceSource):
    """Has another class of settings, which a mutant names."""

    config: ClassVar[type] = ReferenceConfig

    def source_info(self) -> SourceInfo:
        return attrs.evolve(super().source_info(), config=self.config)
