"""Broken plugins beside healthy ones: all are listed, none is imported, only their jobs fail."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import attrs
import pytest
from dativo_command import Command, WorkFolder

from dativo.contract import ConnectorInfo, Manifest, NoOptions, SourceInfo
from dativo_test_support.plugins import scripted_connectors
from dativo_test_support.wheels import PluginWheel, install

VERSION = "3.2.1"

MARK = """
import os, pathlib
pathlib.Path(os.environ["MARKS"], __name__).touch()
"""

SOURCE = """
import arro3.core as arro3
from dativo.contract import *

@hookimpl
def describe():
    return ConnectorInfo(title="Acme", source=SourceInfo(config=NoOptions))

@hookimpl
def check_connection(config):
    return ConnectionTestResult((CheckItem.ok("all"),))

@hookimpl
def discover(config):
    yield Stream(name="things", schema=arro3.Schema([arro3.Field("id", arro3.DataType.int64())]))
"""

EXTRACT = """
@hookimpl
def extract(request):
    ids = arro3.Array([1, 2, 3], arro3.DataType.int64())
    yield arro3.Table({"id": ids})
"""


def manifest_of(name: str, contract: str = "1.0") -> str:
    info = ConnectorInfo(title="Acme", source=SourceInfo(config=NoOptions))
    hooks = frozenset({"describe", "check_connection", "discover", "extract"})
    text = Manifest.of(name, info, hooks).to_json()
    return text.replace('"contract": "1.0"', f'"contract": "{contract}"')


@attrs.frozen(kw_only=True)
class Broken:
    """One broken plugin, how it is listed, and what a job that names it gets."""

    code: str = ""
    verdict: str = "compatible"
    exit_code: int = 13
    error: str = "PLUGIN_LOAD"
    says: str
    manifest: str | None = None
    group: str = "dativo.connectors.v1"
    value: str = ""
    phase: str = "load"
    imported: bool = True
    at_run: bool = False


BROKEN = {
    "raises": Broken(code="raise RuntimeError('no licence')", says="no licence"),
    "raises-silently": Broken(
        code="class Mute(Exception):\n def __str__(self): raise self\nraise Mute", says="Mute"
    ),
    "raises-base": Broken(code="raise GeneratorExit('odd')", says="GeneratorExit"),
    "syntax": Broken(code="def", says="SyntaxError", imported=False),
    "recurses": Broken(code="def f(): f()\nf()", says="RecursionError"),
    "needs-more": Broken(code="import no_such_library", says="no_such_library"),
    "exits": Broken(code="import sys; sys.exit(0)", says="SystemExit"),
    "gone": Broken(value="acme_is_gone", says="acme_is_gone", imported=False),
    "no-object": Broken(code=SOURCE, value="acme_no_object:plugin", says="plugin"),
    "a-class": Broken(
        code="class Plugin: pass",
        value="acme_a_class:Plugin",
        says="class",
        error="CONTRACT_VIOLATION",
    ),
    "no-hooks": Broken(says="describe", error="CONTRACT_VIOLATION"),
    "unknown-hook": Broken(
        code=SOURCE + EXTRACT + "\n@hookimpl\ndef extrakt(request): ...\n",
        says="extrakt",
        error="CONTRACT_VIOLATION",
    ),
    "wants-more": Broken(
        code=SOURCE + "\n@hookimpl\ndef extract(request, budget): ...\n",
        says="budget",
        error="CONTRACT_VIOLATION",
    ),
    "none": Broken(
        code="from dativo.contract import *\n@hookimpl\ndef describe(): return None",
        says="None",
        error="CONTRACT_VIOLATION",
        phase="describe",
    ),
    "none-at-run": Broken(
        code=SOURCE + "\n@hookimpl\ndef extract(request): return None\n",
        manifest=manifest_of("none-at-run"),
        says="None",
        error="CONTRACT_VIOLATION",
        phase="extract",
        at_run=True,
    ),
    "damaged-manifest": Broken(
        code=SOURCE + EXTRACT,
        manifest='{"manifest": 1,',
        verdict="broken_metadata",
        says="manifest",
        imported=False,
    ),
    "next-major": Broken(
        code=SOURCE + EXTRACT,
        group="dativo.connectors.v2",
        verdict="core_too_old",
        exit_code=12,
        error="PLUGIN_VERSION",
        says="needs contract 2",
        imported=False,
    ),
    "last-major": Broken(
        code=SOURCE + EXTRACT,
        group="dativo.connectors.v0",
        verdict="deprecated",
        error="CONTRACT_VIOLATION",
        says="contract 0 asks for a class",
    ),
    "next-minor": Broken(
        code=SOURCE + EXTRACT,
        manifest=manifest_of("next-minor", "1.9"),
        verdict="core_too_old",
        exit_code=12,
        error="PLUGIN_VERSION",
        says="1.9",
        imported=False,
    ),
}
"""Broken plugins that are installed once."""

ODD = {
    "prints": 'print("hello from a plugin")\n' + SOURCE + EXTRACT,
    "meddles": "import builtins, json, sys, os, logging\n"
    "json.dumps = builtins.print = None\n"
    "sys.stdout = sys.stderr = None\n"
    "os.environ['LANG'] = 'xx'\n"
    "logging.disable(100)\n" + SOURCE + EXTRACT,
    "hangs": "import time; time.sleep(3600)",
    "dies": "import os; os._exit(0)",
}
"""Plugins whose import does something to the process."""


def wheel_of(name: str, broken: Broken) -> PluginWheel:
    module = f"acme_{name.replace('-', '_')}"
    return PluginWheel(
        name=f"acme-{name}",
        version=VERSION,
        files={}
        if broken.value == "acme_is_gone"
        else {f"{module}/__init__.py": MARK + broken.code},
        entry_points={broken.group: {name: broken.value or module}},
        manifest=broken.manifest,
    )


def wheels() -> list[PluginWheel]:
    found = [wheel_of(name, broken) for name, broken in BROKEN.items()]
    for name, code in ODD.items():
        found.append(PluginWheel.of_connector(name, MARK + code))
    for maker in ("one", "other"):
        twin = PluginWheel.of_connector(
            "twin", MARK + SOURCE, distribution=f"acme-{maker}", module=f"acme_{maker}"
        )
        found.append(attrs.evolve(twin, version=VERSION))
    return found


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of them, and the healthy scripted connectors."""
    return install(tmp_path_factory.mktemp("site"), *wheels(), scripted_connectors())


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    """Where every plugin leaves a mark when it is imported."""
    folder = tmp_path / "marks"
    folder.mkdir()
    return folder


