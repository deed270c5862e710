"""The operator's commands as processes: what they answer, and that they load no more than due."""

from __future__ import annotations

from typing import Any

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
