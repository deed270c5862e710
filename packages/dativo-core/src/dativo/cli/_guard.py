"""What surrounds a command that loads plugins: their prints, logs, warnings and crashes."""

from __future__ import annotations

import atexit
import contextlib
import logging
import resource
import sys
import threading
from collections.abc import Iterator

from dativo.cli._capture import Capture
from dativo.cli._session import Session

__all__ = ["guard"]

_LEVELS = {"DEBUG": "dim", "INFO": "dim", "WARNING": "warn", "ERROR": "bad", "CRITICAL": "bad"}


@contextlib.contextmanager
def guard(session: Session) -> Iterator[None]:
    """Lead everything that plugins say to standard error, redacted, until the process ends.

    On leaving, what was said so far has been shown.
    """
    # A core dump would hold the secrets.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    capture = Capture(session.noise, lambda text: _forward(session, text))
    # Handlers that plugins register later are called earlier, so their prints are redacted too.
    atexit.register(capture.close, silent=True)
    _log(session)
    _tell_crashes(session)
    try:
        yield
    finally:
        capture.sync()


def _forward(session: Session, text: str) -> None:
    for line in text.splitlines():
        session.notes.line((line, "dim"))


class _LogLines(logging.Handler):
    """Shows log records as lines; tracebacks only where they were asked for."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session

    def emit(self, record: logging.LogRecord) -> None:
        """Show *record*; one that cannot be formatted is dropped."""
        with contextlib.suppress(Exception):
            style = _LEVELS.get(record.levelname, "")
            text = f" {record.name}: {self._session.noise.text(record.getMessage())}"
            self._session.notes.line((f"{record.levelname.lower()}:", style), text)
            error = record.exc_info[1] if record.exc_info else None
            if self._session.options.debug and error is not None:
                self._session.show_traceback(error)


def _log(session: Session) -> None:
    level = logging.WARNING
    if session.options.verbose:
        level = logging.INFO
    if session.options.debug:
        level = logging.DEBUG
    logging.basicConfig(level=level, handlers=[_LogLines(session)], force=True)
    logging.raiseExceptions = False
    logging.captureWarnings(capture=True)


def _tell_crashes(session: Session) -> None:
    """Replace the tracebacks that Python prints for threads and destructors by one line."""

    def tell(what: str, error: BaseException | None) -> None:
        if error is None or isinstance(error, SystemExit):
            return
        session.notes.line(
            ("warning:", "warn"),
            f" {what}: {type(error).__name__}: {session.noise.text(str(error))}",
        )
        if session.options.debug:
            session.show_traceback(error)

    def of_thread(arguments: threading.ExceptHookArgs) -> None:
        name = arguments.thread.name if arguments.thread is not None else "?"
        tell(f"the thread {name} of a plugin ended", arguments.exc_value)

    def of_destructor(arguments: sys.UnraisableHookArgs) -> None:
        tell("an error was ignored", arguments.exc_value)

    threading.excepthook = of_thread
    sys.unraisablehook = of_destructor
