"""The operator's commands as processes: what they answer, and that they load no more than due."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dativo_test_support.wheels import PluginWheel

WHOLE = ("whole", "whole")


def test_plan_answers_with_one_object_and_ends_as_a_run_would(cli: Any) -> None:
    job = cli.project.job(connectors=WHOLE, source={"rows": 30})
    weak = cli.project.job(name="weak", connectors=("plain", "ledger"), require="exactly_once")

    done = cli("plan", "-c", str(job), "--json")
    plain = cli("plan", "-c", str(job), "-s", "numbers", "--full-refresh")
    refused = cli("plan", "-c", str(weak), "--json")

    assert (done.exit_code, plain.exit_code, refused.exit_code) == (0, 0, 10)
    assert done.stdout.count("\n") == 1
    assert done.document["streams"][0]["rows"] == 30
    assert "numbers  note: a replace is one epoch" in plain.stdout
    assert refused.document["streams"][0]["guarantee"] == "at_least_once"
    assert refused.document["error"]["code"] == "CONFIGURATION"
    assert not (cli.project.folder / ".dativo").exists()


def test_cat_prints_what_is_published_in_three_formats(cli: Any) -> None:
    job = cli.project.job(connectors=WHOLE, source={"rows": 3})
    cli("run", "-c", str(job))

    table = cli("cat", "-c", str(job), "--stream", "numbers")
    lines = cli("cat", "-c", str(job), "--format", "json", "--limit", "2")
    csv = cli("cat", "-c", str(job), "-f", "csv")
    one = cli("cat", "-c", str(job), "--json")

    assert table.stdout.splitlines()[0] == 'id="1"  label="n1"  amount="1.0000000000"'
    assert [json.loads(line) for line in lines.stdout.splitlines()] == [
        {"id": "1", "label": "n1", "amount": "1.0000000000"},
        {"id": "2", "label": "n2", "amount": "2.0000000000"},
    ]
    assert csv.stdout.splitlines()[:2] == ["id,label,amount", "1,n1,1.0000000000"]
    assert one.document["rows"] == [[str(n), f"n{n}", f"{n}.0000000000"] for n in (1, 2, 3)]
    assert one.document["complete"] is True


def test_cat_of_nothing_says_so(cli: Any) -> None:
    job = cli.project.job(connectors=WHOLE)

    done = cli("cat", "-c", str(job), "-f", "csv")

    assert (done.exit_code, done.stdout) == (10, "")
    assert "nothing is published of numbers" in done.stderr


def test_runs_lists_and_shows_what_ran(cli: Any) -> None:
    job = cli.project.job(source={"rows": 25}, run={"epoch_rows": 10})
    cli.project.job(name="other", source={"unreadable": ["numbers"]}, writer={"path": "other"})
    cli("run", "-c", str(job))
    cli("run", "-c", "other.yaml")

    listed = cli("runs", "list", "--json").document["runs"]
    of_job = cli("runs", "list", "-c", str(job))
    by_name = cli("runs", "list", "--job", "other", "-n", "1")
    shown = cli("runs", "show", listed[1]["run_id"][:6])
    as_json = cli("runs", "show", listed[1]["run_id"], "--json").document

    assert [(run["job"], run["outcome"]) for run in listed] == [
        ("other", "failed"),
        ("numbers_to_ledger", "done"),
    ]
    assert of_job.stdout.count("\n") == 1
    assert "25 rows" in of_job.stdout
    assert "failed INSUFFICIENT_PERMISSIONS" in by_name.stdout
    assert "numbers  epoch 1  10 rows" in shown.stdout
    assert '{"value":{"id":25},"version":1}' in shown.stdout
    assert [epoch["epoch"] for epoch in as_json["epochs"]] == [1, 2, 3]


def test_runs_needs_neither_a_history_nor_a_job_file(cli: Any, tmp_path: Path) -> None:
    none = cli("runs", "list", "--folder", str(tmp_path))
    unknown = cli("runs", "show", "abc", "--json")
    both = cli("runs", "list", "-c", "job.yaml", "--job", "x")

    assert (none.exit_code, none.stdout) == (0, "no runs yet\n")
    assert (unknown.exit_code, unknown.document["error"]["code"]) == (10, "RESOURCE_NOT_FOUND")
    assert both.exit_code == 2
    assert not (tmp_path / ".dativo").exists()


@pytest.mark.parametrize("words", [("runs", "list"), ("plugins", "list")])
def test_what_only_looks_never_imports_a_plugin(cli: Any, words: tuple[str, ...]) -> None:
    marker = cli.project.folder / "imported"
    code = f"open({str(marker)!r}, 'w')\nraise RuntimeError('broken on import')"
    cli.install(PluginWheel.of_connector("broken", code))
    job = cli.project.job(connectors=("broken", "broken"))

    config = ("-c", str(job)) if words[0] != "plugins" else ()
    done = cli(*words, *config, "--json")

    assert (done.exit_code, done.stderr) == (0, "")
    assert not marker.exists()