@pytest.fixture
def command(work: WorkFolder, site: Path, marks: Path) -> Command:
    return Command(work.path, site=(site,), variables={"MARKS": str(marks)})


def job_of(source: str, stream: str = "things") -> dict[str, Any]:
    return {
        "name": f"{source}_to_lake",
        "source": {"connector": source},
        "streams": [{"name": stream, "mode": "full"}],
        "writer": {"connector": "parquet", "config": {"path": f"./lake/{source}"}},
        "run": {"retries": 0},
    }


def marked(marks: Path) -> set[str]:
    return {path.name for path in marks.iterdir()}


def test_all_are_listed_and_none_is_imported(command: Command, marks: Path) -> None:
    plain, answer = command.all(["plugins", "list"], ["plugins", "list", "--json"])

    assert (plain.code, answer.code) == (0, 0), str(plain)
    found = {entry["name"]: entry for entry in answer.document["plugins"]}
    for name, broken in BROKEN.items():
        entry = found[name]
        assert entry["verdict"] == broken.verdict, name
        assert (entry["distribution"], entry["version"]) == (f"acme-{name}", VERSION)
        assert entry["usable"] is (broken.verdict in ("compatible", "deprecated"))
        if not entry["usable"]:
            assert entry["problem"], name
            assert entry["fix"].startswith("pip install"), name
        assert f"acme-{name} {VERSION}" in plain.out
    twins = [entry for entry in answer.document["plugins"] if entry["name"] == "twin"]
    assert {entry["distribution"] for entry in twins} == {"acme-one", "acme-other"}
    assert all("acme-one and acme-other" in entry["problem"] for entry in twins)
    assert found["raises"]["manifest_problem"] == "none"
    assert found["none-at-run"]["roles"] == ["source"]
    assert {"postgres", "parquet", "stripe", "numbers", "ledger"} <= set(found)
    assert all(found[name]["usable"] for name in ("postgres", "parquet", "numbers"))
    assert marked(marks) == set()


