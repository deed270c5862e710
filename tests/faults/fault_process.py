"""Real `dativo` processes: started in a folder, killed, waited for, never left behind."""

from __future__ import annotations

import atexit
import contextlib
import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
from fault_frame import Workspace

from dativo_test_support.plugins import scripted_connectors
from dativo_test_support.unmeasured import unmeasured
from dativo_test_support.wheels import install

__all__ = ["KILLED", "Dativo", "Ended", "Running"]

KILLED = (-signal.SIGKILL, 137)
"""Exit codes of a process that was killed, and of one that met its fail point."""

_PATIENCE_SECONDS = 120.0


@attrs.frozen
class Ended:
    """How a command ended."""

    arguments: tuple[str, ...]
    code: int
    out: str
    err: str

    def __str__(self) -> str:
        told = f"dativo {' '.join(self.arguments)} -> {self.code}"
        return f"{told}\n{self.out[:1000]}\n{self.err[-1000:]}"

    @property
    def document(self) -> dict[str, Any]:
        """Its JSON answer."""
        found = json.loads(self.out)
        assert isinstance(found, dict), str(self)
        return found

    @property
    def error(self) -> dict[str, Any]:
        """The error of the job, or of its only stream that failed."""
        document = self.document
        found = document.get("error")
        for stream in document.get("streams", ()):
            found = stream["error"] or found
        assert isinstance(found, dict), str(self)
        return found


@attrs.define
class Running:
    """A process that was started here."""

    process: subprocess.Popen[bytes]
    arguments: tuple[str, ...]
    out: Path
    err: Path

    def is_alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def tell(self, number: signal.Signals) -> bool:
        """Send a signal; return whether there was a process to hear it."""
        if not self.is_alive():
            return False
        self.process.send_signal(number)
        return True

    def freeze(self) -> None:
        """Stop it, and wait until all its threads stand still; one that has ended stays so."""
        if self.tell(signal.SIGSTOP):
            os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def wait(self, seconds: float = _PATIENCE_SECONDS) -> Ended:
        """Wait for the end; one that hangs is killed and a failure."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"it did not end within {seconds:g} s: {self._ended(0)}") from None
        return self._ended(code)

    def _ended(self, code: int) -> Ended:
        out, err = (file.read_text(errors="backslashreplace") for file in (self.out, self.err))
        return Ended(self.arguments, code, out, err)


@attrs.frozen
class Dativo:
    """Starts `python -m dativo` in a folder of *workspace*.

    `variables` go into the environment (`None` takes one out), `wrapper` before the program;
    `prepare` is called in the new process before the program starts.
    """

    workspace: Workspace
    folder: Path
    variables: Mapping[str, str | None] = attrs.field(factory=dict)
    wrapper: tuple[str, ...] = ()
    program: tuple[str, ...] = (sys.executable, "-m", "dativo")
    umask: int = -1
    prepare: Callable[[], None] | None = None

    def with_variables(self, **variables: str | None) -> Dativo:
        """Return the same with more variables."""
        return attrs.evolve(self, variables={**self.variables, **variables})

    def __call__(self, *arguments: str, code: int | None = None) -> Ended:
        """Run a command to its end; check the exit code if one is given."""
        with self.running(*arguments) as running:
            ended = running.wait()
        assert code is None or ended.code == code, f"exit {code} was expected: {ended}"
        return ended

    @contextlib.contextmanager
    def running(self, *arguments: str) -> Iterator[Running]:
        """Start it for the length of a block; what is still there then is killed."""
        outputs = Path(tempfile.mkdtemp(prefix="output-", dir=self.workspace.path))
        out, err = outputs / "out", outputs / "err"
        with out.open("wb") as out_file, err.open("wb") as err_file:
            process = subprocess.Popen(
                [*self.wrapper, *self.program, *arguments],
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=out_file,
                stderr=err_file,
                umask=self.umask,
                preexec_fn=self.prepare,  # noqa: PLW1509 - limits of the new process only
            )
        try:
            yield Running(process, arguments, out, err)
        finally:
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()

    def _environment(self) -> dict[str, str]:
        temporary = self.workspace.path / "temporary"
        temporary.mkdir(exist_ok=True)
        foreign = ("PG", "PYTHON", "XDG_", "PYTEST_", "DATIVO_", "AWS_", "LD_PRELOAD")
        kept = {name: text for name, text in unmeasured().items() if not name.startswith(foreign)}
        own = {
            "HOME": str(temporary),
            "TMPDIR": str(temporary),
            "LANG": "C.UTF-8",
            # What is tested is what runs the tests.
            "PYTHONPATH": os.pathsep.join((str(_site()), *_own_path())),
        }
        wanted = {**kept, **own, **self.variables}
        return {name: text for name, text in wanted.items() if text is not None}


def sleep_until(seconds: float, running: Running) -> None:
    """Wait so long, or until the process is gone."""
    until = time.monotonic() + seconds
    while running.is_alive() and (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 0.01))


def _own_path() -> list[str]:
    return [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]


@functools.cache
def _site() -> Path:
    """The scripted connectors, installed once for all cases of this process."""
    folder = Path(tempfile.mkdtemp(prefix="dativo-fault-site-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return install(folder, scripted_connectors())
