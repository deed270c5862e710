"""Calling a function in a fresh interpreter, which may hang, crash or print what it likes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    import subprocess

__all__ = ["ChildEnd", "run_child"]

_SCRIPT = Path(__file__).with_name("_child_main.py")
_GRACE_SECONDS = 3.0
_END = object()
_END_LINE = b"end\n"  # no JSON, so no answer
_MAX_OUTPUT = 256 * 1024


@attrs.frozen(kw_only=True)
class ChildEnd:
    """How a child ended, and what it said until then.

    Attributes:
        answers: The JSON values that its function returned or yielded.
        exit_code: That of the process; negative for the signal that ended it.
        is_complete: Whether the function came to its end.
        is_late: Whether it was stopped because its time was over.
        output: What was printed on its standard output.
        errors: What was printed on its standard error.
        stacks: Where its threads were when it was late or crashed.
    """

    answers: tuple[Any, ...]
    exit_code: int
    is_complete: bool
    is_late: bool
    output: str
    errors: str
    stacks: str

    @property
    def has_ended(self) -> bool:
        """Whether its function came to its end, and nothing else ended the process."""
        return self.is_complete and self.exit_code == 0 and not self.is_late

    @property
    def answer(self) -> Any:
        """The last answer; ``None`` if there is none."""
        return self.answers[-1] if self.answers else None

    @property
    def reason(self) -> str:
        """How it ended, in words, where it did not come to its end."""
        if self.is_late:
            return "it did not end in its time"
        if self.exit_code < 0:
            return f"a signal ended the process: {_signal_name(-self.exit_code)}"
        last = self.errors.strip().splitlines()[-1:]
        return f"the process ended with exit code {self.exit_code}" + "".join(
            f": {line}" for line in last
        )


def run_child(
    function: str,
    request: object,
    *,
    seconds: float,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
    bare: tuple[str, ...] = (),
    on_answer: Callable[[Any], object] = lambda _: None,
) -> ChildEnd:
    """Call *function* with *request* in a fresh interpreter, and wait until it has ended.

    The request goes over standard input, because everybody on the machine can see arguments.

    Args:
        function: ``module:name``. It takes the request. What it returns is its answer; if it is a
            generator, each item is an answer and arrives at once.
        request: JSON values; mappings and paths are made to some.
        seconds: How long it may take; then it is stopped, with all that it started.
        environ: Further environment variables.
        folder: Its current folder; without it, that of this process.
        bare: Packages whose ``__init__`` is not run, so that what it imports is not there.
        on_answer: Is told each answer at once, in another thread.
    """
    asked = {
        "function": function,
        "request": request,
        "seconds": seconds,
        "path": sys.path,
        "bare": {package: str(_folder_of(package)) for package in bare},
    }
    data = json.dumps(asked, default=_as_json).encode()
    with contextlib.ExitStack() as files:
        output, errors, stacks = (files.enter_context(_scratch()) for _ in range(3))
        reading, writing = os.pipe()
        found: list[Any] = []
        reader = threading.Thread(
            target=_read, args=(reading, found, on_answer), name="dativo-child", daemon=True
        )
        try:
            child = _start(
                (writing, stacks.fileno()), (output, errors), environ=environ, folder=folder
            )
        finally:
            os.close(writing)
            reader.start()
        is_late = _wait(child, data, seconds)
        reader.join(_GRACE_SECONDS)
        text = _text(stacks)
        is_complete = bool(found) and found[-1] is _END
        return ChildEnd(
            answers=tuple(found[:-1] if is_complete else found),
            exit_code=child.returncode,
            is_complete=is_complete,
            is_late=is_late or text.startswith("Timeout ("),
            output=_text(output),
            errors=_text(errors),
            stacks=text,
        )


def _start(
    descriptors: tuple[int, int],
    outputs: tuple[IO[bytes], IO[bytes]],
    *,
    environ: Mapping[str, str] | None,
    folder: Path | None,
) -> subprocess.Popen[bytes]:
    import subprocess  # noqa: PLC0415 - most commands start nothing, and this is slow

    return subprocess.Popen(
        [sys.executable, "-P", str(_SCRIPT), *(str(number) for number in descriptors)],
        stdin=subprocess.PIPE,
        stdout=outputs[0],
        stderr=outputs[1],
        pass_fds=descriptors,
        env={**os.environ, **(environ or {})},
        cwd=folder,
        start_new_session=True,  # so that it can be stopped with all that it has started
    )


def _wait(child: subprocess.Popen[bytes], data: bytes, seconds: float) -> bool:
    """Hand over *data*, wait for the end, and say whether it had to be brought about."""
    import subprocess  # noqa: PLC0415 - as above

    try:
        # It watches its time itself, to say where it hangs; this is for one that cannot any more.
        child.communicate(data, timeout=seconds + _GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        return True
    finally:
        if child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
    return False


def _read(reading: int, found: list[Any], on_answer: Callable[[Any], object]) -> None:
    with os.fdopen(reading, "rb") as lines:
        for line in lines:
            if line == _END_LINE:
                found.append(_END)
                continue
            with contextlib.suppress(ValueError):  # cut off by a crash
                found.append(json.loads(line))
                on_answer(found[-1])


@contextlib.contextmanager
def _scratch() -> Iterator[IO[bytes]]:
    """Make a file without a name, as a pipe would fill up and stop the child."""
    import tempfile  # noqa: PLC0415 - as above

    with tempfile.TemporaryFile() as file:
        yield file


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read(_MAX_OUTPUT).decode(errors="replace")


def _as_json(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    msg = f"no JSON value: {type(value).__name__}"
    raise TypeError(msg)


def _folder_of(package: str) -> Path:
    import importlib.util  # noqa: PLC0415 - as above

    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None  # it is a package of this distribution
    return Path(spec.origin).parent


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
