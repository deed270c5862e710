from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest

from dativo.config import ProblemList, Redactor, settings_node, structure
from dativo.contract import Secret, setting
from dativo.errors import InvalidConfigError


@attrs.frozen
class Config:
    host: str = setting("The server.")
    port: int = setting("The port.", default=1)
    password: Secret | None = setting("The password.", default=None)
    path: Path = setting("A folder.", default=Path("lake"))


def test_settings_from_code_are_read_like_a_job_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATIVO_TEST_PASSWORD", "hunter22")
    redactor = Redactor()
    settings = {"host": "é\n🦆", "port": 5, "password": "${env:DATIVO_TEST_PASSWORD}"}

    node = settings_node(settings, folder=Path("/x"), redactor=redactor)
    found = structure(node, Config, collect=ProblemList())

    assert found == Config(host="é\n🦆", port=5, password=Secret("hunter22"), path=Path("/x/lake"))
    assert redactor.redact("hunter22") == "****"


def test_a_problem_names_the_settings() -> None:
    problems = ProblemList()
    node = settings_node({"hots": "x"}, folder=Path(), shown="--set")

    assert structure(node, Config, collect=problems) is None
    assert [str(problem) for problem in problems.problems] == [
        "--set:1:1 host: is missing (The server.)",
        "--set:1:2 hots: unknown key (did you mean 'host'?)",
    ]


def test_no_settings_are_an_empty_section() -> None:
    assert settings_node({}, folder=Path()).entries == ()


def recursive() -> dict[str, Any]:
    settings: dict[str, Any] = {}
    settings["x"] = settings
    return settings


@pytest.mark.parametrize(
    "settings", [{"a": object()}, {"a": {1, 2}}, recursive(), {"a": "x" * 300_000}, {"a": "\0"}]
)
def test_what_is_no_json_is_a_problem(settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidConfigError):
        settings_node(settings, folder=Path())
