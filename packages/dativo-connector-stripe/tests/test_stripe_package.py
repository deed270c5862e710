"""The package installs, lists and says honestly what it does not do yet."""

from __future__ import annotations

import pytest

from dativo.contract import Role, StreamRequest
from dativo.errors import CapabilityMissingError
from dativo.plugins import build_manifest, find_connector, load_connector


def test_is_listed_with_its_manifest() -> None:
    entry = find_connector("stripe")

    assert entry.distribution == "dativo-connector-stripe"
    assert entry.manifest is not None
    assert entry.manifest.title == "Stripe"


def test_manifest_is_what_the_code_says() -> None:
    entry = find_connector("stripe")

    assert entry.manifest == build_manifest("stripe")


def test_extracting_is_not_implemented_and_says_so() -> None:
    connector = load_connector("stripe", Role.SOURCE)

    with pytest.raises(CapabilityMissingError, match="has no extract"):
        connector.extract(None, StreamRequest(stream="charges"), None, None)  # type: ignore[arg-type]
