"""The keys of a job file."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from _generate.schemas import settings_table
from dativo.config import job_schema, load_job
from dativo.errors import InvalidConfigError

__all__ = ["JOB_BLOCKS"]

_SMALLEST = {"memory": "0B", "epoch_size": "0B"}
_LARGEST = {"memory": "999999TB", "epoch_size": "999999TB"}


def _section(*path: str) -> dict[str, Any]:
    schema: dict[str, Any] = job_schema({})
    for key in path:
        schema = schema["items"] if key == "[]" else schema["properties"][key]
    return schema


def _keys(*path: str) -> str:
    return settings_table(_section(*path))


def _run_keys() -> str:
    section = _section("run")
    units = [key for key, about in section["properties"].items() if about.get("type") == "string"]
    return settings_table(section, limits={key: _unit_limits(key) for key in units})


def _unit_limits(key: str) -> str:
    """Ask the loader itself for the limits of a setting with a unit."""
    lowest = _complaint(key, _SMALLEST.get(key, "0s"))
    highest = _complaint(key, _LARGEST.get(key, "99999999d"))
    return f"from {lowest} to {highest}"


def _complaint(key: str, value: str) -> str:
    rest = "name: x, source: {connector: x}, streams: [{name: x}], writer: {connector: x}"
    job = f"{{{rest}, run: {{{key}: {value}}}}}"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "job.yaml")
        file.write_text(job)
        try:
            load_job(file)
        except InvalidConfigError as error:
            return re.findall(r"expected at (?:least|most) (\w+)", error.message)[0]
    raise AssertionError(f"run.{key} takes {value}")


JOB_BLOCKS: Mapping[str, Callable[[], str]] = {
    "job": partial(_keys),
    "job.source": partial(_keys, "source"),
    "job.extensions": partial(_keys, "extensions", "[]"),
    "job.streams": partial(_keys, "streams", "[]"),
    "job.writer": partial(_keys, "writer"),
    "job.run": _run_keys,
}