def test_every_other_command_works_beside_them(
    command: Command, work: WorkFolder, marks: Path
) -> None:
    work.write_job(job_of("numbers", "numbers"))
    commands = (
        ["--version"],
        ["--help"],
        ["plugins", "show", "numbers", "--json"],
        ["plugins", "show", "postgres"],
        ["plugins", "manifest", "ledger", "--json"],
        ["schema", "job", "--json"],
        ["errors", "PLUGIN_LOAD", "--json"],
        ["check", "--json"],
        ["discover", "--json"],
        ["discover", "--connector", "numbers", "--json"],
        ["preview", "--json"],
        ["init", "numbers", "--writer", "parquet", "-c", "made.yaml", "--json"],
        ["run", "--json"],
    )

    answers = command.all(*commands)

    assert [(answer.arguments, answer.code) for answer in answers if answer.code] == []
    for answer in answers:
        if "--json" in answer.arguments:
            assert answer.document["ok"]
    assert len(work.column("numbers/numbers", "id")) == 100
    assert marked(marks) == set()


def test_showing_a_broken_plugin_does_not_import_it(command: Command, marks: Path) -> None:
    names = ("raises", "gone", "damaged-manifest", "next-major", "twin", "hangs", "dies")

    answers = command.all(*(["plugins", "show", name] for name in names))

    for name, answer in zip(names, answers, strict=True):
        assert answer.code == 0, str(answer)
        assert "acme-" in answer.out, name
    assert marked(marks) == set()


@pytest.mark.parametrize("name", BROKEN)
def test_a_job_that_names_a_broken_plugin_says_which_and_how_to_mend_it(
    command: Command, work: WorkFolder, marks: Path, name: str
) -> None:
    broken = BROKEN[name]
    work.write_job(job_of(name))

    answer = command("run", "--json")

    assert answer.code == broken.exit_code, str(answer)
    error = answer.error
    assert error["code"] == broken.error, str(answer)
    assert error["connector"] == name
    assert error["phase"] == broken.phase
    assert broken.says in error["message"]
    assert f"acme-{name} {VERSION}" in error["message"]
    assert "pip install" in error["fix"]
    assert broken.at_run or not work.lake.exists()
    module = f"acme_{name.replace('-', '_')}"
    assert marked(marks) == ({module} if broken.imported else set())
    assert work.visible() == {}


@pytest.mark.parametrize("name", ["raises", "none", "damaged-manifest", "next-major"])
def test_check_says_the_same(command: Command, work: WorkFolder, name: str) -> None:
    work.write_job(job_of(name))

    plain, answer = command.all(["check"], ["check", "--json"])

    assert (plain.code, answer.code) == (BROKEN[name].exit_code,) * 2
    assert f"[{BROKEN[name].error}]" in plain.err
    assert f"acme-{name} {VERSION}" in plain.err
    assert answer.error["code"] == BROKEN[name].error


def test_a_name_that_two_distributions_register_names_both(
    command: Command, work: WorkFolder, marks: Path
) -> None:
    work.write_job(job_of("twin"))

    error = command("run", "--json", code=11).error

    assert error["code"] == "PLUGIN_NOT_FOUND"
    assert "acme-one and acme-other" in error["message"]
    assert "pip uninstall acme-" in error["fix"]
    assert marked(marks) == set()


def test_a_connector_that_is_not_installed_names_the_nearest(
    command: Command, work: WorkFolder
) -> None:
    work.write_job(job_of("numberz"))

    error = command("run", "--json", code=11).error

    assert "'numbers'" in error["message"] + error["fix"]


