"""The lock on a whole folder: one run of a job at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from dativo.contract import Context, FileLock, file_lock
from dativo_writer_jsonl._config import JsonlConfig
from dativo_writer_jsonl._disk import make_folder
from dativo_writer_jsonl._errors import explained
from dativo_writer_jsonl._layout import job_lock

__all__ = ["locked_folder"]


@contextmanager
def locked_folder(config: JsonlConfig, context: Context) -> Iterator[FileLock]:
    """Hold the lock of ``context.job_id`` in the folder.

    Raises:
        StateLockedError: Another run of the job holds it.
    """
    path = job_lock(config.path, context.job_id)
    with ExitStack() as stack:
        with explained(path):
            make_folder(path.parent)
            held = stack.enter_context(
                file_lock(
                    path,
                    what=f"job {context.job_id!r} in {config.path}",
                    holder={"job": context.job_id, "run": context.run_id},
                )
            )
        yield held
