"""The ways into the program and out of it."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dativo.cli._app import COMMANDS

HEAVY = ("arro3", "httpx", "polars", "pyarrow", "sqlalchemy", "psycopg", "duckdb")


def test_the_version_is_printed(cli: Callable[..., Any]) -> None:
    done = cli("--version")

    assert done.exit_code == 0
    assert re.fullmatch(r"dativo \d+\.\d+\S*\n", done.stdout)


@pytest.mark.parametrize("words", [(), ("plugins",), ("schema",)])
def test_a_group_alone_shows_its_help(inline: Callable[..., Any], words: tuple[str, ...]) -> None:
    done = inline(*words)

    assert done.exit_code == 2
    assert done.stdout.startswith(f"Usage: {' '.join(('dativo', *words))} ")


def test_help_names_every_command(inline: Callable[..., Any]) -> None:
    done = inline("--help")

    assert done.exit_code == 0
    assert [name for name in COMMANDS if f"\n  {name} " not in done.stdout] == []
    assert "--show-completion" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("chekc",), "No such command 'chekc'. Did you mean 'check'?"),
        (("plugins", "lst"), "No such command 'lst'. Did you mean 'list'?"),
        (("check", "--confg", "x"), "No such option: --confg"),
        (("preview", "--rows", "many"), "Invalid value for '--rows'"),
        (("preview", "--rows", "0"), "Invalid value for '--rows'"),
        (("init",), "Missing argument"),
        (("errors", "NETWROK"), "there is no error code 'NETWROK'; did you mean NETWORK?"),
        (("errors", "nothing-like-it"), "there is no error code 'nothing-like-it'"),
    ],
)
def test_wrong_usage_exits_with_2_and_is_json_where_asked(
    inline: Callable[..., Any], words: tuple[str, ...], message: str
) -> None:
    done = inline(*words)
    as_json = inline(*words, "--json")

    assert done.exit_code == as_json.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.startswith("error[USAGE]: ")
    assert message in done.stderr
    assert as_json.stderr == ""
    assert as_json.document["ok"] is False
    assert as_json.document["error"]["code"] == "USAGE"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("check",), "no job file is named, and there is no job.yaml in this folder"),
        (("discover", "--set", "a=1"), "--set needs --connector"),
        (("discover", "--connector", "a", "-c", "b"), "exclude each other"),
        (("plugins", "manifest", "numbers", "--path", "x"), "--path needs --write"),
    ],
)
def test_options_that_do_not_fit_are_wrong_usage(
    cli: Any, inline: Any, words: tuple[str, ...], message: str
) -> None:
    done = inline(*words, "--json")

    assert done.exit_code == 2
    assert message in done.document["error"]["message"]


_NEVER = ("pydantic", "rich", "unittest", "multiprocessing")
"""What is slow to import and serves no command whose output is not a terminal."""


def _modules(cli: Any, *words: str) -> set[str]:
    code = (
        "import atexit, sys\n"
        f"sys.argv = {['dativo', *words]!r}\n"
        "before = {*sys.modules}\n"  # what measures coverage is there already
        "note = lambda: open('modules', 'w').write(' '.join({*sys.modules} - before))\n"
        "atexit.register(note)\n"
        "from dativo.cli import main\n"
        "main()\n"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        cwd=cli.project.folder,
        env=cli.environ(),
        capture_output=True,
        check=False,
        timeout=60,
    )
    return set(Path(cli.project.folder, "modules").read_text().split())


@pytest.mark.parametrize(
    "words",
    [
        ("--version",),
        ("--help",),
        ("plugins", "list"),
        ("errors",),
        ("schema", "job"),
        ("runs", "list"),
    ],
    ids=" ".join,
)
def test_a_command_that_needs_no_plugin_imports_none(cli: Any, words: tuple[str, ...]) -> None:
    found = _modules(cli, *words)

    top = {name.partition(".")[0] for name in found}
    assert "dativo.cli" in found
    assert not top & {*HEAVY, *_NEVER, "dativo_test_support"}
    assert not [name for name in top if name.startswith(("dativo_connector", "dativo_writer"))]
    assert "dativo.engine" not in found


@pytest.mark.parametrize(
    "words",
    [
        ("run",),
        ("run", "--config", "numbers_to_ledger.yaml", "--stream", "numbers"),
        ("check", "--config", "numbers_to_ledger.yaml"),
        ("state", "show", "--config", "numbers_to_ledger.yaml"),
    ],
    ids=" ".join,
)
def test_a_command_that_needs_plugins_imports_no_more_than_they_do(
    cli: Any, words: tuple[str, ...]
) -> None:
    job = cli.project.job()
    job.with_name("job.yaml").write_bytes(job.read_bytes())

    found = _modules(cli, *words)

    top = {name.partition(".")[0] for name in found}
    theirs = {"pyarrow", "numpy", "dativo_test_support"}  # those of the two connectors
    assert "dativo.engine" in found
    assert not top & ({*HEAVY, *_NEVER, "asyncio", "http"} - theirs - {"arro3"})
    assert bool(top & theirs) == (words[0] != "state")
    assert "pyarrow.dataset" not in found
    assert "dativo.testing" not in found
    assert "dativo.scaffold" not in found


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_imports_nothing_that_is_slow(
    cli: Any, shell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_DATIVO_COMPLETE", f"complete_{shell}")
    monkeypatch.setenv("_TYPER_COMPLETE_ARGS", "dativo plugins ")
    monkeypatch.setenv("COMP_WORDS", "dativo plugins ")
    monkeypatch.setenv("COMP_CWORD", "2")

    found = _modules(cli)

    top = {name.partition(".")[0] for name in found}
    assert not top & {*HEAVY, "dativo_test_support"}  # typer itself may take rich
    assert "dativo.engine" not in found


def test_importing_the_library_imports_nothing_else() -> None:
    code = "import sys, dativo; print([m for m in sys.modules if m.startswith('dativo')])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "['dativo']\n"


def test_a_start_looks_for_no_garbage_and_its_end_takes_nothing_apart() -> None:
    code = (
        "import atexit, gc\n"
        "before = gc.get_stats()[0]['collections']\n"
        "found = lambda: gc.get_stats()[0]['collections'] - before\n"
        "atexit.register(lambda: print('collections', found(), 'frozen', gc.get_freeze_count()))\n"
        "from dativo.cli import main\n"
        "main(['schema', 'job'])\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    _, collections, _, frozen = done.stdout.splitlines()[-1].split()
    assert int(collections) < 20  # of 60; importing the command line itself comes first
    assert int(frozen) > 10_000


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_values_are_completed_without_importing_a_plugin(cli: Any, shell: str) -> None:
    line = "dativo plugins show num"
    env = {
        "_DATIVO_COMPLETE": f"complete_{shell}",
        "_TYPER_COMPLETE_ARGS": line,
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "COMP_WORDS": line,
        "COMP_CWORD": "3",
    }

    done = cli(env=env)

    assert done.exit_code == 0
    assert "numbers" in done.stdout


def test_the_completion_script_can_be_shown(cli: Any) -> None:
    done = cli("--show-completion", env={"SHELL": "/bin/bash"})

    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("words", ["errors", "--help", "--version"])
def test_a_reader_that_goes_away_is_no_error(cli: Any, words: str) -> None:
    command = f"{sys.executable} -m dativo {words} | head -c 1; echo ${{PIPESTATUS[0]}}"

    done = subprocess.run(
        ["bash", "-c", command],
        cwd=cli.project.folder,
        env=cli.environ(),
        capture_output=True,
        check=False,
        timeout=60,
    )

    assert done.stderr == b""
    assert done.stdout[1:].strip() == b"0"


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_outputs_are_no_error(cli: Any, closed: str) -> None:
    job = cli.project.job(source={"rows": 3})

    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m dativo run -c {job} {closed}"],
        cwd=cli.project.folder,
        env=cli.environ(),
        capture_output=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 0
    assert b"Traceback" not in done.stderr
    assert cli.project.ids() == [1, 2, 3]


def test_an_answer_that_cannot_be_written_is_an_error(cli: Any) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m dativo errors > /dev/full"],
        cwd=cli.project.folder,
        env=cli.environ(),
        capture_output=True,
        check=False,
        timeout=60,
        text=True,
    )

    assert done.returncode == 50
    assert done.stderr.startswith("error[DISK_FULL]: standard output cannot be written: ")


def _on_a_terminal(cli: Any, *words: str, env: dict[str, str] | None = None) -> str:
    """Run the command line on a terminal and return what is to be seen there."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cli.project.folder)
        environ = cli.environ({"TERM": "xterm-256color", "COLUMNS": "80", **(env or {})})
        os.execve(sys.executable, [sys.executable, "-m", "dativo", *words], environ)
    parts = []
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:
            break
        if not part:
            break
        parts.append(part)
    os.waitpid(pid, 0)
    os.close(terminal)
    return b"".join(parts).decode()


