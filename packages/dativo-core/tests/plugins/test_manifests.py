from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dativo.contract import Manifest
from dativo.errors import MissingConfigError, PluginNotFoundError
from dativo.plugins import (
    build_manifest,
    compare_manifest,
    find_distribution,
    manifest_path,
    write_manifest,
)
from dativo_test_support.wheels import PluginWheel

Site = Callable[..., Path]


def test_a_manifest_is_built_from_the_code(site: Site, source: str) -> None:
    site(PluginWheel.of_connector("acme", source, manifest="damaged"))

    manifest = build_manifest("acme")

    assert (manifest.name, manifest.title, manifest.contract) == ("acme", "Acme", "1.0")
    assert Manifest.from_json(manifest.to_json()) == manifest


def test_a_manifest_is_written_once_and_then_current(
    site: Site, source: str, tmp_path: Path
) -> None:
    site(PluginWheel.of_connector("acme", source))
    manifest, path = build_manifest("acme"), tmp_path / "dativo.json"

    first, second = write_manifest(manifest, path), write_manifest(manifest, path)

    assert (first.is_current, second.is_current) == (False, True)
    assert path.read_text() == manifest.to_json()


def test_drift_is_shown_as_a_difference(site: Site, source: str, tmp_path: Path) -> None:
    site(PluginWheel.of_connector("acme", source))
    manifest, path = build_manifest("acme"), tmp_path / "dativo.json"
    path.write_text(manifest.to_json().replace("Acme", "Old"))

    found = compare_manifest(manifest, path)

    assert '-  "title": "Old",' in found.diff
    assert '+  "title": "Acme",' in found.diff


def test_the_place_of_a_manifest_is_beside_the_source(site: Site, source: str) -> None:
    place = site(PluginWheel.of_connector("acme", source))
    about = {"url": "file:///home/me/my%20plugin", "dir_info": {"editable": True}}
    (place / "acme_acme-1.0.0.dist-info/direct_url.json").write_text(json.dumps(about))

    found = manifest_path(find_distribution("acme"))

    assert found == Path("/home/me/my plugin/dativo.json")


@pytest.mark.parametrize(
    "about",
    [
        None,
        "no JSON",
        "[]",
        '{"url": "file:///x"}',
        '{"url": "file:///x", "dir_info": {}}',
        '{"url": "file:///x", "dir_info": {"editable": false}}',
        '{"url": "https://host/x", "dir_info": {"editable": true}}',
        '{"url": 5, "dir_info": {"editable": true}}',
    ],
)
def test_a_wheel_has_no_place_for_a_manifest(site: Site, source: str, about: str | None) -> None:
    place = site(PluginWheel.of_connector("acme", source))
    if about is not None:
        (place / "acme_acme-1.0.0.dist-info/direct_url.json").write_text(about)

    with pytest.raises(MissingConfigError, match="not installed in editable mode") as raised:
        manifest_path(find_distribution("acme"))

    assert "--path" in raised.value.fix


def test_an_unknown_connector_has_no_distribution() -> None:
    with pytest.raises(PluginNotFoundError):
        find_distribution("zzz")
