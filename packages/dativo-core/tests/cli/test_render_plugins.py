from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dativo.cli._render_plugins import setting_type, show_plugin, show_plugins
from dativo.cli.errors import _show_all
from dativo.contract import Manifest, Role
from dativo.errors import catalog
from dativo.plugins import PluginEntry, VersionVerdict

MANIFEST = Manifest(
    name="acme",
    contract="1.0",
    title="Acme",
    documentation="https://example.com/acme",
    roles={
        Role.SOURCE: {
            "hooks": ["discover", "extract"],
            "read_modes": ["full"],
            "replay": "exact",
            "queries": True,
            "ranges": True,
            "config": {
                "properties": {
                    "host": {"type": "string", "description": "The server."},
                    "port": {"type": "integer", "default": 5432},
                    "tls": {"type": "boolean", "default": False},
                },
                "required": ["host"],
            },
        }
    },
)


def _entry(**changes: Any) -> PluginEntry:
    facts: dict[str, Any] = {
        "name": "acme",
        "kind": "connector",
        "group": "dativo.connectors.v1",
        "major": 1,
        "value": "acme",
        "distribution": "acme-connector",
        "version": "2.0",
        "manifest": MANIFEST,
        "manifest_problem": "",
        "verdict": VersionVerdict.COMPATIBLE,
    }
    return PluginEntry(**{**facts, **changes})


BROKEN = _entry(
    name="broken",
    manifest=None,
    manifest_problem="dativo.json is damaged",
    version="",
    verdict=VersionVerdict.BROKEN_METADATA,
    problem="dativo.json is damaged",
    fix="pip install --force-reinstall acme-connector",
)


def test_plugins_are_a_table_on_a_terminal(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet(styled=True, width=100)
    extension = _entry(name="mask", kind="extension", manifest=None, manifest_problem="none")

    show_plugins(sheet.page, (_entry(), BROKEN, extension))

    assert [line.split() for line in sheet.lines] == [
        ["name", "roles", "package", "contract", "verdict"],
        ["acme", "source", "acme-connector", "2.0", "1.0", "✓", "compatible"],
        ["broken", "?", "acme-connector", "?", "1", "✗", "broken_metadata"],
        ["mask", "extension", "acme-connector", "2.0", "1", "✓", "compatible"],
        ["broken:", "dativo.json", "is", "damaged"],
        ["fix:", "pip", "install", "--force-reinstall", "acme-connector"],
        ["3", "plugins,", "1", "of", "them", "not", "usable"],
    ]


def test_no_plugins_is_said_with_a_way_out(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet()

    show_plugins(sheet.page, ())

    assert sheet.lines == [
        "no plugins are installed",
        "  fix: pip install dativo-connector-NAME",
    ]


@pytest.mark.parametrize("styled", [False, True])
def test_one_plugin_is_shown_with_its_settings(
    make_sheet: Callable[..., Any], styled: bool
) -> None:
    sheet = make_sheet(styled=styled)

    show_plugin(sheet.page, _entry())

    assert "as source  full" in sheet.lines
    assert "  can: queries, ranges" in sheet.lines
    words = [" ".join(line.split()) for line in sheet.lines]
    place = "" if styled else "source.config."
    assert f"{place}host text required The server." in words
    assert f"{place}port integer 5432" in words
    assert f"{place}tls true | false false" in words


COVER = Manifest(
    name="cover",
    contract="1.0",
    title="Cover",
    extension={
        "kind": "transformer",
        "hooks": ["transform"],
        "config": {"properties": {"key": {"type": "string", "writeOnly": True}}},
    },
)


def test_an_extension_is_listed_and_shown_by_its_kind(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet()
    entry = _entry(name="cover", kind="extension", manifest=COVER)

    show_plugins(sheet.page, (entry,))
    show_plugin(sheet.page, entry)

    words = [" ".join(line.split()) for line in sheet.lines]
    assert words[0] == "cover transformer acme-connector 2.0 contract 1.0 compatible"
    assert "as extension transformer" in words
    assert "hooks: transform" in words
    assert "config.key secret" in words


def test_one_without_a_manifest_says_why(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet()

    show_plugin(sheet.page, BROKEN)
    show_plugin(sheet.page, _entry(manifest=None, manifest_problem="none", problem="old"))

    assert "  manifest: dativo.json is damaged" in sheet.lines
    assert "  manifest: has none" in sheet.lines


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"enum": ["a", 1]}, "a | 1"),
        ({"anyOf": [{"type": "string", "writeOnly": True}, {"type": "null"}]}, "secret"),
        ({"type": ["integer", "null"]}, "integer"),
        ({"type": "array", "items": {"type": "string"}}, "list of text"),
        ({"type": "object"}, "section"),
        ({}, "any"),
    ],
)
def test_types_of_settings_are_said_as_people_say_them(schema: dict[str, Any], text: str) -> None:
    assert setting_type(schema) == text


def test_errors_are_a_table_on_a_terminal(make_sheet: Callable[..., Any]) -> None:
    sheet = make_sheet(styled=True, width=120)

    _show_all(sheet.page, catalog())

    assert sheet.lines[0].split() == ["code", "exit", "retry", "meaning"]
    assert sheet.lines[1].startswith("CONNECTION_FAILED")
