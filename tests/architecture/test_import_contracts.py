from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = sorted(
    path.parent
    for path in ROOT.glob("packages/*/pyproject.toml")
    if not (path.parent / "Cargo.toml").exists()
)
"""The members of the workspace; what is compiled is none."""


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
        for package in PACKAGES
        for folder in package.glob("src/*")
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
    sources = [str(folder.relative_to(ROOT) / "src") for folder in PACKAGES]

    assert sorted(settings["coverage"]["run"]["source_dirs"]) == sources


def test_every_distribution_has_a_coverage_threshold(settings: dict[str, Any]) -> None:
    distributions = [folder.name for folder in PACKAGES]

    assert sorted(settings["dativo-dev"]["coverage"]) == distributions


def test_both_checkers_see_every_package(settings: dict[str, Any]) -> None:
    sources = [str(folder.relative_to(ROOT) / "src") for folder in PACKAGES]

    assert set(sources) <= set(settings["mypy"]["files"])
    assert set(sources) <= set(settings["mypy"]["mypy_path"])


def test_what_is_compiled_is_no_member_of_the_workspace(settings: dict[str, Any]) -> None:
    compiled = sorted(path.parent for path in ROOT.glob("packages/*/Cargo.toml"))

    excluded = [str(folder.relative_to(ROOT)) for folder in compiled]
    assert settings["uv"]["workspace"]["exclude"] == excluded
