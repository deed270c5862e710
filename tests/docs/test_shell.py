from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from doc_pages import ROOT, Shell, blocks, shells, titled
from doc_shells import PROGRAMS, environment, run, says

from dativo_test_support.postgres import Address


def _write_files(folder: Path, name: str) -> None:
    for block in blocks(name):
        if block.title.endswith(".yaml"):
            (folder / block.title).write_text(block.text)


@pytest.mark.postgres
@pytest.mark.slow
def test_the_quickstart_prints_what_it_shows(folder: Path, shop_database: Address) -> None:
    _write_files(folder, "quickstart.md")
    variables = environment(**shop_database.environment())
    for shell in shells("quickstart.md"):
        said = run(shell, variables)
        says(shell, said.replace(shop_database.database, "shop"))
    code, shown = (
        next(block.text for block in blocks("quickstart.md") if block.language == language)
        for language in ("python", "text")
    )

    assert run(Shell(f"python -c {shlex.quote(code)}", ""), variables) == shown


@pytest.mark.parametrize("name", ["job-file.md", "errors-and-exit-codes.md"])
def test_messages_are_those_that_the_page_shows(folder: Path, name: str) -> None:
    _write_files(folder, name)
    for shell in shells(name):
        says(shell, run(shell, environment()))


def test_the_quickstart_shows_the_job_of_the_demo() -> None:
    shown = titled("quickstart.md", "job.yaml")

    assert shown == (ROOT / "examples/quickstart/job.yaml").read_text()


@pytest.mark.postgres
def test_the_shop_gives_a_command_its_database() -> None:
    question = 'psql_free="$PGHOST $PGUSER $PGDATABASE"; echo "$psql_free"; command -v dativo'
    script = ROOT / "examples/quickstart/shop.py"

    said = subprocess.run(
        [sys.executable, script, "--orders", "20", "sh", "-c", question],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()

    assert said == ["127.0.0.1 postgres shop", f"{PROGRAMS}/dativo"]


@pytest.mark.parametrize(
    ("answers", "code", "calls"),
    [
        (["0 false"], 0, 1),
        (["22 true", "0 false"], 0, 2),
        (["10 false"], 10, 1),
        (["22 true"] * 5, 22, 4),
    ],
    ids=["done", "passes", "final", "gives up"],
)
def test_the_script_retries_what_may_pass(
    folder: Path, answers: list[str], code: int, calls: int
) -> None:
    script, program = folder / "run.sh", folder / "dativo"
    script.write_text(titled("errors-and-exit-codes.md", "run-with-retries.sh"))
    (folder / "answers").write_text("".join(f"{answer}\n" for answer in answers))
    program.write_text(_FAKE)
    program.chmod(0o755)
    path = os.pathsep.join((str(folder), os.environ["PATH"]))

    done = subprocess.run(
        ["sh", script, "job.yaml"],
        env=os.environ | {"PATH": path, "PAUSE": "0"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == code
    assert len((folder / "calls").read_text()) == calls
    assert done.stdout.count('"ok"') == 1


_FAKE = """#!/bin/sh
printf x >> calls
line=$(sed -n "$(wc -c < calls)p" answers)
printf '{"ok": false, "error": {"retryable": %s, "message": "{\\\\n}"}}\\n' "${line#* }"
exit "${line% *}"
"""
