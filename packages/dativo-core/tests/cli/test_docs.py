from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from dativo.cli._app import COMMANDS
from dativo.errors import catalog

SCRIPT = Path(__file__).parents[4] / "docs" / "generate_cli.py"


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_cli", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", ["cli.md", "errors.md"])
def test_a_generated_page_is_current(generator: ModuleType, name: str) -> None:
    page = SCRIPT.parent / "reference" / name

    current = generator.pages()[page] == page.read_text(encoding="utf-8")

    assert current, "run: uv run python docs/generate_cli.py"


def test_every_command_and_every_error_has_a_heading(generator: ModuleType) -> None:
    cli, errors = generator.pages().values()

    assert [name for name in COMMANDS if f"## `dativo {name}`\n" not in cli] == []
    assert [entry.code for entry in catalog() if f"# `{entry.code}`\n" not in errors] == []


def test_every_exit_code_is_explained(generator: ModuleType) -> None:
    used = {entry.exit_code for entry in catalog()}

    assert used <= set(generator.EXIT_CODES)
