"""State: what each job has published, and the lock that keeps its runs apart."""

from dativo.state._files import private_file, private_folder
from dativo.state._lock import job_lock, job_lock_file
from dativo.state._store import STATE_FORMAT, StateEntry, StateStore

__all__ = [
    "STATE_FORMAT",
    "StateEntry",
    "StateStore",
    "job_lock",
    "job_lock_file",
    "private_file",
    "private_folder",
]
