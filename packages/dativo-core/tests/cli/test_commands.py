"""Every command that works on jobs: what it answers, its exit code, its one JSON object."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from dativo_test_support.wheels import PluginWheel

Source = dict[str, Any]


def _error(exit_code: int, code: str, **source: Any) -> Any:
    return pytest.param(exit_code, code, source, id=code)


@pytest.mark.parametrize(
    ("exit_code", "code", "source"),
    [
        _error(13, "PLUGIN_EXECUTION", fail_at=5, fail_with="bug"),
        _error(20, "INVALID_CREDENTIALS", fail_at=5, fail_with="InvalidCredentialsError"),
        _error(21, "INSUFFICIENT_PERMISSIONS", unreadable=["numbers"]),
        _error(30, "DATA_FORMAT", fail_at=5, fail_with="DataFormatError"),
        _error(50, "DISK_FULL", fail_at=5, fail_with="DiskFullError"),
        _error(10, "INVALID_CONFIG", rows="many"),
    ],
)
def test_a_failure_has_its_exit_code_and_its_error(
    cli: Any, inline: Any, exit_code: int, *, code: str, source: Source
) -> None:
    job = cli.project.job(source={"fail_times": 1000, **source})

    done = cli("run", "-c", str(job), "--json")
    plain = inline("preview", "-c", str(job))

    assert (done.exit_code, plain.exit_code) == (exit_code, exit_code)
    assert done.document["ok"] is False
    assert done.document["error"]["code"] == code
    assert done.document["error"]["exit_code"] == exit_code
    assert f"error[{code}]: " in plain.stderr
    assert "Traceback" not in done.stderr + plain.stderr + plain.stdout


@pytest.mark.parametrize("command", ["check", "discover", "run", "preview"])
def test_what_works_exits_with_0_and_prints_one_object(cli: Any, inline: Any, command: str) -> None:
    job = cli.project.job(source={"rows": 30})

    done = cli(command, "-c", str(job), "--json", "--verbose", "--debug")
    plain = inline(command, "-c", str(job))

    assert (done.exit_code, plain.exit_code) == (0, 0), plain.stderr
    assert done.stdout.count("\n") == 1
    assert done.document["ok"] is True
    assert done.document["config"] == str(job)
    assert "numbers" in plain.stdout


@pytest.mark.parametrize(
    ("command", "text", "exit_code", "code"),
    [
        ("check", None, 10, "MISSING_CONFIG"),
        ("discover", "name: [1", 10, "INVALID_CONFIG"),
        ("run", "nowhere", 11, "PLUGIN_NOT_FOUND"),
        ("preview", "broken", 13, "PLUGIN_LOAD"),
        ("check", "newer", 12, "PLUGIN_VERSION"),
    ],
)
def test_a_job_that_cannot_begin_says_why(
    cli: Any, inline: Any, command: str, text: str | None, *, exit_code: int, code: str
) -> None:
    cli.install(
        PluginWheel.of_connector("broken", "raise RuntimeError('broken on import')"),
        PluginWheel.of_connector("newer", group="dativo.connectors.v2"),
    )
    if text is not None:
        job = (
            f"name: x\nsource: {{connector: {text}}}\nstreams: [{{name: a}}]\n"
            "writer: {connector: ledger, config: {path: x}}\n"
        )
        (cli.project.folder / "a.yaml").write_text(text if " " in text else job)

    done = inline(command, "-c", "a.yaml", "--json")

    assert done.exit_code == exit_code
    assert done.document == {
        "ok": False,
        "config": "a.yaml",
        "error": {**done.document["error"], "code": code},
    }
    assert done.document["error"]["fix"]


def test_each_problem_of_a_job_file_is_a_line_with_its_place(cli: Any, inline: Any) -> None:
    (cli.project.folder / "job.yaml").write_text(
        "name: x\nsource:\n  connector: numbers\n  config:\n    rows: abc\n    rws: 1\n"
        "streams: [{name: a}]\nwriter: {connector: ledger, config: {path: x}}\n"
    )

    done = inline("check")

    assert done.exit_code == 10
    assert done.stdout == ""
    assert done.stderr.splitlines()[:3] == [
        "error[INVALID_CONFIG]: 2 problems in the job file",
        "  job.yaml:5:11 source.config.rows: expected an integer, got 'abc'",
        "  job.yaml:6:5 source.config.rws: unknown key (did you mean 'rows'?)",
    ]


def test_a_failed_check_says_which_and_its_fix(cli: Any, inline: Any) -> None:
    job = cli.project.job(
        source={"streams": ["a", "b"], "unreadable": ["b"]}, streams=[{"name": "*"}]
    )

    done = cli("check", "-c", str(job))
    one = inline("check", "-c", str(job), "--stream", "a")

    assert (done.exit_code, one.exit_code) == (21, 0)
    assert "FAILED  numbers_to_ledger  source numbers  stream b" in done.stdout
    assert "GRANT SELECT ON b" in done.stdout
    assert done.stderr == ""


class TestSeveralJobs:
    """Each job has its own result."""

    def test_one_failure_among_others_is_partial(self, cli: Any, inline: Any) -> None:
        cli.project.job(name="a")
        cli.project.job(name="b", source={"unreadable": ["numbers"]})
        cli.project.job(name="c")

        done = cli("preview", "-c", ".", "--json")
        plain = inline("check", "-c", ".")

        assert (done.exit_code, plain.exit_code) == (31, 31)
        assert [job["ok"] for job in done.document["jobs"]] == [True, False, True]
        assert done.document["ok"] is False
        assert done.document["error"]["code"] == "PARTIAL_FAILURE"
        assert "error[PARTIAL_FAILURE]: 1 of 3 jobs failed: b.yaml" in plain.stderr

    def test_failures_of_one_kind_have_their_own_code(self, cli: Any, inline: Any) -> None:
        files = [
            cli.project.job(name=name, source={"unreadable": ["numbers"]}) for name in ("a", "b")
        ]

        done = inline("run", "-c", str(files[0]), "-c", str(files[1]), "--json")

        assert done.exit_code == 21
        assert done.document["error"]["code"] == "INSUFFICIENT_PERMISSIONS"

    def test_failures_of_different_kinds_are_partial(self, cli: Any, inline: Any) -> None:
        file = cli.project.job(source={"unreadable": ["numbers"]})

        done = inline("run", "-c", str(file), "-c", "none.yaml", "--json")

        assert done.exit_code == 31

    def test_all_done_is_done(self, cli: Any, inline: Any) -> None:
        file = cli.project.job()

        done = inline("check", "-c", str(cli.project.folder), "--json")

        assert done.exit_code == 0
        assert done.document["ok"] is True
        assert [job["config"] for job in done.document["jobs"]] == [str(file)]

    def test_an_empty_folder_is_an_error(self, inline: Any) -> None:
        done = inline("check", "-c", ".", "--json")

        assert done.exit_code == 10
        assert done.document["error"]["code"] == "MISSING_CONFIG"


class TestDiscover:
    """What a source offers."""

    def test_a_connector_is_asked_without_a_job(self, cli: Any) -> None:
        settings = ("--set", "streams=[x.a, x.b, y.c]", "--set", "password='${env:SECRET}'")
        words = ("discover", "--connector", "numbers", *settings, "--pattern", "x.*")

        done = cli(*words, "--limit", "1", "--json", env={"SECRET": "open sesame"})

        assert done.exit_code == 0
        assert [stream["name"] for stream in done.document["streams"]] == ["x.a"]
        assert done.document["complete"] is False

    def test_wrong_settings_are_located(self, inline: Any) -> None:
        done = inline("discover", "--connector", "numbers", "--set", "rows=many")

        assert done.exit_code == 10
        assert "rows: expected an integer, got 'many'" in done.stderr

    def test_fields_are_shown_with_verbose(self, cli: Any, inline: Any) -> None:
        done = inline("discover", "-c", str(cli.project.job()), "-v")

        assert "    id  int64 not null\n" in done.stdout


class TestInit:
    """A job file from a connector."""

    def test_the_file_works_at_once(self, cli: Any) -> None:
        words = ("init", "numbers", "--writer", "ledger", "--writer-set", "path=./out")

        done = cli(*words, "--set", "streams=[a, b]", "--set", "password=${env:SECRET}")
        checked = cli("check", env={"SECRET": "open sesame"})

        assert done.exit_code == 0
        assert done.stdout.splitlines() == [
            "job.yaml written: 0 streams from numbers to ledger",
            "not asked for its streams: [INVALID_CONFIG] "
            + done.stdout.splitlines()[1].partition("[INVALID_CONFIG] ")[2],
            *done.stdout.splitlines()[2:3],
            "next: export SECRET=...",
            "next: dativo check --config job.yaml",
            "next: dativo run --config job.yaml",
        ]
        assert checked.exit_code == 0, checked.stderr

    def test_streams_are_listed_and_run(self, cli: Any, inline: Any) -> None:
        words = ("init", "numbers", "--writer", "ledger", "--writer-set", "path=./out")

        done = cli(*words, "--set", "streams=[a, b]", "--set", "rows=3", "--json")
        ran = inline("run", "--json")

        assert done.document["streams"] == 2
        assert done.document["problem"] is None
        assert ran.exit_code == 0, ran.stderr
        assert ran.document["rows"] == 6

    def test_a_file_is_only_overwritten_by_force(self, cli: Any, inline: Any) -> None:
        (cli.project.folder / "job.yaml").write_text("mine")
        words = ("init", "numbers", "--writer", "ledger", "--offline")

        refused = inline(*words)
        forced = inline(*words, "--force", "--name", "other")

        assert refused.exit_code == 2
        assert "job.yaml exists already" in refused.stderr
        assert forced.exit_code == 0
        text = (cli.project.folder / "job.yaml").read_text()
        assert "name: other" in text
        assert "path: ${env:LEDGER_PATH}" in text
        assert [file.name for file in cli.project.folder.iterdir()] == ["job.yaml"]

    @pytest.mark.parametrize(
        ("words", "exit_code", "message"),
        [
            (("ledger", "--writer", "ledger"), 13, "is no source"),
            (("nowhere", "--writer", "ledger"), 11, "no connector 'nowhere' is installed"),
            (("numbers", "-w", "ledger", "-c", "no/such/folder/job.yaml"), 10, "No such file"),
            (("numbers",), 2, "these writers are installed: "),
        ],
    )
    def test_what_cannot_be_written_is_said(
        self, inline: Any, words: tuple[str, ...], exit_code: int, message: str
    ) -> None:
        done = inline("init", *words, "--offline")

        assert done.exit_code == exit_code
        assert message in done.stderr


class TestPlugins:
    """What is installed."""

    def test_broken_plugins_are_listed_with_their_mend(self, cli: Any, inline: Any) -> None:
        cli.install(
            PluginWheel.of_connector("broken", "raise SystemExit(3)"),
            PluginWheel.of_connector("old", group="dativo.connectors.v0"),
            PluginWheel.of_connector("newer", group="dativo.connectors.v2"),
            PluginWheel.of_connector("twice", distribution="acme-one"),
            PluginWheel.of_connector("twice", distribution="acme-two"),
            PluginWheel.of_connector("damaged", manifest="{"),
        )

        done = inline("plugins", "list")
        listed = inline("plugins", "list", "--json").document["plugins"]

        assert done.exit_code == 0
        assert "broken  manifest: none  acme-broken 1.0.0  contract 1  compatible" in done.stdout
        assert "newer: it needs contract 2" in done.stdout
        assert "  fix: pip install -U dativo-core" in done.stdout
        assert "old: contract 0" in done.stdout
        assert "  fix: pip install -U acme-old" in done.stdout
        usable = {entry["name"]: entry["usable"] for entry in listed}
        expected = {"broken": True, "old": True, "newer": False, "twice": False, "damaged": False}
        assert expected.items() <= usable.items()

    def test_one_is_shown_with_its_settings(self, cli: Any, inline: Any) -> None:
        made = cli("plugins", "manifest", "numbers").stdout
        cli.install(
            PluginWheel.of_connector(
                "numbers2", manifest=made.replace('"name": "numbers"', '"name": "numbers2"')
            )
        )

        done = inline("plugins", "show", "numbers2")

        assert done.exit_code == 0
        assert "as source  full, incremental" in done.stdout
        assert "source.config.rows  integer  100  Records per stream." in done.stdout
        assert "source.config.password  secret" in done.stdout
        assert (
            inline("plugins", "show", "numbers2", "--json").document["manifest"]["title"]
            == "Numbers"
        )

    def test_an_unknown_one_is_suggested(self, inline: Any) -> None:
        done = inline("plugins", "show", "numbesr")

        assert done.exit_code == 11
        assert "did you mean 'numbers'?" in done.stderr

    def test_a_name_of_two_is_shown_twice(self, cli: Any, inline: Any) -> None:
        cli.install(
            PluginWheel.of_connector("twice", distribution="acme-one"),
            PluginWheel.of_connector("twice", distribution="acme-two"),
        )

        done = inline("plugins", "show", "twice", "--json")

        assert len(done.document["plugins"]) == 2
        assert done.document["ok"] is True

    def test_a_manifest_is_written_where_it_is_wanted(self, cli: Any, inline: Any) -> None:
        words = ("plugins", "manifest", "numbers", "--write", "--path", "dativo.json")

        first, again = cli(*words), inline(*words, "--json")
        nowhere = inline("plugins", "manifest", "numbers", "--write")

        assert first.stdout == "dativo.json written\n"
        assert again.document["changed"] is False
        written = json.loads((cli.project.folder / "dativo.json").read_text())
        assert written == again.document["manifest"]
        assert nowhere.exit_code == 10

    def test_a_connector_that_cannot_be_loaded_has_none_to_make(
        self, cli: Any, inline: Any
    ) -> None:
        cli.install(PluginWheel.of_connector("broken", "raise SystemExit(3)"))

        done = inline("plugins", "manifest", "broken", "--json")

        assert done.exit_code == 13
        assert done.document["error"]["code"] == "PLUGIN_LOAD"


def test_the_schema_of_jobs_knows_installed_settings(inline: Any) -> None:
    plain, wrapped = inline("schema", "job"), inline("schema", "job", "--json")

    assert plain.exit_code == 0
    assert plain.document == wrapped.document["schema"]


def test_errors_are_explained(inline: Any) -> None:
    every, one = inline("errors"), inline("errors", "rate_limit")

    assert "RATE_LIMIT  exit 23  retryable" in every.stdout
    assert "  exit code: 23" in one.stdout
    assert inline("errors", "--json").document["errors"][0]["code"] == "CONNECTION_FAILED"


class TestSignals:
    """A run that is stopped."""

    def _start(self, cli: Any, *words: str) -> subprocess.Popen[bytes]:
        job = cli.project.job(
            source={"rows": 10_000, "delay_seconds": 0.02, "checkpoint_every": 5},
            run={"epoch_rows": 50},
        )
        started = subprocess.Popen(
            [sys.executable, "-m", "dativo", "run", "-c", str(job), *words],
            cwd=cli.project.folder,
            env=cli.environ(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        deadline = time.monotonic() + 30
        while not cli.project.target.exists() or not cli.project.ids():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return started

    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_the_first_keeps_what_is_committed(self, cli: Any, number: signal.Signals) -> None:
        running = self._start(cli, "--json")

        running.send_signal(number)
        out, err = running.communicate(timeout=20)

        assert running.returncode == 130, err
        document = json.loads(out)
        assert document["error"]["code"] == "INTERRUPTED"
        assert b"stopping; committed work is kept" in err
        assert b"Traceback" not in err
        ids = sorted(cli.project.ids())
        assert ids == list(range(1, len(ids) + 1))

    def test_the_second_ends_it_at_once(self, cli: Any) -> None:
        running = self._start(cli)

        for _ in range(20):
            running.send_signal(signal.SIGINT)
            time.sleep(0.05)
            if running.poll() is not None:
                break
        running.communicate(timeout=20)

        assert running.returncode == 130


def test_an_internal_error_is_one_line_and_a_traceback_only_with_debug(cli: Any) -> None:
    code = (
        "import sys, dativo.engine\n"
        "def boom(*_, **__): raise ZeroDivisionError('our own bug')\n"
        "dativo.engine.check = boom\n"
        "from dativo.cli import main\n"
        "main()\n"
    )
    job = cli.project.job()

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, "check", "-c", str(job), *words],
            cwd=cli.project.folder,
            env=cli.environ(),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    plain, debug = run(), run("--debug")

    assert (plain.returncode, debug.returncode) == (1, 1)
    assert "error[INTERNAL]: ZeroDivisionError: our own bug" in plain.stderr
    assert "--debug" in plain.stderr
    assert "Traceback" not in plain.stderr
    assert "Traceback" in debug.stderr


def test_no_core_is_dumped_where_secrets_are(cli: Any, tmp_path: Path) -> None:
    report = tmp_path / "limit"
    plugin = PluginWheel.of_connector(
        "limited",
        "import resource, pathlib\n"
        f"pathlib.Path({os.fspath(report)!r}).write_text("
        "str(resource.getrlimit(resource.RLIMIT_CORE)[0]))\n",
    )
    cli.install(plugin)

    cli("plugins", "manifest", "limited")

    assert report.read_text() == "0"
