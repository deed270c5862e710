from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from dativo_test_support.wheels import PluginWheel

SOURCE = """
import os
import attrs
from dativo.contract import *
from dativo.errors import InvalidCredentialsError

@attrs.frozen
class Config:
    token: Secret = setting("What the system asks for.")

@hookimpl
def describe():
    return ConnectorInfo(title="Acme", source=SourceInfo(config=Config))

@hookimpl
def check_connection(config, context):
    told = config.token.reveal()
    if told == "kit-token-that-ends-all":
        os._exit(3)
    if told.startswith("kit-token-wrong"):
        error = InvalidCredentialsError(f"refused: {told}")
        return ConnectionTestResult([CheckItem.failed(f"login {told}", error)])
    return ConnectionTestResult([CheckItem.ok("login")])

@hookimpl
def discover(config, context):
    return ()
"""
SUITE = """
import contextlib
from dativo.testing import Inapplicable, SourceCases, SourceConformance

class TestAcme(SourceConformance):
    connector = "acme"
    not_verified = {"check.missing_privilege": "never"}

    @contextlib.contextmanager
    def cases(self):
        nothing = Inapplicable("there is no system")
        yield SourceCases(
            good={"token": "kit-token-good-1"},
            bad_credentials={"token": "BAD"},
            unreachable=nothing, missing_privilege=nothing, streams=(),
        )
"""
CASES = """
source:
  good: {token: "${env:ACME_TOKEN}"}
  bad_credentials: {token: kit-token-wrong-22}
  unreachable: {inapplicable: it is not reached}
  streams: []
"""


@pytest.fixture
def acme(cli: Any) -> Any:
    """The command line with the connector `acme`."""
    cli.install(PluginWheel.of_connector("acme", SOURCE))
    return cli


def _suite(cli: Any, bad: str = "kit-token-wrong-22") -> str:
    file: Path = cli.project.folder / "suite.py"
    file.write_text(SUITE.replace("BAD", bad))
    return str(file)


def _rules(*names: str) -> list[str]:
    return [word for name in names for word in ("--rule", name)]


def test_a_rule_that_passes_is_a_pass(acme: Any, inline: Any, tmp_path: Path) -> None:
    junit = tmp_path / "report.xml"
    words = ("plugins", "verify", "acme", "--suite", _suite(acme), "--junit", str(junit))

    done = inline(*words, *_rules("check.good", "config.secrets"), "--json")

    assert done.exit_code == 0, done
    assert done.stdout.count("\n") == 1
    assert done.document["ok"] is True
    assert done.document["verdict"] == "passed"
    assert [one["rule"] for one in done.document["results"]] == ["config.secrets", "check.good"]
    assert [one.get("name") for one in ET.parse(junit).getroot().iter("testcase")] == [
        "config.secrets",
        "check.good",
    ]


def test_a_broken_rule_says_what_is_wrong_without_secrets(acme: Any, inline: Any) -> None:
    words = ("plugins", "verify", "acme", "--suite", _suite(acme))

    done = inline(*words, *_rules("manifest.current", "check.bad_credentials"), "--verbose")

    assert done.exit_code == 13
    lines = done.stdout.splitlines()
    assert (
        lines[1]
        == "BROKEN  source manifest.current  The installed manifest says what the code says"
    )
    assert "has no manifest: run `dativo plugins manifest acme --write`" in lines[2]
    assert lines[-1].startswith("acme: broken, 2 rules: 1 passed, 1 broken in ")
    assert "error[CONTRACT_VIOLATION]: 'acme' breaks 1 rule: manifest.current" in done.stderr
    assert "kit-token-wrong-22" not in done.stdout + done.stderr


def test_a_connector_that_ends_the_process_breaks_one_rule_only(acme: Any, inline: Any) -> None:
    suite = _suite(acme, bad="kit-token-that-ends-all")
    words = ("plugins", "verify", "acme", "--suite", suite, "--json")

    done = inline(*words, *_rules("check.good", "check.bad_credentials", "check.unreachable"))

    outcomes = {one["rule"]: one["outcome"] for one in done.document["results"]}
    assert outcomes == {
        "check.good": "passed",
        "check.bad_credentials": "broken",
        "check.unreachable": "not_applicable",
    }
    told = done.document["results"][1]["problems"]
    assert told == ["the connector ended or held up the process that looked: exit code 3"]


def test_a_suite_that_fails_is_told_for_each_rule_that_needs_situations(
    acme: Any, inline: Any
) -> None:
    file = acme.project.folder / "suite.py"
    file.write_text(SUITE.replace("nothing = ", "self.gone; nothing = "))

    rules = _rules("check.good", "config.secrets")
    done = inline("plugins", "verify", "acme", "--suite", str(file), *rules)

    assert "BROKEN  source check.good" in done.stdout
    assert "cases() of the suite cannot put the situations up: AttributeError" in done.stdout
    assert "passed  source config.secrets" in done.stdout
    assert done.exit_code == 13


def test_the_more_special_suite_of_two_looks_at_a_rule(acme: Any, inline: Any) -> None:
    file = acme.project.folder / "suite.py"
    special = """
class TestSpecial(TestAcme):
    not_verified = {}

    @classmethod
    def rules(cls):
        return tuple(rule for rule in super().rules() if rule.name == "check.good")

    @contextlib.contextmanager
    def cases(self):
        with super().cases() as cases:
            import attrs
            yield attrs.evolve(cases, good={"token": "kit-token-wrong-1"})
"""
    file.write_text(SUITE + special)
    rules = _rules("check.good", "check.unreachable")

    done = inline("plugins", "verify", "acme", "--suite", str(file), *rules, "--json")

    outcomes = {one["rule"]: one["outcome"] for one in done.document["results"]}
    assert outcomes == {"check.good": "broken", "check.unreachable": "not_applicable"}


