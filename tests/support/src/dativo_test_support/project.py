"""A project folder: job files made of keywords that read `numbers` and write a `ledger`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs

from dativo.contract import CommitRecord
from dativo_test_support.ledger import read_ledger, read_merged, read_records, read_sequences

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
        connectors: tuple[str, str] = ("numbers", "ledger"),
        **more: Any,
    ) -> Path:
        """Write a job file (JSON is YAML) and return its path; *more* are keys of its top level."""
        writer_section: dict[str, Any] = {
            "connector": connectors[1],
            "config": {"path": "ledger", **(writer or {})},
        }
        if write_mode:
            writer_section["mode"] = write_mode
        document = {
            "name": name,
            "source": {"connector": connectors[0], "config": source or {}},
            "streams": streams or [{"name": "numbers", "mode": "incremental"}],
            "writer": writer_section,
            "run": {"parallelism": 2, **(run or {})},
            **more,
        }
        file = self.folder / f"{name}.yaml"
        file.write_text(json.dumps(document))
        return file

    def ids(self, stream: str = "numbers") -> list[int]:
        """Return the published ids of *stream*, in the order of the epochs."""
        return read_ledger(self.target / stream)

    def merged(self, stream: str = "numbers") -> dict[int, str]:
        """Return the label of each id of *stream*, as the last version of it has it."""
        return read_merged(self.target / stream)

    def sequences(self, epoch: int, stream: str = "numbers") -> dict[int, int]:
        """Return the place of each id's batch in the order of *epoch*."""
        return read_sequences(self.target / stream, epoch)

    def records(self, stream: str = "numbers") -> list[CommitRecord]:
        """Return the commit records of *stream*."""
        return read_records(self.target / stream)
