from __future__ import annotations

import pytest

from dativo.contract import CONTRACT_VERSION
from dativo.plugins import VersionVerdict, _versions
from dativo.plugins._versions import Judgement, judge


def judged(
    *requires: str, major: int = 1, contract: str | None = None, core: str = "1.4.2"
) -> Judgement:
    return judge("acme", major=major, contract=contract, requires=requires, core_version=core)


def test_the_same_contract_is_compatible() -> None:
    assert judged(contract=CONTRACT_VERSION) == Judgement(VersionVerdict.COMPATIBLE)


def test_a_newer_major_needs_a_newer_core() -> None:
    found = judged(major=2)

    assert found.verdict is VersionVerdict.CORE_TOO_OLD
    assert found.fix == "pip install -U dativo-core"


def test_an_older_major_needs_a_newer_connector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_versions, "ADAPTED_MAJORS", {})

    found = judged(major=0)

    assert found.verdict is VersionVerdict.CONNECTOR_TOO_OLD
    assert found.fix == "pip install -U acme"


def test_an_adapted_major_is_deprecated_with_the_release_that_ends_it() -> None:
    found = judged(major=0)

    assert found.verdict is VersionVerdict.DEPRECATED
    assert "ends with dativo-core 1.0" in found.problem


def test_a_newer_minor_needs_a_newer_core() -> None:
    assert judged(contract="1.3").verdict is VersionVerdict.CORE_TOO_OLD


@pytest.mark.parametrize("contract", ["2.9", "nonsense", "", "1", "1.x", "-1.5"])
def test_a_contract_of_another_major_says_nothing_about_this_one(contract: str) -> None:
    assert judged(contract=contract).verdict is VersionVerdict.COMPATIBLE


@pytest.mark.parametrize(
    "requirement",
    [
        "dativo-core",
        "dativo-core>=1.4.2",
        "dativo_core >=1, <2",
        "Dativo.Core (>=1.0)",
        "dativo-core[polars]>=1",
        "dativo-core~=1.4",
        "dativo-core~=1.4.0",
        "dativo-core==1.*",
        "dativo-core==1.4.2",
        "dativo-core<=1.4.2",
        "dativo-core>1.4.1",
        "dativo-core!=1.4.2",
        "dativo-core>=9; python_version < '3'",
        "dativo-core @ file:///somewhere",
        "dativo-core>=2rc1",
        "dativo-core===9",
        "another>=9",
        ">=9",
        "",
    ],
)
def test_a_requirement_is_met_or_not_ours_to_judge(requirement: str) -> None:
    assert judged(requirement).verdict is VersionVerdict.COMPATIBLE


@pytest.mark.parametrize(
    ("requirement", "verdict"),
    [
        ("dativo-core>=1.5", "core_too_old"),
        ("dativo-core>1.4.2", "core_too_old"),
        ("dativo-core==2.*", "core_too_old"),
        ("dativo-core==1.5", "core_too_old"),
        ("dativo-core~=1.5", "core_too_old"),
        ("dativo-core<1.4.2", "connector_too_old"),
        ("dativo-core<1.4", "connector_too_old"),
        ("dativo-core<=1.4.1", "connector_too_old"),
        ("dativo-core==1.3", "connector_too_old"),
        ("dativo-core==1.3.*", "connector_too_old"),
        ("dativo-core~=1.3.0", "connector_too_old"),
        ("dativo-core>=0.9,<1.0", "connector_too_old"),
    ],
)
def test_an_unmet_requirement_says_which_side_is_too_old(requirement: str, verdict: str) -> None:
    found = judged(requirement)

    assert found.verdict == verdict
    assert requirement in found.problem


def test_without_an_installed_core_nothing_is_required() -> None:
    assert judged("dativo-core>=9", core="").verdict is VersionVerdict.COMPATIBLE
