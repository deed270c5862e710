from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dativo.config import (
    Deletes,
    Job,
    Redactor,
    RunSettings,
    draft_job,
    load_job,
    load_jobs,
)
from dativo.contract import ReadMode, WriteMode
from dativo.errors import ConfigurationError, InvalidConfigError, MissingConfigError

Load = Callable[[str | bytes], Job]
ProblemsOf = Callable[[str | bytes], list[str]]

JOB = """\
name: orders_to_lake
source:
  connector: postgres
  config:
    host: localhost
    port: 5432
streams:
  - name: public.orders
    mode: incremental
    cursor: updated_at
    primary_key: [id]
    columns: [id, updated_at, total]
  - name: public.*
    exclude: [public.tmp_*]
    mode: full
writer:
  connector: parquet
  config: {path: ./lake}
  mode: append
run: {parallelism: 4, memory: 512MB, timeout: 2h}
"""


def test_a_job_says_what_its_file_says(load: Load, job_text: str, tmp_path: Path) -> None:
    job = load(job_text)

    assert (job.name, job.file, job.folder) == ("orders_to_lake", Path("job.yaml"), tmp_path)
    assert (job.source.connector, job.writer.connector) == ("postgres", "parquet")
    assert job.source.config.path == "source.config"
    assert job.writer_mode is WriteMode.APPEND
    orders, rest = job.streams
    assert (orders.name, orders.mode, orders.cursor) == (
        "public.orders",
        ReadMode.INCREMENTAL,
        "updated_at",
    )
    assert (orders.primary_key, orders.columns) == (("id",), ("id", "updated_at", "total"))
    assert (rest.is_pattern, rest.exclude) == (True, ("public.tmp_*",))
    assert job.run == RunSettings(parallelism=4, memory_bytes=512_000_000, timeout_seconds=7200)


def test_what_a_job_leaves_out_has_defaults(load: Load) -> None:
    job = load("name: a\nsource: {connector: b}\nstreams: [{name: c}]\nwriter: {connector: d}\n")

    assert job.run == RunSettings()
    assert job.writer_mode is None
    assert job.source.config.entries == ()
    assert job.source.config.path == "source.config"
    (stream,) = job.streams
    assert (stream.mode, stream.cursor, stream.options, stream.write_mode) == (None,) * 4
    assert stream.deletes is Deletes.NONE


def test_every_run_setting_has_its_unit(load: Load, job_text: str) -> None:
    run = """run:
  parallelism: 2
  memory: 1GiB
  timeout: 1h30m
  stall_timeout: 500s
  retries: 3
  epoch_rows: 10
  epoch_size: 1.5MB
  epoch_time: 1d
  require_one_snapshot: true
"""

    assert load(job_text[: job_text.index("run:")] + run).run == RunSettings(
        parallelism=2,
        memory_bytes=2**30,
        timeout_seconds=5400,
        stall_timeout_seconds=500,
        retries=3,
        epoch_rows=10,
        epoch_bytes=1_500_000,
        epoch_seconds=86_400,
        require_one_snapshot=True,
    )


ALL_AT_ONCE = """\
job.yaml:1:7 name: expected up to 100 letters, digits, '_', '-' and single dots, \
a letter or digit first, got '../x'
job.yaml:9:11 streams[0].mode: expected one of 'full', 'incremental', \
got 'incrementl' (did you mean 'incremental'?)
job.yaml:10:5 streams[0].cursr: unknown key (did you mean 'cursor'?)
job.yaml:17:3 writer.conector: unknown key (did you mean 'connector'?)
job.yaml:17:3 writer.connector: is missing \
(The connector to write to, as `dativo plugins list` names it, or a Python file.)
job.yaml:20:31 run.memory: expected a size with its unit, such as 512MB or 1.5GiB, got 512
job.yaml:20:36 run.timout: unknown key (did you mean 'timeout'?)
"""


