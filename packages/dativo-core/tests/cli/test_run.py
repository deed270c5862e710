"""``dativo run``: what its options ask of the engine."""

from __future__ import annotations

from typing import Any

MERGED = [{"name": "numbers", "mode": "incremental", "primary_key": ["id"], "write_mode": "merge"}]


def test_range_is_read_again(cli: Any) -> None:
    job = str(cli.project.job(source={"rows": 30}, streams=MERGED))
    cli("run", "-c", job)

    done = cli("run", "-c", job, "--from", "11", "--to", "21", "--json")
    after = cli("run", "-c", job, "--json")

    assert (done.exit_code, done.document["rows"]) == (0, 10)
    assert after.document["rows"] == 0


def test_range_that_would_be_doubled_is_refused_unless_it_is_allowed(cli: Any) -> None:
    job = str(cli.project.job(source={"rows": 30}))
    cli("run", "-c", job)

    refused = cli("run", "-c", job, "--from", "11", "--json")
    allowed = cli("run", "-c", job, "--from", "11", "--allow-duplicates", "--json")

    assert refused.exit_code == 10
    assert "--allow-duplicates" in refused.document["error"]["fix"]
    assert (allowed.exit_code, allowed.document["rows"]) == (0, 20)


def test_range_and_refresh_exclude_each_other(cli: Any) -> None:
    job = str(cli.project.job())

    assert cli("run", "-c", job, "--from", "11", "--full-refresh").exit_code == 2
    assert cli("run", "-c", job, "--allow-duplicates").exit_code == 2
    assert not (cli.project.folder / ".dativo").exists()
