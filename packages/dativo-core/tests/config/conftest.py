from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dativo.config import Job, load_job
from dativo.errors import InvalidConfigError, Problem

JOB = """\
name: orders_to_lake
source:
  connector: postgres
  config:
    host: localhost
    port: 5432
streams:
  - name: public.orders
    mode: incremental
    cursor: updated_at
    primary_key: [id]
    columns: [id, updated_at, total]
  - name: public.*
    exclude: [public.tmp_*]
    mode: full
writer:
  connector: parquet
  config: {path: ./lake}
  mode: append
run: {parallelism: 4, memory: 512MB, timeout: 2h}
"""


@pytest.fixture
def job_text() -> str:
    """A job file without mistakes."""
    return JOB


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str | bytes], Job]:
    """Load a job from its text."""
    monkeypatch.chdir(tmp_path)

    def load_text(text: str | bytes) -> Job:
        path = Path("job.yaml")
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return load_job(path, environ={})

    return load_text


@pytest.fixture
def problems_of(load: Callable[[str | bytes], Job]) -> Callable[[str | bytes], list[str]]:
    """Return what is said of a wrong job file, one line per problem."""

    def problems(text: str | bytes) -> list[str]:
        with pytest.raises(InvalidConfigError) as raised:
            load(text)
        found: tuple[Problem, ...] = raised.value.problems
        assert raised.value.message == "\n".join(map(str, found))
        return [str(problem) for problem in found]

    return problems