def test_all_problems_are_told_at_once_in_the_order_of_the_file(
    problems_of: ProblemsOf, job_text: str
) -> None:
    wrong = (
        job_text.replace("orders_to_lake", "../x")
        .replace("mode: incremental", "mode: incrementl")
        .replace("cursor", "cursr")
        .replace("512MB", "512")
        .replace("timeout", "timout")
        .replace("connector: parquet", "conector: parquet")
    )

    assert problems_of(wrong) == ALL_AT_ONCE.splitlines()


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name: orders_to_lake\n", "", "job.yaml:1:1 name: is missing (The job's id"),
        ("parallelism: 4", "parallelism: '4'", "got the text '4' (remove the quotes)"),
        ("parallelism: 4", "parallelism: abc", "expected an integer, got 'abc'"),
        ("parallelism: 4", "parallelism: 4.5", "expected an integer, got 4.5"),
        ("parallelism: 4", "parallelism: true", "expected an integer, got true"),
        ("parallelism: 4", "parallelism: ~", "expected an integer, got nothing"),
        ("parallelism: 4", "parallelism: 0", "expected at least 1, got 0"),
        ("parallelism: 4", "parallelism: 99", "expected at most 64, got 99"),
        ("cursor: updated_at", "cursor: 5", "expected a text, got 5 (put it in quotes)"),
        ("[id]", "id", "streams[0].primary_key: expected a list, got a single value"),
        ("[id]", "[5]", "streams[0].primary_key[0]: expected a text, got 5"),
        ("[id]", "{id: 5}", "expected a list, got a mapping"),
        ("[id]", "[]", "expected at least one field (leave 'primary_key' out instead)"),
        ("[id]", "[id, id]", "streams[0].primary_key[1]: 'id' is there twice"),
        ("[id]", "['']", "expected the name of a field, got ''"),
        ("run: {", "run: 5 #", "job.yaml:20:6 run: expected a mapping, got a single value"),
        ("mode: append", "mode: appended", "did you mean 'append'?"),
        ("mode: incremental\n", "mode: full\n", "a cursor needs 'mode: incremental'"),
        ("public.*", "public.x", "only a pattern can exclude streams"),
        ("cursor: updated_at", "query: select 1", "a query cannot have 'columns' beside it"),
        ("name: public.orders", "name: ''", "expected a text of 1 to 1000 characters, got ''"),
        ("name: public.orders", 'name: "a\\nb"', "expected a printable name"),
        ("name: public.orders", "name: ' a'", "expected a printable name"),
        ("connector: parquet", "connector: par quet", "expected up to 100 letters"),
        ("timeout: 2h", "timeout: 2 hours", "expected a time with its unit"),
        ("timeout: 2h", "timeout: [2h]", "expected a text, got a list"),
        ("timeout: 2h", "timeout: 400d", "expected at most 30d, got '400d'"),
        ("timeout: 2h", "timeout: 1ms", "expected at least 1s, got '1ms'"),
        ("timeout: 2h", "timeout: '${env:GONE}'", "variable 'GONE' is not set (export GONE=...)"),
    ],
)
def test_each_problem_says_what_is_wrong(
    problems_of: ProblemsOf, old: str, new: str, said: str
) -> None:
    assert old in JOB

    (problem,) = problems_of(JOB.replace(old, new, 1))

    assert said in problem


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ("{name: a}, {name: a}", "streams[1]: the stream 'a' is there twice (first in line 3)"),
        ("{name: 'a*', query: select 1}", "its name cannot be a pattern"),
        ("{name: a, query: select 1, where: x}", "cannot have 'where' beside it (put it into"),
        ("{name: a, mode: full, cursor: x}", "streams[0].cursor: a cursor needs"),
    ],
)
def test_entries_that_contradict_are_told(problems_of: ProblemsOf, entries: str, said: str) -> None:
    text = f"name: a\nsource: {{connector: b}}\nstreams: [{entries}]\nwriter: {{connector: d}}\n"

    (problem,) = problems_of(text)

    assert said in problem


@pytest.mark.parametrize("streams", ["[]", "{}", "", "public.*", "5"])
def test_streams_are_a_list_that_is_not_empty(problems_of: ProblemsOf, streams: str) -> None:
    text = f"name: a\nsource: {{connector: b}}\nstreams: {streams}\nwriter: {{connector: d}}\n"

    (problem,) = problems_of(text)

    assert "streams: expected a list of streams, got" in problem


def test_a_byte_order_mark_and_windows_lines_do_no_harm(load: Load, job_text: str) -> None:
    assert load(b"\xef\xbb\xbf" + job_text.replace("\n", "\r\n").encode()).name == "orders_to_lake"


def test_emoji_are_text(load: Load, job_text: str) -> None:
    names = "🦆 duck", '"\\ud83e\\udd86 duck"'

    jobs = [load(job_text.replace("public.orders", name)) for name in names]

    assert [job.streams[0].name for job in jobs] == ["🦆 duck", "🦆 duck"]


def test_a_draft_keeps_what_is_right_for_further_checks(tmp_path: Path, job_text: str) -> None:
    path = tmp_path / "job.yaml"
    path.write_text(job_text.replace("public.orders", "''").replace("append", "x"))

    draft = draft_job(path)

    assert draft.job is None
    assert draft.source is not None
    assert draft.source.connector == "postgres"
    assert draft.writer is not None
    assert draft.writer.config.path == "writer.config"
    assert len(draft.problems) == 2
    with pytest.raises(InvalidConfigError):
        draft.finish()


def test_a_draft_has_no_connector_where_none_is_named(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text("source: {connector: [a]}\nwriter: {config: {}}\n")

    draft = draft_job(path)

    assert (draft.source, draft.writer) == (None, None)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingConfigError, match=r"there is no job file .*gone\.yaml") as raised:
        load_job(tmp_path / "gone.yaml")

    assert raised.value.exit_code == 10
    assert "dativo init" in raised.value.fix


