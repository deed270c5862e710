from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import attrs
import jsonschema
import pytest

from dativo.contract import (
    Atomicity,
    ConnectorInfo,
    ErrorInfo,
    Manifest,
    NoOptions,
    Permissions,
    ReadMode,
    Replay,
    Role,
    Secret,
    SourceInfo,
    WriteMode,
    WriterInfo,
    config_schema,
    setting,
    settings_of,
)


class Speed(StrEnum):
    SLOW = "slow"
    FAST = "fast"


@attrs.frozen
class Inner:
    size: int = setting("A size.")


@attrs.frozen
class Config:
    host: str = setting("The server.", examples=("localhost",))
    port: int = setting("The port.", default=5432, minimum=1, maximum=65535)
    ratio: float = setting("A share.", default=0.5)
    flag: bool = setting("On or off.", default=False)
    password: Secret | None = setting("The password.", default=None)
    path: Path | None = setting("A folder.", default=None)
    speed: Speed = setting("How fast.", default=Speed.SLOW)
    level: Literal["low", "high"] = setting("A level.", default="low")
    names: tuple[str, ...] = setting("Names.", factory=tuple)
    labels: Mapping[str, int] = setting("Labels.", factory=dict)
    inner: Inner | None = setting("More.", default=None)
    loose: int | str = setting("Number or text.", default=0)
    anything: Any = setting("Whatever.", default=None)
    code: str = setting("A code.", default="ab", pattern="[a-z]{2}")


PROPERTIES = {
    "host": {"type": "string", "description": "The server.", "examples": ["localhost"]},
    "port": {
        "type": "integer",
        "description": "The port.",
        "minimum": 1,
        "maximum": 65535,
        "default": 5432,
    },
    "flag": {"type": "boolean", "description": "On or off.", "default": False},
    "password": {
        "anyOf": [{"type": "string", "writeOnly": True}, {"type": "null"}],
        "description": "The password.",
    },
    "speed": {"enum": ["slow", "fast"], "description": "How fast.", "default": "slow"},
    "level": {"enum": ["low", "high"], "description": "A level.", "default": "low"},
    "names": {"type": "array", "items": {"type": "string"}, "description": "Names."},
    "loose": {"type": ["integer", "string"], "description": "Number or text.", "default": 0},
    "anything": {"description": "Whatever."},
}


def test_a_class_is_a_closed_object() -> None:
    schema = config_schema(Config)

    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"
    assert schema["required"] == ["host"]
    assert schema["additionalProperties"] is False
    assert list(schema["properties"]) == list(settings_of(Config))


@pytest.mark.parametrize("name", PROPERTIES)
def test_a_field_has_its_schema(name: str) -> None:
    assert config_schema(Config)["properties"][name] == PROPERTIES[name]


def test_nested_classes_and_mappings_have_their_schemas() -> None:
    properties = config_schema(Config)["properties"]

    assert properties["inner"]["anyOf"][0] == config_schema(Inner)
    assert properties["labels"]["additionalProperties"] == {"type": "integer"}
    assert "required" not in config_schema(NoOptions)


def test_what_no_setting_can_be_is_an_error() -> None:
    @attrs.frozen
    class Broken:
        numbers: set[int] = setting("No.")

    with pytest.raises(TypeError, match="set"):
        config_schema(Broken)
    with pytest.raises(TypeError, match="not an attrs class"):
        config_schema(dict)


def test_a_limit_of_zero_is_a_limit() -> None:
    @attrs.frozen
    class Limits:
        retries: int = setting("Retries.", default=1, minimum=0, maximum=0)

    (field,) = config_schema(Limits)["properties"].values()

    assert (field["minimum"], field["maximum"]) == (0, 0)


def test_a_pattern_matches_as_a_whole() -> None:
    validator = jsonschema.Draft202012Validator(config_schema(Config))

    assert not validator.is_valid({"host": "x", "code": "abc"})


def test_a_field_says_whether_it_identifies_the_system() -> None:
    @attrs.frozen
    class Identity:
        host: str = setting("The server.", identity=True)
        speed: int = setting("The speed.", default=1)

    properties = config_schema(Identity)["properties"]

    assert properties["host"]["x-identity"] is True
    assert "x-identity" not in properties["speed"]


INFO = ConnectorInfo(
    title="Acme",
    source=SourceInfo(
        config=Config,
        read_modes=(ReadMode.FULL, ReadMode.INCREMENTAL),
        replay=Replay.EXACT,
        parallel=True,
        queries=True,
        filters=True,
        ranges=True,
        checkpoint_version=2,
    ),
    writer=WriterInfo(
        config=Inner, write_modes=(WriteMode.APPEND, WriteMode.MERGE), atomicity=Atomicity.EPOCH
    ),
    permissions=Permissions(hosts=("${config.host}",), ports=("443",), subprocess=True),
    errors=(ErrorInfo(code="NETWORK", cause="no way", fix="look"),),
    documentation="https://example.org",
)


def test_a_manifest_says_what_the_connector_says() -> None:
    hooks = frozenset({"describe", "check_connection", "discover", "extract", "write"})

    manifest = Manifest.of("acme", INFO, hooks)

    source, writer = manifest.roles[Role.SOURCE], manifest.roles[Role.WRITER]
    assert source["hooks"] == ["check_connection", "discover", "extract"]
    assert writer["hooks"] == ["check_connection", "write"]
    assert source["read_modes"] == ["full", "incremental"]
    assert (source["replay"], source["checkpoint_version"]) == ("exact", 2)
    assert source["config"] == config_schema(Config)
    assert (writer["write_modes"], writer["atomicity"]) == (["append", "merge"], "epoch")
    assert INFO.roles == (Role.SOURCE, Role.WRITER)


def test_a_manifest_reads_what_it_wrote() -> None:
    manifest = Manifest.of("acme", INFO, frozenset())

    again = Manifest.from_json(manifest.to_json())

    assert again == manifest
    assert again.to_json() == manifest.to_json()
    assert json.loads(manifest.to_json())["manifest"] == 1


def test_a_manifest_has_the_roles_that_there_are() -> None:
    only_writer = attrs.evolve(INFO, source=None)
    only_source = attrs.evolve(INFO, writer=None)

    assert list(Manifest.of("acme", only_writer, frozenset()).roles) == [Role.WRITER]
    assert list(Manifest.of("acme", only_source, frozenset()).roles) == [Role.SOURCE]


@pytest.mark.parametrize(
    "change",
    [
        {"manifest": 2},
        {"roles": {"reader": {}}},
        {"roles": []},
        {"roles": {"source": 5}},
        {"errors": [{"gone": 1}]},
        {"errors": 5},
        {"permissions": 5},
        {"name": None} | {"roles": None},
    ],
)
def test_a_damaged_manifest_is_an_error(change: dict[str, object]) -> None:
    document = json.loads(Manifest.of("acme", INFO, frozenset()).to_json())

    with pytest.raises(ValueError):  # noqa: PT011 - several words for several damages
        Manifest.from_json(json.dumps(document | change))


@pytest.mark.parametrize("text", ["", "[]", "{}", "5", "null"])
def test_what_is_no_manifest_is_an_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the JSON parser's own words
        Manifest.from_json(text)
