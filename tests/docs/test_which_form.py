"""The ten examples of the page about forms: what can run is run, and the rest is read."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from doc_follow import installed_as_editable
from doc_pages import ROOT, blocks, page, shells, titled
from doc_shells import environment, run, says
from ruamel.yaml import YAML

import dativo
from dativo.engine._open import open_job, open_sides
from dativo.errors import DativoDeprecationWarning
from dativo_test_support.wheels import PluginWheel, install

PAGE = "which-form.md"
EXAMPLES = ("dativo-connector-restjson", "dativo-extension-mask", "dativo-writer-jsonl")


@pytest.fixture
def instrument(folder: Path) -> Path:
    """Write the files of the first example, with what the instrument has measured."""
    for block in blocks(PAGE):
        if block.title:
            (folder / block.title).write_text(block.text)
    readings = folder / "readings"
    readings.mkdir()
    for day, celsius in (("2026-03-01", 4.5), ("2026-03-02", None)):
        document = json.dumps([{"day": day, "celsius": celsius}])
        (readings / f"{day}.json").write_text(document)
    return folder


@pytest.fixture
def examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the example packages installed."""
    site = tmp_path / "site"
    monkeypatch.setenv("SUPPLIER_TOKEN", "token-of-the-supplier")
    monkeypatch.setenv("MASK_KEY", "a-key-of-many-characters-0123456789")
    monkeypatch.syspath_prepend(str(site))
    for name in EXAMPLES:
        project = ROOT / "examples" / name
        installed_as_editable(project, site)
        monkeypatch.syspath_prepend(str(project / "src"))


def test_a_local_file_reads_a_folder(instrument: Path) -> None:
    result = dativo.run(instrument / "readings.yaml")

    assert (result.error, result.rows) == (None, 2)


def test_a_whole_connector_is_as_short_as_the_page_says() -> None:
    project = ROOT / "examples" / "dativo-connector-pulse"
    # The fake API stands for the system, and the manifest is made by a command.
    written = ("pyproject.toml", "dativo_connector_pulse.py", "tests/test_conformance.py")
    others = ("dativo.json", "tests/pulse_api.py")
    lines = [line.strip() for name in written for line in (project / name).read_text().splitlines()]

    (shown,) = re.findall(
        r"are (\d+) lines \(blank ones and comments are not counted\)", page(PAGE)
    )

    files = {str(path.relative_to(project)) for path in project.rglob("*.*") if path.is_file()}
    assert len([line for line in lines if line and not line.startswith("#")]) == int(shown) < 100
    assert {name for name in files if "cache" not in name} == {*written, *others}


def test_a_class_from_before_the_hooks_reads_it_too(instrument: Path) -> None:
    with pytest.warns(DativoDeprecationWarning, match="from-the-class-style"):
        result = dativo.run(instrument / "old.yaml")

    assert (result.error, result.rows) == (None, 2)


def test_a_local_file_and_templates_become_distributions(instrument: Path) -> None:
    variables = environment()

    for shell in shells(PAGE):
        says(shell, run(shell, variables))

    made = sorted(path.name for path in instrument.iterdir() if path.name.startswith("dativo-"))
    assert made == [
        "dativo-connector-acme-crm",
        "dativo-connector-instrument",
        "dativo-writer-acme-warehouse",
    ]


def test_an_observer_is_told_each_commit(
    instrument: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = PluginWheel(
        name="acme-audit",
        files={"acme_audit.py": titled(PAGE, "acme_audit.py")},
        entry_points={"dativo.extensions.v1": {"audit": "acme_audit"}},
    )
    monkeypatch.syspath_prepend(str(install(tmp_path / "audit", wheel)))

    result = dativo.run(instrument / "audited.yaml")

    assert result.error is None
    assert (instrument / "audit.log").read_text() == "audited readings 1 2\n"


@pytest.mark.usefixtures("examples")
@pytest.mark.parametrize("number", range(4))
def test_parts_of_job_files_are_right(instrument: Path, number: int) -> None:
    parts = [block.text for block in blocks(PAGE) if block.language == "yaml" and not block.title]
    assert len(parts) == 4

    job = open_job(_job(instrument, parts[number]))

    with open_sides(job) as sides:
        assert sides.pipe.source.name == job.source.connector


@pytest.mark.usefixtures("examples")
def test_the_writer_for_a_partner_writes_json_lines(instrument: Path) -> None:
    (part,) = (block.text for block in blocks(PAGE) if "connector: jsonl" in block.text)

    result = dativo.run(_job(instrument, part))

    assert result.error is None
    lines = [
        line
        for file in (instrument / "outbox").rglob("*.jsonl")
        for line in file.read_text().splitlines()
    ]
    assert sorted(json.loads(line)["day"] for line in lines) == ["2026-03-01", "2026-03-02"]


def _job(folder: Path, part: str) -> Path:
    """Write the job of the first example with *part* of another one in it."""
    yaml = YAML(typ="safe")
    job = yaml.load(titled(PAGE, "readings.yaml")) | yaml.load(part)
    if job["streams"][0]["name"].startswith("public."):
        config = {"database": "shop", "user": "reader"}
        job["source"] = {"connector": "postgres", "config": config}
    file = folder / "part.yaml"
    file.write_text(json.dumps(job))
    return file
