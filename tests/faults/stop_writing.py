"""The command `dativo`, which stops itself in its `STOP_AT`-th write of the state database."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Callable
from typing import Any

_connect: Callable[..., Any] = sqlite3.connect
_left = int(os.environ["STOP_AT"])


def _stop(statement: str) -> None:
    global _left  # noqa: PLW0603 - one process stops once
    # The transaction has begun by then, so the database is locked.
    if statement.startswith(("insert or replace into state", "insert or replace into fence")):
        _left -= 1
        if _left == 0:
            os.kill(os.getpid(), signal.SIGSTOP)
            time.sleep(0.5)  # threads stop one after the other, and this one must not write on


def _observed(*arguments: Any, **options: Any) -> Any:
    connection = _connect(*arguments, **options)
    connection.set_trace_callback(_stop)
    return connection


if __name__ == "__main__":
    sqlite3.connect = _observed
    from dativo.cli import main

    main()
