"""The results of the engine, made by hand, on both kinds of page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import arro3.core as arro3
import pytest

from dativo.cli._render_check import show_check
from dativo.cli._render_preview import show_preview
from dativo.cli._render_run import show_run
from dativo.cli._render_streams import StreamLines
from dativo.contract import (
    CheckItem,
    ConnectionTestResult,
    Role,
    Stream,
    StreamStatus,
    Verdict,
)
from dativo.engine import (
    CheckReport,
    ConnectorCheck,
    DiscoveryResult,
    Field,
    PreviewResult,
    PreviewTable,
    RunResult,
    StreamOutcome,
    StreamResult,
)
from dativo.errors import (
    InsufficientPermissionsError,
    InvalidCredentialsError,
    NetworkError,
    RunInterruptedError,
)

DENIED = InsufficientPermissionsError("may not read secrets", fix="GRANT SELECT ON secrets")


def _report(*items: CheckItem) -> CheckReport:
    result = ConnectionTestResult(items)
    check = ConnectorCheck(role=Role.SOURCE, connector="acme", result=result, seconds=1.5)
    return CheckReport(job="shop", checks=(check,))


def test_a_check_has_one_line_for_each_scope_and_the_fix_below(
    make_sheet: Callable[..., Any],
) -> None:
    sheet = make_sheet(styled=True)
    report = _report(
        CheckItem.ok("host", "db:5432"),
        CheckItem.failed("stream secrets", DENIED),
        CheckItem.skipped("stream orders", "not asked"),
        CheckItem("version", Verdict.PARTIAL, "old"),
        CheckItem("tls", Verdict.NOT_IMPLEMENTED),
    )

    show_check(sheet.page, report)

    assert sheet.lines == [
        "source acme  1.5 s",
        "  ✓ host            db:5432",
        "  ✗ stream secrets  may not read secrets [INSUFFICIENT_PERMISSIONS]",
        "    fix: GRANT SELECT ON secrets",
        "  - stream orders   not asked",
        "  ! version         old",
        "  ? tls",
        "shop: 3 of 5 checks did not pass, 1 skipped in 1.5 s",
    ]


def test_a_check_in_plain_lines_names_its_job_in_each(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet()

    show_check(sheet.page, _report(CheckItem.ok("host"), CheckItem.failed("login", DENIED)))

    assert sheet.lines == [
        "ok  shop  source acme  host",
        "FAILED  shop  source acme  login  may not read secrets [INSUFFICIENT_PERMISSIONS]",
        "fix  shop  source acme  login  GRANT SELECT ON secrets",
        "shop: 1 of 2 checks did not pass in 1.5 s",
    ]


def test_a_check_that_passed_says_so(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet()

    show_check(sheet.page, _report(CheckItem.ok("host")))

    assert sheet.lines[-1] == "shop: 1 check passed in 1.5 s"


def _run(*streams: StreamResult, interrupted: bool = False) -> RunResult:
    return RunResult(job="shop", run_id="1", streams=streams, seconds=2.0, interrupted=interrupted)


DONE = StreamResult(
    stream="orders",
    outcome=StreamOutcome.DONE,
    rows=200_000,
    size_bytes=12_345_678,
    epochs=1,
    files=2,
    attempts=2,
    seconds=4.2,
    recovered=True,
)
FAILED = StreamResult(
    stream="users", outcome=StreamOutcome.FAILED, error=NetworkError("gone", stream="users")
)


def test_a_run_is_a_table_with_its_sum(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet(styled=True, width=100)

    show_run(sheet.page, sheet.page, _run(DONE))

    assert [line.split("  ")[0] for line in sheet.lines] == [
        "stream",
        "✓ orders",
        "shop: 1 stream done, 200,000 rows, 12.3 MB, 2.0 s, 100,000 rows/s",
    ]
    assert "done, 2 attempts, state rolled forward" in sheet.text


def test_the_error_of_each_failed_stream_follows(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet()

    show_run(sheet.page, sheet.page, _run(DONE, FAILED))

    assert sheet.lines[1] == "users  0 rows  0 B  0 commits  0 files  0.00 s  failed NETWORK"
    assert sheet.lines[2].startswith("shop: 1 of 2 streams done, ")
    assert sheet.lines[3:5] == [
        "error[NETWORK]: gone",
        "  where: job shop, stream users",
    ]


def test_an_interruption_is_told_once(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet()
    stopped = [
        StreamResult(stream=name, outcome=outcome, error=RunInterruptedError("stopped"))
        for name, outcome in (("a", StreamOutcome.INTERRUPTED), ("b", StreamOutcome.NOT_STARTED))
    ]

    show_run(sheet.page, sheet.page, _run(*stopped, interrupted=True))

    assert sheet.text.count("error[INTERRUPTED]") == 1


def test_a_run_without_streams_and_time_divides_by_nothing(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet()

    show_run(sheet.page, sheet.page, RunResult(job="shop", run_id="1", streams=()))

    assert sheet.lines == ["shop: 0 streams done, 0 rows, 0 B, 0.00 s, 0 rows/s"]


FIELDS = (Field("id", "int64"), Field("note", "utf8"))


def test_a_preview_is_a_table(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet(styled=True)
    table = PreviewTable(stream="orders", fields=FIELDS, rows=(("1", "a"), ("20", None)))

    show_preview(sheet.page, sheet.page, PreviewResult(job="shop", tables=(table,)))

    assert sheet.lines == ["orders  2 rows, 2 fields", "id  note", " 1  a", "20  NULL", ""]


def test_a_narrow_terminal_gets_one_record_below_the_other(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet(styled=True, width=30)
    fields = tuple(Field(f"f{number}", "utf8") for number in range(5))
    table = PreviewTable(stream="orders", fields=fields, rows=(("a", "b", None, "d", "e"),))

    show_preview(sheet.page, sheet.page, PreviewResult(job="shop", tables=(table,)))

    assert sheet.lines[1:4] == ["  row 1", "    f0  a", "    f1  b"]


def test_plain_records_are_lines_of_json_values(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet()
    tables = (
        PreviewTable(stream="orders", fields=FIELDS, rows=(("1", 'a"\n'), ("2", None))),
        PreviewTable(stream="empty", fields=FIELDS, rows=()),
        PreviewTable(stream="bad", fields=(), rows=(), error=InvalidCredentialsError("no")),
    )

    show_preview(sheet.page, sheet.page, PreviewResult(job="shop", tables=tables))

    assert sheet.lines[:4] == [
        'orders  id="1"  note="a\\"\\n"',
        'orders  id="2"  note=null',
        "empty  0 rows",
        "error[INVALID_CREDENTIALS]: no",
    ]


SCHEMA = arro3.Schema([arro3.Field("id", arro3.DataType.int64(), nullable=False)])
STREAMS = (
    Stream(
        name="public.orders",
        kind="table",
        schema=SCHEMA,
        primary_key=("id",),
        cursors=("updated_at", "id"),
        estimated_rows=200_000,
        description="What was ordered",
    ),
    Stream(name="v", kind="view", status=StreamStatus.UNREADABLE, problem=DENIED),
)


def _discover(sheet: Any, *, complete: bool = True) -> list[str]:
    lines = StreamLines(sheet.session)
    for stream in STREAMS:
        lines.add(stream)
    lines.close(DiscoveryResult(connector="acme", streams=STREAMS, complete=complete, seconds=0.4))
    found: list[str] = sheet.lines
    return found


def test_streams_are_in_columns_on_a_terminal(make_sheet: Callable[..., Any]) -> None:
    assert _discover(make_sheet(styled=True, width=120, verbose=True)) == [
        "public.orders  table  ~200,000 rows  key id  cursor updated_at, id",
        "    What was ordered",
        "    id  int64 not null",
        "v              view",
        "    error[INSUFFICIENT_PERMISSIONS]: may not read secrets",
        "acme: 2 streams, 1 of them not readable in 0.40 s",
    ]


def test_streams_are_lines_elsewhere(make_sheet: Callable[..., Any]) -> None:
    *streams, total = _discover(make_sheet(), complete=False)

    assert streams == [
        "public.orders  table  ~200,000 rows  key id  cursor updated_at, id",
        "v  view",
        "    error[INSUFFICIENT_PERMISSIONS]: may not read secrets",
    ]
    assert total.startswith("acme: 2 streams, 1 of them not readable; there are more")


def test_json_shows_no_lines(make_sheet: Callable[..., Any]) -> None:
    assert _discover(make_sheet(json=True)) == []


def test_streams_that_come_late_are_shown_at_once(
    make_sheet: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dativo.cli._render_streams._PATIENCE_SECONDS", -1.0)
    sheet = make_sheet(styled=True)
    lines = StreamLines(sheet.session)

    lines.add(STREAMS[0])

    assert len(sheet.lines) == 1


def test_nothing_found_is_said(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet(styled=True)

    StreamLines(sheet.session).close(DiscoveryResult(connector="acme", streams=()))

    assert sheet.lines == ["acme: 0 streams in 0.00 s"]
