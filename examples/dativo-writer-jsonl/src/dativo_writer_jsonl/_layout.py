"""Where everything lies.

.. code-block:: text

    <path>/orders/epoch-0000000001/7c4e0ef1-00001.jsonl   what readers find by a glob
    <path>/orders/epoch-0000000001/.commit.json           who wrote it, the schema, the checkpoint
    <path>/.dativo/jsonl/orders/lock                      held while something is published
    <path>/.dativo/jsonl/orders/claim.json                the run that may publish
    <path>/.dativo/jsonl/orders/sessions/…                what nobody sees yet
    <path>/.dativo/jsonl/orders/retired/…                 what nobody sees any more
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import attrs

from dativo.errors import StateError

__all__ = ["Place", "epoch_folder", "folder_name", "job_lock"]

_PLAIN = re.compile(r"[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?")
_EPOCH = re.compile(r"epoch-([0-9]{10})")
_SHOWN = 60


def folder_name(stream: str) -> str:
    """Return the folder's name of *stream*; no two streams share one, and none leads elsewhere."""
    if _PLAIN.fullmatch(stream) and ".." not in stream:
        return stream
    digest = hashlib.sha256(stream.encode("utf-8", "surrogatepass")).hexdigest()[:20]
    shown = re.sub(r"[^A-Za-z0-9-]+", "_", stream)[:_SHOWN].strip("_-")
    return f"{shown or 'stream'}~{digest}"


def epoch_folder(epoch: int) -> str:
    """Return the folder's name of *epoch*; names sort as epochs do."""
    return f"epoch-{epoch:010d}"


def job_lock(root: Path, job_id: str) -> Path:
    """Return the file that the one run of *job_id* which writes to *root* holds locked."""
    return root / ".dativo" / "jsonl" / "jobs~" / f"{folder_name(job_id)}.lock"


@attrs.frozen
class Place:
    """The place of one stream."""

    root: Path
    stream: str

    @property
    def data(self) -> Path:
        """The folder that readers look into."""
        return self.root / folder_name(self.stream)

    @property
    def control(self) -> Path:
        """The folder of what no reader needs, on the same file system."""
        return self.root / ".dativo" / "jsonl" / folder_name(self.stream)

    @property
    def lock(self) -> Path:
        """The file whose kernel lock is the critical section."""
        return self.control / "lock"

    @property
    def claim(self) -> Path:
        """The file that names the run that may publish."""
        return self.control / "claim.json"

    @property
    def sessions(self) -> Path:
        """The folder of the sessions' own folders."""
        return self.control / "sessions"

    @property
    def retired(self) -> Path:
        """The folder of what was replaced a short time ago."""
        return self.control / "retired"

    def epochs(self) -> list[int]:
        """Return the epochs that are published, the oldest first.

        Raises:
            StateError: There is something else in the folder.
        """
        try:
            names = sorted(entry.name for entry in self.data.iterdir())
        except FileNotFoundError:
            return []
        found = [_EPOCH.fullmatch(name) for name in names]
        foreign = [name for name, match in zip(names, found, strict=True) if match is None]
        if foreign:
            raise StateError(
                f"{self.data} holds {foreign[0]!r}, which this writer has not put there",
                fix="Move it away, or give the job another path.",
                stream=self.stream,
            )
        return [int(match[1]) for match in found if match is not None]

    def epoch(self, epoch: int) -> Path:
        """Return where *epoch* is published."""
        return self.data / epoch_folder(epoch)
