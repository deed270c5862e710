from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("kind", "distribution"),
    [("source", "dativo-connector-acme"), ("writer", "dativo-writer-acme")],
)
def test_a_project_is_written_and_what_is_next_is_told(
    cli: Any, inline: Any, kind: str, distribution: str
) -> None:
    done = inline("plugins", "new", "acme", "--kind", kind)

    lines = done.stdout.splitlines()
    assert done.exit_code == 0
    assert lines[0] == f"{distribution} written: {distribution}"
    assert "  pyproject.toml" in lines
    assert f"next: cd {distribution}" in lines
    assert (cli.project.folder / distribution / "src").is_dir()


def test_the_answer_lists_the_files(cli: Any) -> None:
    done = cli("plugins", "new", "acme", "--kind", "source", "--path", "some/where", "--json")

    folder = cli.project.folder / "some" / "where"
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert done.document["ok"] is True
    assert done.document["distribution"] == "dativo-connector-acme"
    assert done.document["path"] == "some/where"
    assert set(done.document["files"]) == found
    assert done.document["next"][0] == "cd some/where"
    assert done.document["todo"] == []


def test_nothing_is_overwritten(cli: Any, inline: Any) -> None:
    inline("plugins", "new", "acme", "--kind", "source")

    done = inline("plugins", "new", "acme", "--kind", "source")

    assert done.exit_code == 2
    assert "nothing is overwritten" in done.stderr


def test_a_wrong_name_is_refused_with_a_right_one(inline: Any) -> None:
    done = inline("plugins", "new", "Acme CRM", "--kind", "source")

    assert done.exit_code == 2
    assert "fix: Call it acme-crm." in done.stderr


def test_a_local_file_becomes_a_distribution(cli: Any, inline: Any) -> None:
    file: Path = cli.project.folder / "mine.py"
    file.write_text("from dativo_test_support.numbers import *\nimport attrs\n")

    done = inline("plugins", "new", "acme", "--kind", "source", "--from", "mine.py")

    assert done.exit_code == 0, done.stderr
    assert "to do: check the dependencies" in done.stdout
    assert (
        cli.project.folder / "dativo-connector-acme/src/dativo_connector_acme/mine.py"
    ).is_file()


def test_help_and_list_load_no_template(cli: Any) -> None:
    code = (
        "import sys; from dativo.cli import main\n"
        "try: main()\n"
        "finally: print('scaffold loaded:', 'dativo.scaffold' in sys.modules)\n"
    )
    for words in (["plugins", "list"], ["plugins", "new", "--help"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *words],
            env=cli.environ(),
            capture_output=True,
            text=True,
            check=False,
        )

        assert "scaffold loaded: False" in done.stdout
