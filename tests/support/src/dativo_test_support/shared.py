"""Servers that are slow to start: one of each for the process, for whoever asks first.

They end with the process, however it ends, and are not to be stopped by those who use them.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dativo_test_support.postgres import EmbeddedPostgres
    from dativo_test_support.s3 import S3Server

__all__ = ["postgres_server", "s3_server"]

_RUNNING = contextlib.ExitStack()
atexit.register(_RUNNING.close)

# The launchers are imported only when somebody asks for a server: psycopg is slow to load.


@functools.cache
def postgres_server() -> EmbeddedPostgres:
    """Return the PostgreSQL server."""
    from dativo_test_support.postgres import EmbeddedPostgres

    return _RUNNING.enter_context(EmbeddedPostgres())


@functools.cache
def s3_server() -> S3Server:
    """Return the S3 server."""
    from dativo_test_support.s3 import S3Server

    return _RUNNING.enter_context(S3Server())
