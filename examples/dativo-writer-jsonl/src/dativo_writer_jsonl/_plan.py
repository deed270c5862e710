"""What writing would do, without touching the folder."""

from __future__ import annotations

from dativo.contract import Context, ReadPlan, WritePlan, WriteRequest
from dativo_writer_jsonl._config import JsonlConfig
from dativo_writer_jsonl._errors import explained
from dativo_writer_jsonl._layout import Place
from dativo_writer_jsonl._records import newest

__all__ = ["plan_folder"]

_MIB = 1024 * 1024


def plan_folder(
    config: JsonlConfig, request: WriteRequest, read: ReadPlan, context: Context
) -> WritePlan:
    """Say where the records of *read* would go, and what is published there."""
    del context
    place = Place(config.path, request.stream)
    with explained(place.data, stream=request.stream):
        last = newest(place)
    size = read.size_bytes
    return WritePlan(
        place=str(place.data),
        files=None if size is None else 1 + size // (config.rotate_mib * _MIB),
        assumptions=("The folder is on a file system that keeps what fsync has confirmed.",),
        knows_last_commit=True,
        last_commit=None if last is None else last.record,
    )
