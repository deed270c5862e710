from __future__ import annotations

from pathlib import Path

import attrs
import fault_journal
from fault_frame import Damage, Result, Row, Workspace, chosen_numbers, interleaved, run_case
from fault_report import Summary, is_proven, table


def fine(number: int, workspace: Workspace) -> None:
    workspace.kills += 1


def broken(number: int, workspace: Workspace) -> None:
    if number == 1:
        raise Damage("a hole", lost=3, partial=1)
    raise ZeroDivisionError


def row_of(name: str = "a.row", *, demanded: int = 4, sampled: int = 2) -> Row:
    return Row(name=name, about="", demanded=demanded, sampled=sampled, case=fine)


def broken_row() -> Row:
    return Row(name="a.broken", about="", demanded=2, case=broken)


def summary(row: Row, *results: Result, missing: str | None = None) -> Summary:
    return Summary(row=row, demanded=row.count(), results=results, missing=missing)


def test_damage_is_counted() -> None:
    result = run_case(broken_row(), 1)

    assert (result.lost, result.doubled, result.partial) == (3, 0, 1)
    assert "a hole (lost 3, doubled 0, partial 1)" in result.failure


def test_whatever_a_case_raises_is_its_failure() -> None:
    assert "ZeroDivisionError" in run_case(broken_row(), 0).failure


def test_a_full_run_has_every_case_once_and_a_sample_some() -> None:
    assert sorted(chosen_numbers(row_of(), 7, full=True)) == [0, 1, 2, 3]
    assert len(set(chosen_numbers(row_of(), 7, full=False))) == 2
    assert chosen_numbers(row_of(), 7, full=True) == chosen_numbers(row_of(), 7, full=True)


def test_every_row_has_its_first_case_before_any_has_its_second() -> None:
    rows = [(row_of("a"), range(50)), (row_of("b"), range(2)), (row_of("c"), range(1))]

    first = [row.name for row, _ in list(interleaved(rows, 3))[:3]]

    assert sorted(first) == ["a", "b", "c"]


def test_a_row_without_cases_or_with_a_failure_is_not_proven() -> None:
    done = summary(row_of(), run_case(row_of(), 0))

    assert is_proven([done])
    assert not is_proven([done, summary(row_of("b"))])
    assert not is_proven([done, summary(row_of("b"), missing="no compiler")])
    assert not is_proven([done, summary(broken_row(), run_case(broken_row(), 1))])


def test_the_table_says_what_ran_and_what_did_not() -> None:
    shown = table(
        [
            summary(row_of(), run_case(row_of(), 0)),
            summary(broken_row(), run_case(broken_row(), 1)),
            summary(row_of("c.row"), missing="no compiler"),
        ]
    ).splitlines()

    cells = [[cell.strip() for cell in line.split("|")[1:-2]] for line in shown[2:]]
    assert cells == [
        ["a.row", "1 / 4", "0", "1", "0", "0", "0"],
        ["a.broken", "1 / 2", "1", "0", "3", "0", "1"],
        ["c.row", "not run: no compiler", "-", "-", "-", "-", "-"],
        ["all", "2 / 10", "1", "1", "3", "0", "1"],
    ]


def test_a_journal_gives_back_what_passed_last(tmp_path: Path) -> None:
    journal = tmp_path / "faults.jsonl"
    good = Result(row="a.row", number=0, seconds=0.5, kills=2)
    bad = attrs.evolve(good, number=1, failure="a hole", lost=3, folder=tmp_path)
    mended = attrs.evolve(good, number=2, failure="a hole")

    for result in (good, bad, mended, attrs.evolve(good, number=2)):
        fault_journal.add(journal, result)

    assert sorted(fault_journal.passed(journal)) == [("a.row", 0), ("a.row", 2)]
    assert fault_journal.passed(journal)["a.row", 0] == good
    assert not fault_journal.passed(tmp_path / "no.jsonl")
