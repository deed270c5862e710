"""A PostgreSQL server of the tests' own, from the binaries of a wheel: no service is assumed."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Literal, Self

import psutil
import psycopg
from psycopg import sql

from dativo_test_support import _binaries, _watchdog
from dativo_test_support._address import Address
from dativo_test_support._binaries import Account, Major

__all__ = ["Address", "EmbeddedPostgres", "StopMode"]

StopMode = Literal["smart", "fast", "immediate"]

_SIGNALS: dict[StopMode, signal.Signals] = {
    "smart": signal.SIGTERM,
    "fast": signal.SIGINT,
    "immediate": signal.SIGQUIT,
}
_SETTINGS: dict[str, str] = {
    "autovacuum_naptime": "10min",
    "fsync": "off",
    "full_page_writes": "off",
    "jit": "off",
    "listen_addresses": "127.0.0.1",
    "log_min_messages": "warning",
    "max_prepared_transactions": "10",
    "max_wal_size": "4GB",
    "timezone": "UTC",
    "unix_socket_directories": "",
    "wal_level": "logical",
}
_START_SECONDS = 60.0
_STOP_SECONDS = 30.0


class EmbeddedPostgres:
    """A server on a free port of 127.0.0.1, with a random password, gone at the end of the block.

    It stops only processes of its own.  If this process is killed, a watchdog ends the server and
    removes its folder.  As root the server runs as the user nobody.
    """

    user = "postgres"
    database = "postgres"

    def __init__(self, settings: Mapping[str, str] | None = None, *, major: Major = 18) -> None:
        self.host = "127.0.0.1"
        self.port = 0
        self.password = secrets.token_urlsafe(24)
        self._settings = {**_SETTINGS, **(settings or {})}
        self._major: Major = major
        self._account = Account.for_server()
        self._server: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Set the server up and start it."""
        self._folder = _binaries.make_folder(self._account)
        self._watchdog = _watchdog.watch(self._folder)
        try:
            self._install = _binaries.install(self._major, self._folder, self._account)
            self._initialise()
            self._start_on_a_free_port()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop the server and remove everything it has written."""
        self._close()

    @property
    def address(self) -> Address:
        """The address of the database that every server has."""
        return self.address_of(self.database)

    def address_of(self, database: str) -> Address:
        """The address of *database* for the superuser."""
        return Address(self.host, self.port, self.user, self.password, database)

    @property
    def dsn(self) -> str:
        """The address as a URL, password included."""
        return self.address.dsn

    @property
    def pid(self) -> int | None:
        """The process id of the server while it runs."""
        return self._server.pid if self._server is not None else None

    @property
    def folder(self) -> Path:
        """Where the server keeps its data and its log until the block ends."""
        return self._folder

    @property
    def log(self) -> str:
        """What the server has logged so far."""
        path = self._folder / "server.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> None:
        """Start a stopped server and wait until it answers; its port stays the same."""
        if self._server is not None:
            return
        with open(self._folder / "server.log", "ab", opener=_private) as log:
            command: list[str | Path] = [self._install / "bin" / "postgres"]
            command += ["-D", self._data, "-p", str(self.port)]
            self._server = self._launch(command, output=log)
        self._wait_until_ready()

    def stop(self, mode: StopMode = "fast") -> None:
        """Stop the server; its data stay."""
        if self._server is None:
            return
        self.resume()
        self._server.send_signal(_SIGNALS[mode])
        self._server.wait(timeout=_STOP_SECONDS)
        self._server = None

    def restart(self, mode: StopMode = "fast") -> None:
        """Stop the server and start it on the same port."""
        self.stop(mode)
        self.start()

    def pause(self) -> None:
        """Freeze the server: connections stay open and nothing answers."""
        deadline = time.monotonic() + _STOP_SECONDS
        self._signal_all(signal.SIGSTOP)
        while not self._is_paused() and time.monotonic() < deadline:
            time.sleep(0.005)
            self._signal_all(signal.SIGSTOP)  # a child may have been born meanwhile

    def resume(self) -> None:
        """Undo `pause`."""
        self._signal_all(signal.SIGCONT)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Freeze the server for the length of a block."""
        self.pause()
        try:
            yield
        finally:
            self.resume()

    def execute(
        self,
        text: str,
        parameters: Sequence[Any] | None = None,
        *,
        database: str | None = None,
    ) -> list[tuple[Any, ...]]:
        """Run *text* as the superuser and return the rows of its last result."""
        return self.address_of(database or self.database).execute(text, parameters)

    def create_database(self, name: str, *, template: str = "template1") -> Address:
        """Make an empty database, or a copy of *template* that nobody is connected to."""
        command = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        self._command(command.format(sql.Identifier(name), sql.Identifier(template)))
        return self.address_of(name)

    def drop_database(self, name: str) -> None:
        """Remove a database and throw out whoever is connected to it."""
        command = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        self._command(command.format(sql.Identifier(name)))

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _command(self, command: sql.Composed) -> None:
        with self.address.connect() as connection:
            connection.execute(command)

    def _launch(self, command: list[str | Path], *, output: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start a program as the server's user, out of reach of Ctrl-C in the terminal."""
        other = self._account if self._account.is_other else None
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd=self._folder,
            env={"LC_ALL": "C", "TZ": "UTC", "PATH": os.environ.get("PATH", os.defpath)},
            umask=0o077,
            user=other.uid if other else None,
            group=other.gid if other else None,
            extra_groups=[] if other else None,
        )

    def _initialise(self) -> None:
        secret = self._folder / "password"
        with open(secret, "w", opener=_private) as file:
            file.write(self.password)
        if self._account.is_other:
            os.chown(secret, self._account.uid, self._account.gid)
        command: list[str | Path] = [self._install / "bin" / "initdb", "-D", self._data]
        command += ["-U", self.user, "--pwfile", secret, "--auth", "scram-sha-256"]
        command += ["-E", "UTF8", "--locale", "C", "--no-sync", "--no-instructions"]
        with tempfile.TemporaryFile() as output:
            status = self._launch(command, output=output).wait()
            output.seek(0)
            said = output.read().decode(errors="replace")
        secret.unlink()
        if status != 0:
            raise RuntimeError(f"initdb failed: {said}")
        with (self._data / "postgresql.conf").open("a") as file:
            file.writelines(f"{key} = '{_quoted(v)}'\n" for key, v in self._settings.items())

    def _start_on_a_free_port(self) -> None:
        for is_last in (False, False, True):
            self.port = _free_port()
            try:
                self.start()
            except RuntimeError:
                # Somebody else may have been given the port meanwhile.
                if is_last or "Address already in use" not in self.log:
                    raise
            else:
                return

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                self.address.connect(connect_timeout=5).close()
            except psycopg.OperationalError as error:
                ended = self._server is None or self._server.poll() is not None
                if ended or time.monotonic() > deadline:
                    self._server = None if ended else self._server
                    raise RuntimeError(f"the server does not start: {self.log[-4000:]}") from error
                time.sleep(0.02)
            else:
                return

    def _processes(self) -> list[psutil.Process]:
        if self._server is None or self._server.poll() is not None:
            return []
        with suppress(psutil.NoSuchProcess):
            parent = psutil.Process(self._server.pid)
            return [parent, *parent.children(recursive=True)]
        return []

    def _signal_all(self, number: signal.Signals) -> None:
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)

    def _is_paused(self) -> bool:
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                if process.status() not in {psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE}:
                    return False
        return True

    def _close(self) -> None:
        with suppress(subprocess.TimeoutExpired):
            self.stop("immediate")
        _watchdog.release(self._watchdog, self._folder)
        if self._server is not None:
            self._server.wait(timeout=_STOP_SECONDS)
            self._server = None


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _quoted(value: str) -> str:
    return value.replace("'", "''")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
