"""``dativo errors``: the catalogue of errors and exit codes."""

from __future__ import annotations

import difflib
from typing import Annotated

import typer

from dativo.cli import _complete as complete
from dativo.cli._commands import Command
from dativo.cli._edge import Answer, answer
from dativo.cli._options import Debug, Json, Verbose
from dativo.cli._render import Column, Page
from dativo.cli._session import Options, Session
from dativo.errors import ErrorEntry, UsageError, catalog

__all__ = ["app"]

app = typer.Typer(add_completion=False)

Code = Annotated[
    str | None,
    typer.Argument(
        metavar="[CODE]",
        help="Only this error, such as NETWORK.",
        autocompletion=complete.error_codes,
        show_default=False,
    ),
]
_COLUMNS = (
    Column("code", style="name"),
    Column("exit"),
    Column("retry"),
    Column("meaning", wraps=True),
)


@app.command(cls=Command)
def errors(
    *,
    code: Code = None,
    json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Explain an error code, or list all of them with their exit codes."""
    options = Options(json=json, verbose=verbose, debug=debug)

    def action(_: Session) -> Answer:
        entries = catalog() if code is None else (_find(code),)
        return Answer(
            document={"ok": True, "errors": [_document(entry) for entry in entries]},
            show=lambda page: _show_all(page, entries) if code is None else _show(page, entries[0]),
        )

    return answer(options, action)


def _find(code: str) -> ErrorEntry:
    entries = {entry.code: entry for entry in catalog()}
    wanted = code.upper().replace("-", "_")
    if wanted not in entries:
        near = difflib.get_close_matches(wanted, entries, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UsageError(f"there is no error code {code!r}{hint}", fix="See `dativo errors`.")
    return entries[wanted]


def _document(entry: ErrorEntry) -> dict[str, object]:
    return {
        "code": entry.code,
        "name": entry.name,
        "family": entry.family,
        "exit_code": entry.exit_code,
        "retryable": entry.retryable,
        "summary": _plain(entry.summary),
        "fix": entry.fix,
    }


def _show_all(page: Page, entries: tuple[ErrorEntry, ...]) -> None:
    if page.is_styled:
        page.table(_COLUMNS, (_row(entry) for entry in entries))
        return
    for entry in entries:
        retry = "retryable" if entry.retryable else "final"
        page.line(f"{entry.code}  exit {entry.exit_code}  {retry}  {_plain(entry.summary)}")


def _row(entry: ErrorEntry) -> tuple[str, ...]:
    retry = "yes" if entry.retryable else "no"
    return entry.code, str(entry.exit_code), retry, _plain(entry.summary)


def _show(page: Page, entry: ErrorEntry) -> None:
    page.line((entry.code, "name"), f"  {_plain(entry.summary)}")
    facts = {
        "exit code": str(entry.exit_code),
        "retryable": "yes" if entry.retryable else "no",
        "fix": entry.fix,
        "class": f"dativo.errors.{entry.name}",
        "family": entry.family if entry.family != "DATIVO_ERROR" else "",
    }
    for name, fact in facts.items():
        if fact:
            page.line((f"{name}: ", "dim"), fact, indent=2)


def _plain(text: str) -> str:
    """Return a text of a docstring without its marks."""
    return text.replace("``", "")
