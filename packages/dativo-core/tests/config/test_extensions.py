from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dativo.config import job_schema, load_job
from dativo.errors import InvalidConfigError

REST = """\
name: shop
source: {connector: numbers}
streams: [{name: "*"}]
writer: {connector: ledger}
"""

ABOUT = {
    "mask": {
        "kind": "transformer",
        "config": {
            "type": "object",
            "properties": {"key": {"type": "string"}},
            "required": ["key"],
            "additionalProperties": False,
        },
    },
    "watch": {"kind": "observer", "config": {"type": "object", "additionalProperties": False}},
}


def file(folder: Path, extensions: str) -> Path:
    path = folder / "job.yaml"
    path.write_text(REST + extensions)
    return path


def problems(folder: Path, extensions: str) -> list[str]:
    with pytest.raises(InvalidConfigError) as caught:
        load_job(file(folder, extensions))
    return [str(problem).split("job.yaml:")[1] for problem in caught.value.problems]


def test_extensions_are_kept_in_order_with_their_settings(tmp_path: Path) -> None:
    text = "extensions:\n  - extension: mask\n    config: {key: a}\n  - extension: watch\n"

    job = load_job(file(tmp_path, text))

    assert [use.extension for use in job.extensions] == ["mask", "watch"]
    assert [entry.key for entry in job.extensions[0].config.entries] == ["key"]
    assert job.extensions[1].config.entries == ()


@pytest.mark.parametrize("text", ["", "extensions: []\n", "extensions:\n"])
def test_a_job_needs_no_extensions(tmp_path: Path, text: str) -> None:
    assert load_job(file(tmp_path, text)).extensions == ()


def test_the_same_extension_may_be_there_twice(tmp_path: Path) -> None:
    text = "extensions: [{extension: mask, config: {key: a}}, {extension: mask}]\n"

    assert [use.extension for use in load_job(file(tmp_path, text)).extensions] == ["mask"] * 2


def test_all_problems_are_told_at_once_with_their_places(tmp_path: Path) -> None:
    text = "extensions:\n  - extention: mask\n  - extension: 'a b'\n  - mask\n"

    assert problems(tmp_path, text) == [
        (
            "6:5 extensions[0].extension: is missing "
            "(The extension; `dativo plugins list` shows them.)"
        ),
        "6:5 extensions[0].extention: unknown key (did you mean 'extension'?)",
        (
            "7:16 extensions[1].extension: expected up to 100 letters, digits, '_', '-' and single "
            "dots, a letter or digit first, got 'a b'"
        ),
        (
            "8:5 extensions[2]: expected a mapping, got a single value "
            "(its keys: extension, config, ...)"
        ),
    ]


def test_a_single_extension_is_no_list(tmp_path: Path) -> None:
    assert problems(tmp_path, "extensions: {extension: mask}\n") == [
        (
            "5:13 extensions: expected a list of extensions, got a mapping "
            "(write '- extension: ...' for each)"
        )
    ]


@pytest.mark.parametrize(
    ("entries", "fits"),
    [
        ([], True),
        ([{"extension": "mask", "config": {"key": "${env:KEY}"}}, {"extension": "watch"}], True),
        ([{"extension": "unknown", "config": {"anything": 1}}], True),
        ([{"extension": "mask"}], False),
        ([{"extension": "mask", "config": {"keys": "a"}}], False),
        ([{"config": {}}], False),
        ([{"extension": "watch", "settings": {}}], False),
        ({"extension": "watch"}, False),
    ],
)
def test_an_editor_checks_the_settings_of_installed_extensions(entries: Any, fits: bool) -> None:
    schema = json.loads(json.dumps(job_schema({}, ABOUT)))
    job = {
        "name": "shop",
        "source": {"connector": "numbers"},
        "streams": [{"name": "a"}],
        "writer": {"connector": "ledger"},
        "extensions": entries,
    }

    assert jsonschema.Draft202012Validator(schema).is_valid(job) is fits
