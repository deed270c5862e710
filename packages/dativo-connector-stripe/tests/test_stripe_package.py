"""The package installs, and lists with its manifest."""

from __future__ import annotations

from dativo.plugins import build_manifest, find_connector


def test_is_listed_with_its_manifest() -> None:
    entry = find_connector("stripe")

    assert entry.distribution == "dativo-connector-stripe"
    assert entry.manifest is not None
    assert entry.manifest.title == "Stripe"


def test_manifest_is_what_the_code_says() -> None:
    entry = find_connector("stripe")

    assert entry.manifest == build_manifest("stripe")
