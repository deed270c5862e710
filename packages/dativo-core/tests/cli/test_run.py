"""``dativo run``: what its options ask of the engine, and how signals end it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from dativo_test_support.project import Project

MERGED = [{"name": "numbers", "mode": "incremental", "primary_key": ["id"], "write_mode": "merge"}]


def test_range_is_read_again(cli: Any, inline: Any) -> None:
    job = str(cli.project.job(source={"rows": 30}, streams=MERGED))
    inline("run", "-c", job)

    done = cli("run", "-c", job, "--from", "11", "--to", "21", "--json")
    after = inline("run", "-c", job, "--json")

    assert (done.exit_code, done.document["rows"]) == (0, 10)
    assert after.document["rows"] == 0


def test_range_that_would_be_doubled_is_refused_unless_it_is_allowed(cli: Any, inline: Any) -> None:
    job = str(cli.project.job(source={"rows": 30}))
    inline("run", "-c", job)

    refused = inline("run", "-c", job, "--from", "11", "--json")
    allowed = inline("run", "-c", job, "--from", "11", "--allow-duplicates", "--json")

    assert refused.exit_code == 10
    assert "--allow-duplicates" in refused.document["error"]["fix"]
    assert (allowed.exit_code, allowed.document["rows"]) == (0, 20)


def test_range_and_refresh_exclude_each_other(cli: Any, inline: Any) -> None:
    job = str(cli.project.job())

    assert inline("run", "-c", job, "--from", "11", "--full-refresh").exit_code == 2
    assert inline("run", "-c", job, "--allow-duplicates").exit_code == 2
    assert not (cli.project.folder / ".dativo").exists()


SLOW = {"rows": 60, "batch_rows": 10, "delay_seconds": 0.3}
EPOCHS = {"epoch_rows": 10}
ALL = list(range(1, 61))


class Running:
    """`dativo run` as a process that gets signals."""

    def __init__(self, cli: Any, job: Path) -> None:
        self._project: Project = cli.project
        self.process = subprocess.Popen(
            [sys.executable, "-m", "dativo", "run", "-c", str(job), "--json"],
            cwd=cli.project.folder,
            env=cli.environ(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def wait_for_commit(self) -> None:
        """Return when the run has published something."""
        deadline = time.monotonic() + 30
        while not self._project.records():
            assert self.process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def end(self) -> tuple[int, Any]:
        """Return the exit code and the document, if there is one."""
        stdout, _ = self.process.communicate(timeout=60)
        return self.process.returncode, json.loads(stdout) if stdout else None


@pytest.fixture
def running(cli: Any) -> Iterator[Callable[[Path], Running]]:
    started: list[Running] = []

    def start(job: Path) -> Running:
        started.append(Running(cli, job))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.communicate()


def test_frozen_run_that_was_taken_over_publishes_nothing_when_it_wakes(
    cli: Any, running: Callable[[Path], Running]
) -> None:
    job = cli.project.job(source=SLOW, run=EPOCHS, writer={"locked": True})
    quick = job.with_name("quick.yaml")
    quick.write_text(job.read_text().replace('"delay_seconds": 0.3', '"delay_seconds": 0.0'))
    frozen = running(job)
    frozen.wait_for_commit()
    time.sleep(0.2)  # not while it writes its state, or its successor waits for the database
    frozen.process.send_signal(signal.SIGSTOP)
    refused = cli("run", "-c", str(quick), "--json")
    for lock in (cli.project.folder / ".dativo" / "locks").glob("*.lock"):
        os.utime(lock, (0, 0))  # it has been silent for long
    os.utime(cli.project.target / "run.lock", (0, 0))

    successor = cli("run", "-c", str(quick), "--json")
    frozen.process.send_signal(signal.SIGCONT)
    code, document = frozen.end()

    assert refused.exit_code == 60
    assert refused.document["error"]["details"]["pid"] == frozen.process.pid
    assert successor.exit_code == 0
    assert code == 60
    assert document["error"]["code"] == "STATE_LOCKED"
    assert cli.project.ids() == ALL


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal_in_the_middle_keeps_what_is_committed_and_is_no_success(
    cli: Any, inline: Any, running: Callable[[Path], Running], number: signal.Signals
) -> None:
    job = cli.project.job(source=SLOW, run=EPOCHS)
    run = running(job)
    run.wait_for_commit()

    run.process.send_signal(number)
    code, document = run.end()
    published = cli.project.ids()
    inline("run", "-c", str(job))

    assert (code, document["ok"]) == (130, False)
    assert published == ALL[: len(published)]
    assert document["rows"] == len(published) < 60
    assert cli.project.ids() == ALL


def test_second_signal_in_a_commit_ends_at_once_and_nothing_is_doubled(
    cli: Any, inline: Any, running: Callable[[Path], Running]
) -> None:
    slow_commit = {"commit_seconds": 2.0}
    job = cli.project.job(source={**SLOW, "delay_seconds": 0.0}, run=EPOCHS, writer=slow_commit)
    run = running(job)
    run.wait_for_commit()
    time.sleep(0.5)  # the next commit is under way

    run.process.send_signal(signal.SIGTERM)
    time.sleep(0.1)
    run.process.send_signal(signal.SIGTERM)
    code, document = run.end()
    published = cli.project.ids()
    again = inline("run", "-c", str(cli.project.job(source=SLOW)))

    assert (code, document) == (130, None)
    assert published == ALL[: len(published)]
    assert len(published) < 60
    assert again.exit_code == 0
    assert cli.project.ids() == ALL
