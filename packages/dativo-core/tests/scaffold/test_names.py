from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dativo.errors import UsageError
from dativo.scaffold import Kind, names_of
from dativo_test_support.wheels import PluginWheel, install


def test_all_names_follow_from_one() -> None:
    names = names_of("acme-crm2", Kind.SOURCE)

    assert names.distribution == "dativo-connector-acme-crm2"
    assert names.module == "dativo_connector_acme_crm2"
    assert names.identifier == "acme_crm2"
    assert names.title == "Acme Crm2"
    assert names_of("acme", Kind.WRITER).distribution == "dativo-writer-acme"


@pytest.mark.parametrize("name", ["csv", "json", "sqlite3"])
def test_no_name_shadows_the_standard_library(name: str) -> None:
    assert names_of(name, Kind.SOURCE).module not in sys.stdlib_module_names


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("Acme", "Call it acme."),
        ("acme_crm", "Call it acme-crm."),
        ("acme--crm", "Call it acme-crm."),
        ("9lives", "Call it lives."),
        ("-acme", "Call it acme."),
        ("acme\n", "Call it acme."),
        ("a/../b", "Call it a-b."),
        ("Bücher2", "Call it bucher2."),
        ("", "Call it by the system, such as acme."),
        ("42", "Call it by the system, such as acme."),
        ("class", "Choose another name, such as class-data."),
        ("null", "Choose another name, such as null-data."),
        ("a" * 41, "Choose a shorter name."),
    ],
)
def test_a_name_that_does_not_go_everywhere_is_refused_with_one_that_does(
    name: str, fix: str
) -> None:
    with pytest.raises(UsageError) as caught:
        names_of(name, Kind.SOURCE)

    assert caught.value.fix == fix


def test_the_name_of_an_installed_connector_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = install(tmp_path, PluginWheel.of_connector("acme", "raise SystemExit"))
    monkeypatch.syspath_prepend(site)

    with pytest.raises(UsageError, match="acme-acme is installed and has a connector 'acme'"):
        names_of("acme", Kind.WRITER)


def test_the_name_of_an_installed_distribution_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = PluginWheel.of_connector("other", distribution="Dativo_Connector.acme")
    monkeypatch.syspath_prepend(install(tmp_path, wheel))

    with pytest.raises(UsageError, match="installed already; its connector is 'other'") as caught:
        names_of("acme", Kind.SOURCE)

    assert "pip uninstall Dativo_Connector.acme" in caught.value.fix
