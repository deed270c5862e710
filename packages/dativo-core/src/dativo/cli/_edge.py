"""The edge of the program: here every exception becomes an answer with an exit code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import attrs

from dativo.cli._render import Page
from dativo.cli._render_errors import show_error
from dativo.cli._session import Options, Session
from dativo.errors import DativoError, InternalError, RunInterruptedError, wrap_exception

__all__ = ["Answer", "answer", "attempt", "failure"]

T = TypeVar("T")


def _nothing(_page: Page) -> None:
    """Show nothing: everything was shown while it happened."""


@attrs.frozen(kw_only=True)
class Answer:
    """What a command answers.

    Attributes:
        document: The JSON object.
        exit_code: The exit code.
        show: Shows it to a person on standard output.
        errors: What went wrong, each with the job's name; shown on standard error.
    """

    document: Mapping[str, object]
    exit_code: int = 0
    show: Callable[[Page], None] = _nothing
    errors: tuple[tuple[str, DativoError], ...] = ()


def answer(
    options: Options, action: Callable[[Session], Answer], *, loads_plugins: bool = False
) -> int:
    """Call *action*, show what it answers or how it failed, and return the exit code."""
    session = Session(options)
    if loads_plugins:
        from dativo.cli._guard import guard  # most commands need no guard

        with guard(session):
            found = attempt(session, lambda: action(session))
    else:
        found = attempt(session, lambda: action(session))
    result = failure(found) if isinstance(found, DativoError) else found
    _show(session, result)
    return _exit_code(session, result.exit_code)


def attempt(session: Session, call: Callable[[], T]) -> T | DativoError:
    """Call, and return what it raises as an error of the catalogue."""
    try:
        return call()
    except KeyboardInterrupt:
        return RunInterruptedError("the command was stopped by a signal")
    except Exception as error:  # noqa: BLE001 - the edge: nothing may get past it as a traceback
        if session.options.debug:
            session.show_traceback(error)
        return _hidden(session, wrap_exception(error, default=InternalError))


def _hidden(session: Session, error: DativoError) -> DativoError:
    """Take out what may be a secret while no connector could say yet what is one."""
    if error.phase == "load" or isinstance(error, InternalError):
        error.message = session.noise.text(error.message)
        error.fix = session.noise.text(error.fix)
    return error


def failure(error: DativoError) -> Answer:
    """Return the answer of a command that failed as a whole."""
    return Answer(
        document={"ok": False, "error": error.to_dict()},
        exit_code=error.exit_code,
        errors=(("", error),),
    )


def _show(session: Session, result: Answer) -> None:
    if session.options.json:
        session.write_json(result.document)
        return
    result.show(session.page)
    for job, error in result.errors:
        show_error(session.notes, error, job=job)


def _exit_code(session: Session, exit_code: int) -> int:
    """Return *exit_code*, or say that the answer could not be written."""
    if session.out.failure is None or exit_code:
        return exit_code
    error = wrap_exception(session.out.failure, default=InternalError)
    error.message = f"standard output cannot be written: {error.message}"
    show_error(session.notes, error)
    return error.exit_code
