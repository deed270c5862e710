from __future__ import annotations

import ast
import importlib
import json
import tomllib
from pathlib import Path

import pluggy
import pytest
from ruamel.yaml import YAML

from dativo import scaffold
from dativo.contract import Manifest, hookspecs
from dativo.scaffold import Kind, names_of
from dativo.scaffold._templates import template_files

TEMPLATES = Path(scaffold.__file__).with_name("templates")


@pytest.fixture(params=Kind)
def kind(request: pytest.FixtureRequest) -> Kind:
    found: Kind = request.param
    return found


def test_the_name_is_everywhere_and_that_of_the_template_nowhere(kind: Kind) -> None:
    names = names_of("acme-crm", kind)

    files = template_files(names)

    left = [path for path, text in files.items() if "sample" in f"{path}{text}".lower()]
    assert [
        path for path in left if not path.startswith(("tests/fake_api", "README", "example/"))
    ] == []
    assert f"src/{names.module}/_hooks.py" in files
    assert tomllib.loads(files["pyproject.toml"])["project"]["entry-points"] == {
        "dativo.connectors.v1": {"acme-crm": names.module}
    }
    assert json.loads(files["dativo.json"])["name"] == "acme-crm"
    assert json.loads(files["dativo.json"])["title"] == "Acme Crm"


def test_files_that_begin_with_a_dot_get_their_dot(kind: Kind) -> None:
    files = template_files(names_of("acme", kind))

    assert {".gitignore", ".github/workflows/ci.yml", ".github/workflows/publish.yml"} <= set(files)
    assert not any("dot-" in path for path in files)


def test_a_name_that_looks_like_the_templates_is_replaced_once(kind: Kind) -> None:
    files = template_files(names_of("sample-system-two", kind))

    assert not any("two-two" in text or "two_two" in text for text in files.values())


def test_every_file_can_be_read_as_what_it_is(kind: Kind) -> None:
    for path, text in template_files(names_of("acme", kind)).items():
        if path.endswith(".py"):
            ast.parse(text, path)
        if path.endswith((".yml", ".yaml")):
            assert YAML(typ="safe").load(text)
        assert text.endswith("\n") or not text, path


def test_the_manifest_says_what_the_code_says(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(TEMPLATES / kind.value / "src")
    word = "connector" if kind is Kind.SOURCE else kind.value
    module = importlib.import_module(f"dativo_{word}_sample_system")
    manager = pluggy.PluginManager("dativo")
    manager.add_hookspecs(hookspecs)
    manager.register(module)
    hooks = frozenset(caller.name for caller in manager.get_hookcallers(module) or ())

    made = Manifest.of("sample-system", module.describe(), hooks)

    assert (TEMPLATES / kind.value / "dativo.json").read_text() == made.to_json()


def test_the_readme_names_every_module(kind: Kind) -> None:
    files = template_files(names_of("acme", kind))
    modules = [Path(path).name for path in files if path.startswith("src/")]

    readme = files["README.md"]

    missing = [name for name in modules if name not in readme]
    assert missing == ["__init__.py", "py.typed"]


def test_the_readme_names_every_setting(kind: Kind) -> None:
    files = template_files(names_of("acme", kind))
    settings = json.loads(files["dativo.json"])["roles"][kind.value]["config"]["properties"]

    assert [name for name in settings if f"| `{name}` |" not in files["README.md"]] == []