def test_a_broken_writer_fails_its_job_only(
    command: Command, work: WorkFolder, marks: Path
) -> None:
    (work.path / "jobs").mkdir()
    good, bad = job_of("numbers", "numbers"), job_of("numbers", "numbers")
    bad["name"] = "broken"
    bad["writer"]["connector"] = "raises"
    for name, job in (("good", good), ("bad", bad)):
        (work.path / "jobs" / f"{name}.yaml").write_text(json.dumps(job))

    answer = command("run", "-c", "jobs", "--json", code=31)

    outcomes = {one["config"]: one for one in answer.document["jobs"]}
    assert outcomes["jobs/good.yaml"]["ok"]
    assert outcomes["jobs/bad.yaml"]["error"]["code"] == "PLUGIN_LOAD"
    assert outcomes["jobs/bad.yaml"]["error"]["connector"] == "raises"
    assert answer.error["code"] == "PARTIAL_FAILURE"
    assert marked(marks) == {"acme_raises"}


def test_what_a_plugin_prints_on_import_does_not_spoil_the_answer(
    command: Command, work: WorkFolder
) -> None:
    work.write_job(job_of("prints"))

    answer = command("run", "--json", code=0)

    assert answer.document["rows"] == 3
    assert "hello from a plugin" in answer.err


def test_a_plugin_that_meddles_spoils_no_answer(command: Command, work: WorkFolder) -> None:
    """The job may work or fail, but it is told in one JSON object and a right exit code."""
    work.write_job(job_of("meddles"))

    answer = command("run", "--json")

    assert answer.code in {0, 13}, str(answer)
    assert answer.document["ok"] is (answer.code == 0)


def test_a_plugin_that_hangs_on_import_hangs_only_its_job_and_can_be_stopped(
    command: Command, work: WorkFolder, marks: Path
) -> None:
    work.write_job(job_of("hangs"))
    with command.running("run", "--json") as process:
        deadline = time.monotonic() + 30
        while not marked(marks):
            assert time.monotonic() < deadline, "it never came to import"
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(10)

    assert process.returncode == 130
    assert work.visible() == {}


def test_two_hundred_plugins_and_none_is_imported(
    tmp_path: Path, work: WorkFolder, marks: Path
) -> None:
    """Also not by accident: what is in `sys.modules` at the end is written down."""
    witness = """
import atexit, os, sys

def tell():
    names = [name for name in sys.modules if name.startswith("acme_")]
    for name in names:
        open(os.path.join(os.environ["MARKS"], "module-" + name), "w").close()

atexit.register(tell)
open(os.path.join(os.environ["WITNESSES"], str(os.getpid())), "w").close()
"""
    many = [
        PluginWheel.of_connector(
            f"many-{number}",
            MARK + ("raise RuntimeError" if number % 20 == 0 else SOURCE + EXTRACT),
            manifest=manifest_of(f"many-{number}") if number % 3 else None,
        )
        for number in range(200)
    ]
    site = install(tmp_path / "site", *many, scripted_connectors())
    (site / "sitecustomize.py").write_text(witness)
    witnesses = tmp_path / "witnesses"
    witnesses.mkdir()
    variables = {"MARKS": str(marks), "WITNESSES": str(witnesses)}
    command = Command(work.path, site=(site,), variables=variables)
    work.write_job(job_of("numbers", "numbers"))
    commands = (
        ["plugins", "list"],
        ["plugins", "list", "--json"],
        ["plugins", "show", "many-7"],
        ["plugins", "show", "many-20"],
        ["--version"],
        ["--help"],
        ["schema", "job", "--json"],
        ["check", "--json"],
        ["discover", "--json"],
        ["run", "--json"],
    )

    answers = command.all(*commands)

    assert [(answer.arguments, answer.code) for answer in answers if answer.code] == []
    listed = [entry["name"] for entry in answers[1].document["plugins"]]
    assert sum(name.startswith("many-") for name in listed) == 200
    assert len(list(witnesses.iterdir())) >= len(commands)
    assert marked(marks) == set()

    work.write_job(job_of("many-7"))
    command("run", "--json", code=0)
    assert marked(marks) == {"acme_many_7", "module-acme_many_7"}


def test_a_plugin_that_is_fine_needs_no_manifest(command: Command, work: WorkFolder) -> None:
    listed = command("plugins", "list", "--json", code=0).document["plugins"]
    (entry,) = (entry for entry in listed if entry["name"] == "prints")
    work.write_job(job_of("prints"))

    assert (entry["manifest_problem"], entry["usable"]) == ("none", True)
    assert command("check", "--json", code=0).document["ok"]
