"""State: what each job has published, the lock that keeps its runs apart, and their history."""

from dativo.state._aside import move_damaged_aside
from dativo.state._entry import StateEntry, age_of
from dativo.state._files import private_file, private_folder
from dativo.state._history import EpochEntry, History, RunEnd, StreamEntry, now
from dativo.state._lock import job_lock, job_lock_file
from dativo.state._runs import RunDetail, RunEntry, read_run, read_runs
from dativo.state._store import STATE_FILE, STATE_FORMAT, StateStore
from dativo.state._stored import Stored, read_stored

__all__ = [
    "STATE_FILE",
    "STATE_FORMAT",
    "EpochEntry",
    "History",
    "RunDetail",
    "RunEnd",
    "RunEntry",
    "StateEntry",
    "StateStore",
    "Stored",
    "StreamEntry",
    "age_of",
    "job_lock",
    "job_lock_file",
    "move_damaged_aside",
    "now",
    "private_file",
    "private_folder",
    "read_run",
    "read_runs",
    "read_stored",
]
