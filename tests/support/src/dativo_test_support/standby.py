"""A hot standby of a PostgreSQL server of the tests' own."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from dativo_test_support.postgres import EmbeddedPostgres

__all__ = ["Standby"]

_PATIENCE_SECONDS = 30.0


class Standby(EmbeddedPostgres):
    """A copy of *primary* that replays its log until it is promoted."""

    def __init__(self, primary: EmbeddedPostgres) -> None:
        super().__init__()
        self.password = primary.password
        self._primary = primary

    def catch_up(self) -> None:
        """Wait until all that the primary has committed shows here."""
        ((end,),) = self._primary.execute("SELECT pg_current_wal_flush_lsn()::text")
        self._wait_until(f"pg_last_wal_replay_lsn() >= '{end}'::pg_lsn")

    def pause_replay(self) -> None:
        """Fall behind from now on."""
        self.execute("SELECT pg_wal_replay_pause()")

    def resume_replay(self) -> None:
        """Go on, and wait until it has caught up."""
        self.execute("SELECT pg_wal_replay_resume()")
        self.catch_up()

    def cut_off(self) -> None:
        """Receive nothing any more."""
        self.execute("ALTER SYSTEM SET primary_conninfo = ''")
        self.execute("SELECT pg_reload_conf()")
        self._wait_until("NOT EXISTS (SELECT FROM pg_stat_wal_receiver)")

    def promote(self) -> None:
        """Make it a server of its own, with what it has received."""
        self.execute("SELECT pg_promote()")

    def _wait_until(self, condition: str) -> None:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while self.execute(f"SELECT {condition}") != [(True,)]:
            if time.monotonic() > deadline:
                raise RuntimeError(f"in vain for {condition}: {self.log[-4000:]}")
            time.sleep(0.02)

    def _initialise(self) -> None:
        command: list[str | Path] = [self._install / "bin" / "pg_basebackup", "-D", self._data]
        command += ["-d", self._primary.dsn, "-R", "-c", "fast", "--no-sync"]
        with tempfile.TemporaryFile() as output:
            status = self._launch(command, output=output).wait()
            output.seek(0)
            said = output.read().decode(errors="replace")
        if status != 0:
            raise RuntimeError(f"pg_basebackup failed: {said}")
