from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import nullcontext, redirect_stdout
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest
from doc_pages import Block, blocks, titled

import dativo
from dativo.contract import CommitRecord


def _run_page(name: str) -> dict[str, Any]:
    """Run the Python blocks of a page one after the other and compare what they print.

    Return the names that they leave.
    """
    namespace: dict[str, Any] = {"__name__": "page"}
    for block, after in pairwise([*blocks(name), Block("", "", "")]):
        if block.language != "python":
            continue
        said = io.StringIO()
        with redirect_stdout(said):
            exec(compile(block.text, name, "exec"), namespace)

        assert said.getvalue() == (after.text if after.language == "text" else "")
    return namespace


@pytest.mark.usefixtures("lake")
def test_every_reader_reads_the_lake_as_the_page_says() -> None:
    _run_page("reading-parquet.md")


def test_the_library_does_what_its_page_says(folder: Path, acme: None) -> None:
    _job(folder, source="counter", stream={"name": "numbers"}, writer="parquet")

    _run_page("reference/library.md")


def test_the_smallest_source_and_writer_work_together(folder: Path, acme: None) -> None:
    job = _job(
        folder, source="counter", stream={"name": "numbers", "write_mode": "append"}, writer="files"
    )

    checked, listed, previewed = dativo.check(job), dativo.discover(job), dativo.preview(job)
    result = dativo.run(job)

    assert checked.ok
    assert [stream.name for stream in listed.streams] == ["numbers"]
    assert previewed.tables[0].rows == (("1",), ("2",), ("3",))
    assert (result.error, result.rows) == (None, 3)
    assert _arrived(folder / "lake" / "numbers") == [1, 2, 3]


def test_the_source_that_reads_on_reads_on(folder: Path, acme: None) -> None:
    stream = {"name": "lines", "mode": "incremental"}
    rows = []
    for upto in (3, 3, 5):
        job = _job(folder, source="log", stream=stream, writer="files", upto=upto)
        rows.append(dativo.run(job).rows)

    assert rows == [3, 0, 2]
    assert _arrived(folder / "lake" / "lines") == [1, 2, 3, 4, 5]
    records = sorted((folder / "lake" / "lines").glob("*/commit.json"))
    assert [CommitRecord.from_json(record.read_text()).rows for record in records] == [3, 2]


def test_the_job_of_the_smallest_source_runs(folder: Path, acme: None) -> None:
    (folder / "count.yaml").write_text(titled("reference/contract.md", "count.yaml"))

    assert dativo.run("count.yaml").rows == 5


@pytest.mark.usefixtures("folder", "tickets")
def test_errors_and_retries_are_as_their_page_says() -> None:
    page = _run_page("errors-and-retries.md")

    now = time.monotonic()
    timeouts = [
        page["timeout_seconds"](SimpleNamespace(deadline=deadline))
        for deadline in (None, now + 3600, now + 10, now - 1)
    ]
    assert timeouts == [60.0, 60.0, pytest.approx(10, abs=9), 0.1]
    assert [page["seconds_of"](text) for text in ("soon", "-1", None)] == [None, 0.0, None]
    assert page["seconds_of"]("Fri, 01 Jan 2100 00:00:00 GMT") > 1e9


@pytest.mark.parametrize("is_cancelled", [True, False])
def test_a_driver_that_is_cancelled_ends_without_an_error_of_its_own(is_cancelled: bool) -> None:
    namespace: dict[str, Any] = {}
    exec(titled("errors-and-retries.md", "stopping.py"), namespace)

    class Cursor:
        def cancel(self) -> None: ...

        def __iter__(self) -> Iterator[int]:
            yield 1
            raise ConnectionResetError

    context = SimpleNamespace(on_cancel=lambda _: nullcontext(), cancelled=lambda: is_cancelled)
    rows = namespace["rows_of"](Cursor(), context)

    with nullcontext() if is_cancelled else pytest.raises(ConnectionResetError):
        assert list(rows) == [1]


@pytest.mark.usefixtures("acme", "extensions")
def test_the_extensions_of_the_page_change_and_watch_a_run(folder: Path) -> None:
    job = titled("extensions.md", "coarse.yaml")
    (folder / "coarse.yaml").write_text(job)
    (folder / "wrong.yaml").write_text(job.replace("field: n", "field: m"))

    previewed = dativo.preview("coarse.yaml")
    result, refused = dativo.run("coarse.yaml"), dativo.run("wrong.yaml")

    assert (result.error, result.rows) == (None, 7)
    assert [row[0] for row in previewed.tables[0].rows] == ["0", "0", "0", "0", "5", "5", "5"]
    assert refused.exit_code == 10
    assert (folder / "ends.txt").read_text().splitlines() == [
        "numbers: done, 7 rows",
        "numbers: failed, 0 rows",
    ]


def _arrived(folder: Path) -> list[int]:
    tables = [pa.ipc.open_file(file).read_all() for file in sorted(folder.glob("*/*.arrow"))]
    return [number for table in tables for number in table["n"].to_pylist()]


def _job(
    folder: Path, *, source: str, stream: Mapping[str, str], writer: str, upto: int = 3
) -> Path:
    job = {
        "name": "docs",
        "source": {"connector": source, "config": {"upto": upto}},
        "streams": [dict(stream)],
        "writer": {"connector": writer, "config": {"path": "lake"}},
    }
    file = folder / "job.yaml"
    file.write_text(json.dumps(job))
    return file