@pytest.mark.parametrize("name", [".", "a\0b", "a" * 5_000, "file/x.yaml"])
def test_what_is_no_readable_file_is_a_problem(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(MissingConfigError, match="cannot be read"):
        load_job(tmp_path / name)


def test_an_odd_file_name_cannot_disturb_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "a\x1b[31mb.yaml"
    path.write_text("5")

    with pytest.raises(InvalidConfigError) as raised:
        load_job(path)

    assert raised.value.message.isprintable()


def test_references_serve_the_cores_own_keys(tmp_path: Path, job_text: str) -> None:
    path = tmp_path / "job.yaml"
    text = job_text.replace("public.orders", "${env:SCHEMA}.orders")
    path.write_text(text.replace("parallelism: 4", "parallelism: '${env:READERS}'"))

    job = load_job(path, environ={"SCHEMA": "shop", "READERS": "8"})

    assert job.streams[0].name == "shop.orders"
    assert job.run.parallelism == 8


def test_a_redactor_may_be_shared(tmp_path: Path, job_text: str) -> None:
    path, redactor = tmp_path / "job.yaml", Redactor()
    path.write_text(job_text)

    assert load_job(path, redactor=redactor).redactor is redactor


def test_a_folder_of_jobs_gives_one_result_each(tmp_path: Path, job_text: str) -> None:
    (tmp_path / "a.yaml").write_text(job_text.replace("orders_to_lake", "a"))
    (tmp_path / "b.yml").write_text("name: b")
    (tmp_path / "c.txt").write_text("no job")
    (tmp_path / ".d.yaml").write_text("hidden")
    (tmp_path / "e.yaml").mkdir()

    good, bad = load_jobs([tmp_path])

    assert (good.file.name, bad.file.name) == ("a.yaml", "b.yml")
    assert good.job is not None
    assert isinstance(bad.error, InvalidConfigError)


def test_an_empty_folder_and_a_missing_file_are_results(tmp_path: Path) -> None:
    results = load_jobs([tmp_path, tmp_path / "gone.yaml"])

    assert [type(result.error) for result in results] == [MissingConfigError] * 2


def test_two_jobs_of_one_name_would_share_state(tmp_path: Path, job_text: str) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(job_text)

    first, second = load_jobs([tmp_path, tmp_path / "a.yaml"])[:2]

    assert first.job is not None
    assert isinstance(second.error, ConfigurationError)
    assert "'orders_to_lake' is the name of" in second.error.message


def test_the_same_file_twice_is_no_contradiction(tmp_path: Path, job_text: str) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(job_text)

    results = load_jobs([path, path])

    assert all(result.job is not None for result in results)


TRAVERSALS = (
    "../x",
    "..",
    ".",
    ".hidden",
    "/etc/passwd",
    "a/b",
    "a/../b",
    "a\\b",
    "..\\x",
    "C:\\x",
    "a..b",
    "a.",
    "~",
    "~root",
    "$(touch hacked)",
    "`touch hacked`",
    "{{ x }}",
    "${x}",
    "%2e%2e%2f",
    "a b",
    "a;b",
    "-rf",
    "_x",
    "é",
    "a\u202eb",
    "x" * 101,
    "file:///etc/passwd",
    "//host/share",
)


@pytest.mark.parametrize("place", ["name", "source", "writer"])
@pytest.mark.parametrize("name", TRAVERSALS)
def test_a_name_never_becomes_a_path(
    problems_of: ProblemsOf, job_text: str, place: str, name: str
) -> None:
    old = {"name": "orders_to_lake", "source": "postgres", "writer": "parquet"}[place]
    quoted = name.replace("'", "''")

    (problem,) = problems_of(job_text.replace(old, f"'{quoted}'", 1))

    assert problem.startswith("job.yaml:")
    assert sorted(file.name for file in Path().iterdir()) == ["job.yaml"]


@pytest.mark.parametrize("name", [name for name in TRAVERSALS if "$" not in name])
def test_a_name_from_a_reference_never_becomes_a_path(
    tmp_path: Path, job_text: str, name: str
) -> None:
    path = tmp_path / "job.yaml"
    path.write_text(job_text.replace("orders_to_lake", "${env:JOB}"))

    with pytest.raises(InvalidConfigError) as raised:
        load_job(path, environ={"JOB": name})

    assert len(name) < 4 or name not in raised.value.message


def test_way_to_find_deletions_is_one_of_those_known(load: Load, problems_of: ProblemsOf) -> None:
    text = (
        "name: a\nsource: {connector: b}\nwriter: {connector: d}\n"
        "streams: [{name: c, deletes: key_scan}]\n"
    )

    assert load(text).streams[0].deletes is Deletes.KEY_SCAN
    (problem,) = problems_of(text.replace("key_scan", "key_scans"))
    assert problem == (
        "job.yaml:4:30 streams[0].deletes: expected one of 'none', 'key_scan', got 'key_scans' "
        "(did you mean 'key_scan'?)"
    )
