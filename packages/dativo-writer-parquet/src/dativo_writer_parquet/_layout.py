"""Names and places: where a stream, its epochs and what controls them lie in the lake.

::

    <path>/public.orders/epoch-0000000001/…parquet     what readers see
    <path>/.dativo/parquet/jobs~/orders_to_lake.lock   one run of the job at a time
    <path>/.dativo/parquet/public.orders/lock          the critical section
    <path>/.dativo/parquet/public.orders/claim.json    the newest run that may publish
    <path>/.dativo/parquet/public.orders/staging/…     what nobody sees yet
    <path>/.dativo/parquet/public.orders/retired/…     what nobody sees any more
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import attrs

__all__ = [
    "COMMIT_SUFFIX",
    "FILE_SUFFIX",
    "STAGED_SUFFIX",
    "Place",
    "epoch_folder",
    "epoch_of",
    "job_lock",
    "stream_folder",
]

FILE_SUFFIX = ".parquet"
COMMIT_SUFFIX = ".commit.parquet"
STAGED_SUFFIX = ".staged"

_PLAIN_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,98}[a-z0-9]|[a-z0-9]")
_EPOCH = re.compile(r"epoch-([0-9]{10})")
_SLUG_LENGTH = 60


def stream_folder(stream: str) -> str:
    """Return the folder's name of *stream*; two streams never share one.

    A harmless lower-case name stays as it is. Any other gets a readable rest and a digest of the
    whole name, so that neither path tricks nor file systems without case mix up two streams.
    """
    if _PLAIN_NAME.fullmatch(stream):
        return stream
    digest = hashlib.sha256(stream.encode("utf-8", "surrogatepass")).hexdigest()[:20]
    slug = re.sub(r"[^A-Za-z0-9.-]+", "_", stream)[:_SLUG_LENGTH].strip("._-")
    slug = re.sub(r"\.{2,}", ".", slug)
    return f"{slug or 'stream'}~{digest}"


def job_lock(root: Path, job_id: str) -> Path:
    """Return the file whose lock is held by the one run of *job_id* that writes to *root*.

    No stream's folder ends in a tilde, so that none can be in the way.
    """
    return root / ".dativo" / "parquet" / "jobs~" / f"{stream_folder(job_id)}.lock"


def epoch_folder(epoch: int) -> str:
    """Return the name of the folder of *epoch*; names sort as their epochs."""
    return f"epoch-{epoch:010d}"


def epoch_of(name: str) -> int | None:
    """Return the epoch that a folder's name tells, or ``None`` for a name that is none of ours."""
    match = _EPOCH.fullmatch(name)
    return int(match[1]) if match and int(match[1]) > 0 else None


@attrs.frozen
class Place:
    """Where one stream lies."""

    root: Path
    stream: str

    @cached_property
    def data(self) -> Path:
        """The folder that readers are given."""
        return self.root / stream_folder(self.stream)

    @cached_property
    def control(self) -> Path:
        """The folder of what no reader needs; on the same file system as the data."""
        return self.root.joinpath(".dativo", "parquet", stream_folder(self.stream))

    @cached_property
    def lock(self) -> Path:
        """The file whose kernel lock is the critical section."""
        return self.control / "lock"

    @cached_property
    def claim(self) -> Path:
        """The file that names the run that may publish."""
        return self.control / "claim.json"

    @cached_property
    def staging(self) -> Path:
        """The folder of the sessions' own folders."""
        return self.control / "staging"

    @cached_property
    def retired(self) -> Path:
        """The folder of states that were exchanged for others a short time ago."""
        return self.control / "retired"

    def retired_states(self) -> Sequence[Path]:
        """Return the folders of the states in :attr:`retired`, the newest first."""
        try:
            return sorted(self.retired.iterdir(), reverse=True)
        except FileNotFoundError:
            return ()

    def epoch(self, epoch: int) -> Path:
        """Return where *epoch* is published."""
        return self.data / epoch_folder(epoch)
