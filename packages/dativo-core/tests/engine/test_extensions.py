"""What of extensions is remembered with the data."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import attrs
import pytest

from dativo.contract import ExtensionInfo, ExtensionKind, Secret, setting
from dativo.engine._extensions import LoadedExtension, fingerprint_of
from dativo.plugins import Extension
from dativo.plugins._origin import Origin


class Way(StrEnum):
    HASH = "hash"
    DROP = "drop"


@attrs.frozen
class Rule:
    way: Way = setting("The way.", default=Way.HASH)
    key: Secret | None = setting("The key.", default=None)


@attrs.frozen
class Config:
    rules: tuple[Rule, ...] = setting("The rules.", default=())
    names: Mapping[str, int] = setting("Names.", factory=dict)
    path: Path | None = setting("A path.", default=None)


def prints(job: str = "job", **config: Any) -> Mapping[str, str]:
    extension = Extension(
        origin=Origin(kind="extension", name="acme"),
        info=ExtensionInfo(title="Acme", kind=ExtensionKind.TRANSFORMER, config=Config),
        manager=Mock(),
    )
    loaded = LoadedExtension(extension=extension, config=Config(**config))
    return fingerprint_of([loaded], job=job)


def test_nothing_is_remembered_without_transformers() -> None:
    assert fingerprint_of([], job="job") == {}


@pytest.mark.parametrize(
    ("config", "other", "changed"),
    [
        ({"rules": (Rule(),)}, {"rules": (Rule(way=Way.DROP),)}, "rules"),
        ({"rules": (Rule(),)}, {"rules": (Rule(), Rule())}, "rules"),
        (
            {"rules": (Rule(key=Secret("one-secret")),)},
            {"rules": (Rule(key=Secret("two-secret")),)},
            "rules",
        ),
        ({"names": {"a": 1}}, {"names": {"a": 2}}, "names"),
        ({"path": Path("a")}, {"path": Path("b")}, "path"),
    ],
)
def test_each_setting_is_hashed_by_itself_however_deep_it_lies(
    config: dict[str, Any], other: dict[str, Any], changed: str
) -> None:
    first, again, second = prints(**config), prints(**config), prints(**other)

    assert first == again
    assert {key for key in first if first[key] != second[key]} == {f"transformers.1.acme.{changed}"}
    assert "secret" not in str(first)


def test_the_order_of_a_mapping_does_not_matter() -> None:
    assert prints(names={"a": 1, "b": 2}) == prints(names={"b": 2, "a": 1})


def test_one_secret_has_another_hash_in_another_job() -> None:
    rules = (Rule(key=Secret("one-secret")),)

    assert prints(job="one", rules=rules) != prints(job="two", rules=rules)
