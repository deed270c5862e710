"""The lock on a whole folder: one run of a job at a time, from however many checkouts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from dativo.contract import LEASE_SECONDS, Context, FileLock, failpoint, file_lock
from dativo_writer_parquet._config import ParquetConfig
from dativo_writer_parquet._errors import explained
from dativo_writer_parquet._layout import job_lock
from dativo_writer_parquet._publish import make_folder

__all__ = ["locked_folder"]


@contextmanager
def locked_folder(
    config: ParquetConfig, context: Context, *, lease_seconds: float = LEASE_SECONDS
) -> Iterator[FileLock]:
    """Hold the lock of ``context.job_id`` in the folder of the lake.

    Raises:
        StateLockedError: Another run of the job holds it; the message names its process.
    """
    path = job_lock(config.root, context.job_id)
    with ExitStack() as stack:
        with explained(path, stream="", phase="lock"):
            make_folder(config.root, mode=config.folder_bits)
            make_folder(path.parent)
            lock = file_lock(
                path,
                what=f"job {context.job_id!r} in {config.root}",
                holder={"job": context.job_id, "run": context.run_id},
                lease_seconds=lease_seconds,
            )
            held = stack.enter_context(lock)
        failpoint("parquet.locked")
        yield held
