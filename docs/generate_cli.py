"""Write docs/reference/cli.md and errors.md from the code: `uv run python docs/generate_cli.py`."""  # noqa: INP001 - a script

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer

from dativo.cli._app import make_app
from dativo.errors import ErrorEntry, catalog

HERE = Path(__file__).parent / "reference"
MADE = "<!-- made by docs/generate_cli.py; change the code and run it again -->\n"

EXIT_CODES = {
    0: "done; an empty increment too",
    1: "internal error: a bug of Dativo",
    2: "the command line was used wrongly",
    10: "the job file, or what it refers to, is wrong",
    11: "a connector is not installed",
    12: "a connector and this core have no contract in common",
    13: "a connector failed to load, crashed, or lacks what is asked of it",
    20: "the credentials are not accepted",
    21: "a permission is missing",
    22: "the system is unreachable or busy",
    23: "the system limits the rate",
    30: "the data does not fit its schema or target",
    31: "partial: some streams or jobs failed, the others are done",
    40: "the write failed, and nothing was committed",
    41: "it is not known whether a commit happened",
    50: "a limit is reached: disk, memory, time",
    60: "the state is locked, unreadable or contradicts the data",
    130: "interrupted; committed work is kept",
}


def pages() -> dict[Path, str]:
    """Return the text of each page."""
    return {
        HERE / "cli.md": "\n".join(_cli()),
        HERE / "errors.md": "\n".join(_errors()),
    }


def _cli() -> Iterator[str]:
    yield MADE
    yield "# Command line\n"
    yield "Every command takes `--json`, `--verbose` and `--debug`."
    yield "With `--json` standard output is exactly one JSON object: `ok`, and `error` on failure."
    yield "Progress, logs and whatever connectors print go to standard error, without secrets."
    yield "On a terminal answers are tables; elsewhere they are lines with one fact in each.\n"
    yield "The exit codes are those of the [errors](errors.md).\n"
    root = make_app(["--help"], styled=False)
    yield from _command(root, typer.Context(root, info_name="dativo"))


def _command(command: Any, context: typer.Context) -> Iterator[str]:
    yield f"{'#' * (2 + context.command_path.count(' '))} `{context.command_path}`\n"
    yield f"```text\n{command.get_usage(context)}\n```\n"
    yield f"{_paragraphs(command.help)}\n"
    rows = [row for parameter in command.get_params(context) if (row := _row(parameter, context))]
    if rows:
        yield "| option | meaning |\n|---|---|"
        yield "\n".join(rows) + "\n"
    for name in command.list_commands(context) if "list_commands" in dir(command) else ():
        inner = command.get_command(context, name)
        yield from _command(inner, typer.Context(inner, info_name=name, parent=context))


def _row(parameter: Any, context: typer.Context) -> str:
    record = parameter.get_help_record(context)
    if record is None:
        return ""
    names = re.sub(r" <\w+>", "", record[0]).strip()
    meaning = re.sub(r"\s+", " ", record[1])
    cells = (names, meaning)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in _coded(cells)) + " |"


def _coded(cells: tuple[str, str]) -> tuple[str, str]:
    return f"`{cells[0]}`", cells[1]


def _paragraphs(text: str) -> str:
    return "\n\n".join(" ".join(part.split()) for part in text.split("\n\n"))


def _errors() -> Iterator[str]:
    yield MADE
    yield "# Errors and exit codes\n"
    yield "An error has a stable code; `dativo errors CODE` explains it, and `--json` prints it."
    yield "Whether to retry is part of it: a `retryable` one may pass without anybody's help."
    yield "An instance may differ from its class, because only the place that raises it knows.\n"
    yield "## Exit codes\n"
    yield "| exit | meaning |\n|---|---|"
    yield "\n".join(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES.items()) + "\n"
    yield "## Catalogue\n"
    for entry in catalog():
        yield from _error(entry)


def _error(entry: ErrorEntry) -> Iterator[str]:
    retry = "retryable" if entry.retryable else "not retryable"
    level = "###" if entry.family == "DATIVO_ERROR" else "####"
    yield f"{level} `{entry.code}`\n"
    yield entry.summary.replace("``", "`")
    yield f"Exit code {entry.exit_code}, {retry}, `dativo.errors.{entry.name}`.\n"
    yield f"Fix: {entry.fix}\n" if entry.fix else ""


def main() -> None:
    """Write the pages."""
    HERE.mkdir(exist_ok=True)
    for page, text in pages().items():
        page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