def test_without_situations_the_rules_about_the_package_look(acme: Any, inline: Any) -> None:
    words = ("plugins", "verify", "acme", *_rules("config.secrets", "check.good"))

    done = inline(*words)

    assert done.exit_code == 13
    assert "passed  source config.secrets" in done.stdout
    assert "not verified  source check.good" in done.stdout
    assert "give some with --suite FILE or --cases FILE.yaml" in done.stdout
    assert "error[NOT_VERIFIED]: nothing broken was found in 'acme'" in done.stderr


def test_situations_may_be_data(acme: Any, inline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    file = acme.project.folder / "cases.yaml"
    file.write_text(CASES)
    monkeypatch.setenv("ACME_TOKEN", "kit-token-good-1")
    rules = _rules(
        "check.good", "check.bad_credentials", "check.unreachable", "check.missing_privilege"
    )

    done = inline("plugins", "verify", "acme", "--cases", str(file), *rules, "--json")

    results = {one["rule"]: one for one in done.document["results"]}
    assert {name: one["outcome"] for name, one in results.items()} == {
        "check.good": "passed",
        "check.bad_credentials": "passed",
        "check.unreachable": "not_applicable",
        "check.missing_privilege": "not_verified",
    }
    assert results["check.unreachable"]["problems"] == ["it is not reached"]
    assert "give source.missing_privilege in" in results["check.missing_privilege"]["problems"][0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("source: {good: {}, streams: [], bad_credentals: {}}", "did you mean 'bad_credentials'?"),
        ("source: {streams: []}", "source.good: expected settings"),
        ("source: {good: {}}", "source.streams: expected a list of all streams"),
        ("source: 5", "source: expected a section"),
        ("reader: {}", "reader: unknown key"),
        ("{}", "neither a source nor a writer"),
        ("[1", "is no YAML"),
        ("5", "must have a section"),
        (
            "source: {good: {}, streams: [], missing_privilege: {stream: a}}",
            "source.missing_privilege: expected config and stream",
        ),
    ],
)
def test_a_file_of_situations_that_is_wrong_says_where(
    acme: Any, inline: Any, text: str, said: str
) -> None:
    file = acme.project.folder / "cases.yaml"
    file.write_text(text)

    done = inline("plugins", "verify", "acme", "--cases", str(file))

    assert done.exit_code == 10
    assert said in done.stderr


@pytest.mark.parametrize(
    ("words", "exit_code", "said"),
    [
        (("--rule", "check.godo"), 2, "there is no rule 'check.godo'"),
        (("--suite", "a.py", "--cases", "b.yaml"), 2, "exclude each other"),
        (("--suite", "gone.py"), 10, "there is no suite gone.py"),
        (("--suite", "gone.module"), 10, "No module named 'gone'"),
        (("--suite", "json"), 2, "has no suite of the connector 'acme'; it has: none"),
        (("--cases", "gone.yaml"), 10, "the cases cannot be read"),
        (("--rule", "config.secrets", "--junit", "gone/report.xml"), 10, "gone/report.xml"),
    ],
)
def test_a_wrong_question_is_an_error(
    acme: Any, inline: Any, words: tuple[str, ...], *, exit_code: int, said: str
) -> None:
    done = inline("plugins", "verify", "acme", *words)

    assert (done.exit_code, said in done.stderr) == (exit_code, True), done.stderr


def test_a_connector_that_ends_the_process_when_it_is_loaded_leads_to_the_doctor(
    cli: Any, inline: Any
) -> None:
    cli.install(PluginWheel.of_connector("acme", "import os; os._exit(4)"))

    done = inline("plugins", "verify", "acme")

    assert done.exit_code == 13
    assert "the kit could not be started for 'acme': exit code 4" in done.stderr
    assert "dativo plugins doctor acme" in done.stderr


def test_without_pyarrow_the_extra_is_named(acme: Any, tmp_path: Path) -> None:
    (acme.site / "pyarrow.py").write_text(
        "raise ModuleNotFoundError(\"No module named 'pyarrow'\", name='pyarrow')"
    )

    done = acme("plugins", "verify", "acme")

    assert done.exit_code == 10
    assert "the conformance kit needs pyarrow, which is not installed" in done.stderr
    assert "pip install 'dativo-core[testing]'" in done.stderr
    assert acme("plugins", "list").exit_code == 0


def test_the_doctor_answers_on_the_command_line(acme: Any, inline: Any) -> None:
    acme.install(PluginWheel.of_connector("sick", "import acme_gone"))

    well = inline("plugins", "doctor", "acme")
    sick = inline("plugins", "doctor", "sick")
    told = inline("plugins", "doctor", "sick", "--json")

    assert (well.exit_code, sick.exit_code, told.exit_code) == (0, 13, 13)
    assert "hint: it has no manifest" in well.stdout
    assert "acme: it is well" in well.stdout
    assert "problem: it imports 'acme_gone', probably of acme-gone" in sick.stdout
    assert "sick: 1 problem" in sick.stdout
    assert told.document["error"]["code"] == "PLUGIN_LOAD"
    assert told.document["findings"][0]["fix"].startswith("pip install acme-gone")
