"""`dativo schema job` is what an editor checks a job file with."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

EXAMPLE = Path(__file__).parents[2] / "examples" / "quickstart" / "job.yaml"


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    done = subprocess.run(
        [sys.executable, "-m", "dativo", "schema", "job"],
        capture_output=True,
        text=True,
        check=True,
    )
    schema = json.loads(done.stdout)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.fixture
def job() -> dict[str, Any]:
    document: dict[str, Any] = YAML(typ="safe", pure=True).load(EXAMPLE)
    return document


def test_the_example_is_valid(
    validator: jsonschema.Draft202012Validator, job: dict[str, Any]
) -> None:
    assert [error.message for error in validator.iter_errors(job)] == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("name",), 5),
        (("surplus",), 1),
        (("source", "config", "prot"), 5432),
        (("source", "config", "port"), "many"),
        (("source", "config", "sslmode"), "maybe"),
        (("streams", 0, "mode"), "sometimes"),
        (("streams", 0, "options"), {"partitions": -1}),
        (("writer", "mode"), "upsert"),
        (("writer", "config", "compression"), "rar"),
        (("run", "memory"), "lots"),
        (("run", "parallelism"), 0),
    ],
)
def test_a_mistake_is_marked(
    validator: jsonschema.Draft202012Validator,
    job: dict[str, Any],
    path: tuple[str | int, ...],
    value: object,
) -> None:
    wrong = copy.deepcopy(job)
    place: Any = wrong
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value

    assert not validator.is_valid(wrong)
