"""A project folder: job files made of keywords that read `numbers` and write a `ledger`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs

from dativo.contract import CommitRecord
from dativo_test_support.ledger import read_ledger, read_records

__all__ = ["Project"]


@attrs.frozen
class Project:
    """A folder of jobs that read `numbers` and write a `ledger`."""

    folder: Path

    @property
    def target(self) -> Path:
        """Where the ledger is."""
        return self.folder / "ledger"

    def job(
        self,
        *,
        name: str = "numbers_to_ledger",
        source: dict[str, Any] | None = None,
        writer: dict[str, Any] | None = None,
        streams: list[dict[str, Any]] | None = None,
        write_mode: str | None = None,
        run: dict[str, Any] | None = None,
    ) -> Path:
        """Write a job file (JSON is YAML) and return its path."""
        writer_section: dict[str, Any] = {
            "connector": "ledger",
            "config": {"path": "ledger", **(writer or {})},
        }
        if write_mode:
            writer_section["mode"] = write_mode
        document = {
            "name": name,
            "source": {"connector": "numbers", "config": source or {}},
            "streams": streams or [{"name": "numbers", "mode": "incremental"}],
            "writer": writer_section,
            "run": {"parallelism": 2, **(run or {})},
        }
        file = self.folder / f"{name}.yaml"
        file.write_text(json.dumps(document))
        return file

    def ids(self, stream: str = "numbers") -> list[int]:
        """Return the published ids of *stream*, in the order of the epochs."""
        return read_ledger(self.target / stream)

    def records(self, stream: str = "numbers") -> list[CommitRecord]:
        """Return the commit records of *stream*."""
        return read_records(self.target / stream)
