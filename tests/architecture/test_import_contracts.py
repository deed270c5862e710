from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def settings() -> dict[str, Any]:
    """The tool settings of the workspace's root."""
    tool: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]
    return tool


@pytest.fixture(scope="module")
def packages() -> list[str]:
    """The import names of all packages, as the folders say."""
    return sorted(
        folder.name
        for folder in ROOT.glob("packages/*/src/*")
        if (folder / "__init__.py").is_file()
    )


def test_every_package_is_under_the_import_rules(
    settings: dict[str, Any], packages: list[str]
) -> None:
    assert sorted(settings["importlinter"]["root_packages"]) == packages


def test_every_plugin_is_in_the_rule_that_keeps_it_from_the_core(
    settings: dict[str, Any], packages: list[str]
) -> None:
    rules = {rule["id"]: rule for rule in settings["importlinter"]["contracts"]}
    plugins = [name for name in packages if name != "dativo"]

    layer = rules["plugins-see-contract-only"]["layers"][1]

    assert sorted(layer.split(" | ")) == plugins
    assert set(plugins) <= set(rules["core-is-vendor-free"]["forbidden_modules"])


def test_no_import_is_exempt(settings: dict[str, Any]) -> None:
    rules = settings["importlinter"]["contracts"]

    assert [rule["id"] for rule in rules if rule.get("ignore_imports")] == []


def test_coverage_measures_every_package(settings: dict[str, Any]) -> None:
    sources = sorted(str(folder.relative_to(ROOT)) for folder in ROOT.glob("packages/*/src"))

    assert sorted(settings["coverage"]["run"]["source_dirs"]) == sources


def test_every_distribution_has_a_coverage_threshold(settings: dict[str, Any]) -> None:
    distributions = sorted(folder.name for folder in ROOT.glob("packages/*") if folder.is_dir())

    assert sorted(settings["dativo-dev"]["coverage"]) == distributions


def test_both_checkers_see_every_package(settings: dict[str, Any]) -> None:
    sources = sorted(str(folder.relative_to(ROOT)) for folder in ROOT.glob("packages/*/src"))

    assert set(sources) <= set(settings["mypy"]["files"])
    assert set(sources) <= set(settings["mypy"]["mypy_path"])
