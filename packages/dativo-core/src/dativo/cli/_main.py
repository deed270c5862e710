"""The entry point: the ways into the program, and all the ways out of it."""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from dativo.cli._outlet import open_standard_descriptors

if TYPE_CHECKING:
    from typer import TyperException

    from dativo.cli._edge import Answer
    from dativo.cli._session import Session

__all__ = ["main"]

_INTERRUPTED = 130

_OBJECTS_PER_COLLECTION = 50_000
"""Python looks for garbage after 700; a start makes a hundred thousand objects, all in use."""


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line with *arguments* and end the process with its exit code."""
    gc.set_threshold(_OBJECTS_PER_COLLECTION)
    open_standard_descriptors()
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _version() if words == ["--version"] else _command(words)
    except KeyboardInterrupt:
        code = _INTERRUPTED
    _leave(code)


def _version() -> int:
    """Print the version without the cost of a command line."""
    from dativo import __version__  # slow to find out
    from dativo.cli._outlet import Outlet  # beside its only use

    Outlet(1).write(f"dativo {__version__}\n")
    return 0


def _command(words: list[str]) -> int:
    from typer import Abort, TyperException  # slow; the version needs none

    from dativo.cli._app import make_app  # as above

    styled = os.isatty(1) and os.environ.get("TERM", "dumb") != "dumb"
    app = make_app(words, styled=styled)
    try:
        found = app.main(words, prog_name="dativo", standalone_mode=False)
    except TyperException as error:
        return _usage(words, error)
    except Abort:
        return _INTERRUPTED
    except BrokenPipeError:  # the reader of a help text went away
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    return found if isinstance(found, int) else 0


def _usage(words: list[str], error: TyperException) -> int:
    """Report a wrong command line, as JSON where that was asked for."""
    from dativo.cli._edge import answer  # needs the catalogue
    from dativo.cli._session import Options  # as above
    from dativo.errors import UsageError  # as above

    context = vars(error).get("ctx")
    command = context.command_path if context is not None else "dativo"
    wrong = UsageError(error.format_message(), fix=f"See `{command} --help`.")

    def fail(_: Session) -> Answer:
        raise wrong

    return answer(Options(json="--json" in words), fail)


def _leave(code: int) -> NoReturn:
    """End the process, even if threads of plugins hang in a driver."""
    for file in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            file.flush()
    # From here on an interrupt ends the process as it would end anyway, without a traceback.
    signal.signal(signal.SIGINT, lambda *_: os._exit(code or _INTERRUPTED))
    # To take apart all modules and what they hold is a sixth of a run that finds nothing new; the
    # system takes back their memory anyway.
    atexit.register(gc.freeze)
    engine = sys.modules.get("dativo.engine")
    if code == _INTERRUPTED or (engine is not None and engine.abandoned_threads()):
        os._exit(code)
    sys.exit(code)
