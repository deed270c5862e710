from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import jsonschema
import pytest
from ruamel.yaml import YAML

from dativo.config import _document, job_schema
from dativo.contract import (
    ConnectorInfo,
    Manifest,
    NoOptions,
    Secret,
    SourceInfo,
    WriterInfo,
    setting,
    settings_of,
)


@attrs.frozen
class Config:
    host: str = setting("The server.")
    port: int = setting("The port.", default=5432, minimum=1)
    password: Secret | None = setting("The password.", default=None)
    code: str = setting("A code.", default="ab", pattern="[a-z]{2}")
    names: tuple[int, ...] = setting("Numbers.", default=())
    labels: Mapping[str, int] = setting("Labels.", factory=dict)


@attrs.frozen
class Options:
    fast: bool = setting("Whether to hurry.", default=False)


INFO = ConnectorInfo(
    title="X",
    source=SourceInfo(config=Config, options=Options),
    writer=WriterInfo(config=NoOptions, options=NoOptions),
)
MANIFEST = json.loads(Manifest.of("postgres", INFO, frozenset()).to_json())
ROLES = MANIFEST["roles"]
SCHEMA = job_schema({"postgres": ROLES, "parquet": {"writer": ROLES["writer"]}})

SOURCE = "source: {connector: postgres, config: {host: a}}\n"
REST = "name: a\nstreams: [{name: c}]\nwriter: {connector: d}\n"


def errors(text: str) -> list[str]:
    job: Any = YAML(typ="safe", pure=True).load(text)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    return [error.message for error in validator.iter_errors(job)]


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.Draft202012Validator.check_schema(job_schema({}))


def test_a_valid_job_is_valid(job_text: str) -> None:
    assert errors(job_text.replace("config: {path: ./lake}", "config: {}")) == []


@pytest.mark.parametrize(
    "config",
    [
        "{host: a, port: 1}",
        "{host: a, port: '${env:PORT}'}",
        "{host: '${env:HOST}', password: '${file:secret}'}",
        "{host: a, code: xy, names: [1, '${env:X}'], labels: {a: '${env:X}'}}",
        "{host: a, code: '${env:CODE}'}",
    ],
)
def test_references_are_allowed_in_place_of_values(config: str) -> None:
    assert errors(f"{REST}source: {{connector: postgres, config: {config}}}") == []


@pytest.mark.parametrize(
    "source",
    [
        "{connector: postgres}",
        "{connector: postgres, config: {}}",
        "{connector: postgres, config: {host: a, port: x}}",
        "{connector: postgres, config: {host: a, port: 0}}",
        "{connector: postgres, config: {host: a, code: abc}}",
        "{connector: postgres, config: {host: a, gone: 1}}",
        "{connector: postgres, config: {host: a, names: [x]}}",
        "{connector: ../x}",
        "{}",
        "5",
    ],
)
def test_a_wrong_source_is_invalid(source: str) -> None:
    assert errors(f"{REST}source: {source}")


def test_a_connector_that_is_not_installed_is_not_looked_into() -> None:
    assert errors(f"{REST}source: {{connector: other, config: {{x: 1}}}}") == []


@pytest.mark.parametrize(("options", "valid"), [("{fast: true}", True), ("{fast: 5}", False)])
def test_the_options_of_a_stream_are_looked_into(options: str, valid: bool) -> None:
    text = f"{SOURCE}name: a\nwriter: {{connector: d}}\nstreams: [{{name: c, options: {options}}}]"

    assert (not errors(text)) is valid


@pytest.mark.parametrize(
    "run", ["{memory: 5}", "{timeout: 2 hours}", "{parallelism: 0}", "{gone: 1}", "{retries: x}"]
)
def test_a_wrong_run_is_invalid(run: str) -> None:
    assert errors(f"{REST}{SOURCE}run: {run}")


@pytest.mark.parametrize("run", ["{memory: 1.5 GiB}", "{timeout: 1h30m}", "{retries: '${env:X}'}"])
def test_units_and_references_are_valid(run: str) -> None:
    assert errors(f"{REST}{SOURCE}run: {run}") == []


def test_every_key_is_there_and_explained() -> None:
    sections = {
        (): _document.JobDocument,
        ("source",): _document.SourceDocument,
        ("writer",): _document.WriterDocument,
        ("run",): _document.RunDocument,
    }
    for path, section in sections.items():
        schema: Any = SCHEMA
        for key in path:
            schema = schema["properties"][key]
        assert list(schema["properties"]) == list(settings_of(section))
        assert all(about["description"] for about in schema["properties"].values())
    stream = SCHEMA["properties"]["streams"]["items"]["properties"]
    assert list(stream) == list(settings_of(_document.StreamDocument))


def test_its_patterns_work_outside_python() -> None:
    text = json.dumps(SCHEMA)

    assert not re.search(r"\(\?[a-zA-Z<]", text)
    assert str(Path.cwd()) not in text
