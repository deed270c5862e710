"""The operator's commands as processes: what they answer, and that they load no more than due."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dativo_test_support.wheels import PluginWheel

WHOLE = ("whole", "whole")


def test_plan_answers_with_one_object_and_ends_as_a_run_would(cli: Any, inline: Any) -> None:
    job = cli.project.job(connectors=WHOLE, source={"rows": 30})
    weak = cli.project.job(name="weak", connectors=("plain", "ledger"), require="exactly_once")

    done = cli("plan", "-c", str(job), "--json")
    plain = inline("plan", "-c", str(job), "-s", "numbers", "--full-refresh")
    refused = inline("plan", "-c", str(weak), "--json")

    assert (done.exit_code, plain.exit_code, refused.exit_code) == (0, 0, 10)
    assert done.stdout.count("\n") == 1
    assert done.document["streams"][0]["rows"] == 30
    assert "numbers  note: a replace is one epoch" in plain.stdout
    assert refused.document["streams"][0]["guarantee"] == "at_least_once"
    assert refused.document["error"]["code"] == "CONFIGURATION"
    assert not (cli.project.folder / ".dativo").exists()


def test_plan_of_a_backfill_shows_its_range_and_refuses_as_the_run_does(
    cli: Any, inline: Any
) -> None:
    job = cli.project.job(connectors=WHOLE, source={"rows": 30})
    bounds = ("--from", "11", "--to", "21")

    refused = inline("plan", "-c", str(job), "--json", *bounds)
    usage = inline("plan", "-c", str(job), "--full-refresh", *bounds)
    allowed = cli("plan", "-c", str(job), "--allow-duplicates", *bounds)

    assert (refused.exit_code, usage.exit_code, allowed.exit_code) == (10, 2, 0)
    assert "--allow-duplicates" in refused.document["error"]["fix"]
    assert "numbers  read: backfill, from 11 up to 21, without it" in allowed.stdout
    assert "numbers  source: about 10 rows" in allowed.stdout
    assert "numbers  guarantee: at least once (what a backfill reads again" in allowed.stdout


def test_cat_prints_what_is_published_in_three_formats(cli: Any, inline: Any) -> None:
    job = cli.project.job(connectors=WHOLE, source={"rows": 3})
    inline("run", "-c", str(job))

    table = inline("cat", "-c", str(job), "--stream", "numbers")
    lines = cli("cat", "-c", str(job), "--format", "json", "--limit", "2")
    csv = inline("cat", "-c", str(job), "-f", "csv")
    one = inline("cat", "-c", str(job), "--json")

    assert table.stdout.splitlines()[0] == 'id="1"  label="n1"  amount="1.0000000000"'
    assert [json.loads(line) for line in lines.stdout.splitlines()] == [
        {"id": "1", "label": "n1", "amount": "1.0000000000"},
        {"id": "2", "label": "n2", "amount": "2.0000000000"},
    ]
    assert csv.stdout.splitlines()[:2] == ["id,label,amount", "1,n1,1.0000000000"]
    assert one.document["rows"] == [[str(n), f"n{n}", f"{n}.0000000000"] for n in (1, 2, 3)]
    assert one.document["complete"] is True


def test_cat_of_nothing_says_so(cli: Any, inline: Any) -> None:
    job = cli.project.job(connectors=WHOLE)

    done = inline("cat", "-c", str(job), "-f", "csv")

    assert (done.exit_code, done.stdout) == (10, "")
    assert "nothing is published of numbers" in done.stderr


def test_runs_lists_and_shows_what_ran(cli: Any, inline: Any) -> None:
    job = cli.project.job(source={"rows": 25}, run={"epoch_rows": 10})
    cli.project.job(name="other", source={"unreadable": ["numbers"]}, writer={"path": "other"})
    inline("run", "-c", str(job))
    inline("run", "-c", "other.yaml")

    listed = cli("runs", "list", "--json").document["runs"]
    of_job = inline("runs", "list", "-c", str(job))
    by_name = inline("runs", "list", "--job", "other", "-n", "1")
    shown = cli("runs", "show", listed[1]["run_id"][:6])
    as_json = inline("runs", "show", listed[1]["run_id"], "--json").document

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


def test_runs_needs_neither_a_history_nor_a_job_file(inline: Any, tmp_path: Path) -> None:
    none = inline("runs", "list", "--folder", str(tmp_path))
    unknown = inline("runs", "show", "abc", "--json")
    both = inline("runs", "list", "-c", "job.yaml", "--job", "x")

    assert (none.exit_code, none.stdout) == (0, "no runs yet\n")
    assert (unknown.exit_code, unknown.document["error"]["code"]) == (10, "RESOURCE_NOT_FOUND")
    assert both.exit_code == 2
    assert not (tmp_path / ".dativo").exists()


@pytest.mark.parametrize("words", [("runs", "list"), ("plugins", "list"), ("state", "show")])
def test_what_only_looks_never_imports_a_plugin(
    cli: Any, inline: Any, words: tuple[str, ...]
) -> None:
    marker = cli.project.folder / "imported"
    code = f"open({str(marker)!r}, 'w')\nraise RuntimeError('broken on import')"
    cli.install(PluginWheel.of_connector("broken", code))
    job = cli.project.job(connectors=("broken", "broken"))
    wrong = cli.project.folder / "wrong.yaml"
    wrong.write_text(job.read_text().replace('"parallelism": 2', '"parallelism": "two"'))

    config = [] if words[0] == "plugins" else ["-c"]
    done = cli(*words, *config, *map(str, [job] if config else []), "--json")
    refused = inline(*words, *config, *map(str, [wrong] if config else []), "--json")

    assert (done.exit_code, done.stderr) == (0, "")
    assert refused.exit_code == (10 if config else 0)
    assert not marker.exists()


MERGED = {
    "connectors": WHOLE,
    "write_mode": "merge",
    "streams": [{"name": "numbers", "mode": "incremental", "primary_key": ["id"]}],
}


def test_state_is_shown_set_and_reset(cli: Any, inline: Any) -> None:
    job = cli.project.job(source={"rows": 30}, **MERGED)
    config = ("-c", str(job), "--stream", "numbers")
    nothing = inline("state", "show", "-c", str(job))
    inline("run", "-c", str(job))

    shown = inline("state", "show", *config, "--published")
    checkpoint = cli("state", "show", "-c", str(job), "--json").document["streams"][0]["stored"]
    checkpoint = checkpoint["checkpoint"]
    checkpoint["value"]["id"] = 20
    changed = cli("state", "set", *config, "--checkpoint", json.dumps(checkpoint))
    again = inline("run", "-c", str(job), "--json")
    reset = cli("state", "reset", *config, "--json")

    assert nothing.stdout == "numbers_to_ledger: nothing is stored\n"
    assert "numbers  epoch 1" in shown.stdout
    assert "published alike" in shown.stdout
    assert "epoch 2 without records; the next run reads on from" in changed.stdout
    assert again.document["rows"] == 10
    assert (reset.document["epoch"], reset.document["checkpoint"]) == (4, None)


@pytest.mark.parametrize("text", ["{", "[]", '{"version": "1", "value": {}}', '{"id": 1}'])
def test_a_text_that_is_no_checkpoint_is_wrong_usage(cli: Any, inline: Any, text: str) -> None:
    job = cli.project.job(**MERGED)

    done = inline("state", "set", "-c", str(job), "-s", "numbers", "--checkpoint", text)

    assert done.exit_code == 2
    assert "is no checkpoint" in done.stderr


def test_a_damaged_state_is_rebuilt_as_its_error_says(cli: Any, inline: Any) -> None:
    job = cli.project.job(source={"rows": 30}, **MERGED)
    inline("run", "-c", str(job))
    (cli.project.folder / ".dativo" / "state.db").write_bytes(b"damaged" * 999)

    codes = [
        inline(*words, "-c", str(job)).exit_code
        for words in (["run"], ["plan"], ["compact"], ["state", "show"])
    ]
    refused = inline("run", "-c", str(job), "--json").document["error"]
    rebuilt = cli("state", "rebuild", "-c", str(job))
    as_json = inline("state", "rebuild", "-c", str(job), "--json").document

    assert codes == [60] * 4
    assert "dativo state rebuild --config" in refused["fix"]
    assert "numbers_to_ledger: the damaged database is kept as " in rebuilt.stdout
    assert "numbers: restored, epoch 1" in rebuilt.stdout
    assert (as_json["damaged"], as_json["streams"][0]["restored"]) == (None, False)
    assert inline("run", "-c", str(job), "--json").document["rows"] == 0


def test_compact_says_what_it_did(cli: Any, inline: Any) -> None:
    streams = [{"name": name, "mode": "incremental"} for name in ("a", "b")]
    job = cli.project.job(
        connectors=WHOLE, source={"rows": 20}, streams=streams, run={"epoch_rows": 10}
    )
    inline("run", "-c", str(job), "-s", "a")

    done = cli("compact", "-c", str(job))
    one = inline("compact", "-c", str(job), "-s", "a", "--json")
    cannot = inline("compact", "-c", str(cli.project.job(name="other")), "--json")

    assert "a  20 rows  2 -> 1 files" in done.stdout
    assert "b  nothing is published" in done.stdout
    assert one.document["streams"][0]["files_after"] == 1
    assert cannot.exit_code == 13
    assert "cannot compact" in cannot.document["error"]["message"]
