"""What the pages about local files and the class style show, done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from doc_pages import blocks, shells
from doc_shells import environment, run, says

import dativo


def _write_files(folder: Path, name: str) -> None:
    for block in blocks(name):
        if block.title:
            file = folder / block.title
            file.parent.mkdir(exist_ok=True)
            file.write_text(block.text)


@pytest.mark.parametrize("name", ["local-files.md", "from-the-class-style.md"])
def test_commands_print_what_the_page_shows(folder: Path, name: str) -> None:
    _write_files(folder, name)
    for shell in shells(name):
        says(shell, run(shell, environment()))


@pytest.mark.filterwarnings("ignore::dativo.errors.DativoDeprecationWarning")
def test_the_class_and_the_hooks_give_the_same_records_in_each_increment(folder: Path) -> None:
    _write_files(folder, "from-the-class-style.md")
    log = folder / "log.csv"
    for more in ("", "", "3,started\n4,failed\n"):
        with log.open("a") as file:
            file.write(more)
        rows = [dativo.run(f"{job}.yaml").rows for job in ("before", "after")]

        assert rows[0] == rows[1]
        assert _published(folder, "before") == _published(folder, "after")
    assert [row["id"] for row in _published(folder, "after")] == [1, 2, 3, 4]


def _published(folder: Path, lake: str) -> list[dict[str, Any]]:
    return pl.read_parquet(folder / lake / "log" / "**/*.parquet").sort("id").to_dicts()
