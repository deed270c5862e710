"""The package installs, and lists with its manifest."""

from __future__ import annotations

import subprocess
import sys

from dativo.plugins import build_manifest, find_connector


def test_is_listed_with_its_manifest() -> None:
    entry = find_connector("stripe")

    assert entry.distribution == "dativo-connector-stripe"
    assert entry.manifest is not None
    assert entry.manifest.title == "Stripe"


def test_manifest_is_what_the_code_says() -> None:
    entry = find_connector("stripe")

    assert entry.manifest == build_manifest("stripe")


def test_import_loads_nothing_that_is_slow() -> None:
    code = (
        "import sys, dativo_connector_stripe as c; c.describe(); "
        "print([m for m in ('httpx', 'httpcore', 'msgspec', 'arro3', 'ssl') if m in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
