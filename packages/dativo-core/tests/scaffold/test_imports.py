from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dativo.scaffold._imports import needs_of
from dativo_test_support.wheels import PluginWheel, install


@pytest.fixture(autouse=True)
def _site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {
        "Acme_SDK": ("2.10.3rc1", ["acme/__init__.py"]),
        "cloud-storage": ("3.0.0", ["cloud/storage/__init__.py", "cloud/shared.py"]),
        "cloud-queue": ("4.1.0", ["cloud/queue.py"]),
        "odd": ("unknown", ["odd.py"]),
    }
    wheels = [
        PluginWheel(name=name, version=version, files=dict.fromkeys(paths, ""))
        for name, (version, paths) in files.items()
    ]
    site = install(tmp_path / "site", *wheels)
    for name, (_, paths) in files.items():
        info = next(site.glob(f"{name.lower().replace('-', '_')}-*.dist-info"))
        (info / "RECORD").write_text("".join(f"{path},,\n" for path in paths))
    monkeypatch.syspath_prepend(site)


def test_installed_libraries_are_named_with_what_is_installed_as_the_lower_bound() -> None:
    source = "import os, json.decoder\nimport acme.client as c\nfrom dativo.contract import x\n"

    needs = needs_of(source)

    assert needs.requirements == ("acme-sdk>=2.10.3",)
    assert needs.unknown == ()


def test_imports_inside_of_functions_count() -> None:
    source = "class A:\n  def f(self):\n    try:\n      import acme\n    except ImportError: pass\n"

    assert needs_of(source).requirements == ("acme-sdk>=2.10.3",)


def test_imports_for_type_checkers_do_not() -> None:
    source = "import typing\nif typing.TYPE_CHECKING:\n  import acme\nelse:\n  import cloud.queue\n"

    assert needs_of(source).requirements == ("cloud-queue>=4.1.0",)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from cloud import storage", ("cloud-storage>=3.0.0",)),
        ("from cloud.storage.blob import Blob", ("cloud-storage>=3.0.0",)),
        ("import cloud.queue", ("cloud-queue>=4.1.0",)),
        ("import cloud.shared", ("cloud-storage>=3.0.0",)),
        ("import cloud", ("cloud-queue>=4.1.0", "cloud-storage>=3.0.0")),
    ],
)
def test_of_a_shared_namespace_the_owner_of_the_module_is_named(
    source: str, expected: tuple[str, ...]
) -> None:
    assert needs_of(source).requirements == expected


def test_what_is_not_installed_is_told() -> None:
    needs = needs_of("import acme_nobody_has.x\nfrom . import sibling\nimport odd")

    assert needs.unknown == ("acme_nobody_has",)
    assert needs.requirements == ("odd",)


def test_nothing_is_imported() -> None:
    needs_of("import acme")

    assert "acme" not in sys.modules