def test_a_terminal_gets_columns_colours_and_progress(cli: Any) -> None:
    job = cli.project.job(source={"rows": 500, "delay_seconds": 0.01})

    seen = _on_a_terminal(cli, "run", "-c", str(job))

    assert "✓ numbers" in seen
    assert "rows/s" in seen
    assert "\x1b[1m" in seen


def test_a_terminal_without_colours_and_one_without_anything(cli: Any) -> None:
    job = cli.project.job()

    colourless = _on_a_terminal(cli, "check", "-c", str(job), env={"NO_COLOR": "1"})
    dumb = _on_a_terminal(cli, "check", "-c", str(job), env={"TERM": "dumb"})

    assert "✓" in colourless
    assert "\x1b[32m" not in colourless
    assert "\x1b" not in dumb
    assert "ok  numbers_to_ledger  source numbers  host" in dumb


def test_help_on_a_terminal_is_boxed_and_json_is_indented(cli: Any) -> None:
    assert "╭─" in _on_a_terminal(cli, "plugins")
    assert json.loads(_on_a_terminal(cli, "errors", "NETWORK", "--json"))["ok"] is True


def test_other_locales_get_escapes(cli: Any) -> None:
    job = cli.project.job(name="numbers")

    done = cli(
        "check", "-c", str(job), "--stream", "é", env={"LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    )

    assert done.exit_code == 10
    assert "\\xe9" in done.stdout
