from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pluggy
import pytest

import dativo_connector_postgres
from dativo.contract import Manifest, ReadMode, Replay, Role, hookspecs

HOOKS = frozenset({"check_connection", "describe", "discover", "extract", "plan_read"})


def test_manifest_is_what_the_code_says() -> None:
    expected = Manifest.of("postgres", dativo_connector_postgres.describe(), HOOKS)
    shipped = Path(__file__).parents[1] / "dativo.json"
    if not shipped.exists():
        pytest.skip("only the source tree has the file beside the tests")

    assert shipped.read_text(encoding="utf-8") == expected.to_json()


def test_package_carries_the_hooks() -> None:
    manager = pluggy.PluginManager("dativo")
    manager.add_hookspecs(hookspecs)
    manager.register(dativo_connector_postgres)
    manager.check_pending()

    info = manager.hook.describe()

    assert info.roles == (Role.SOURCE,)
    assert info.source.read_modes == (ReadMode.FULL, ReadMode.INCREMENTAL)
    assert info.source.replay is Replay.EXACT
    assert set(dativo_connector_postgres.__all__) >= HOOKS


def test_import_loads_no_driver() -> None:
    code = (
        "import sys, dativo_connector_postgres as c; c.describe(); "
        "print([m for m in ('psycopg', 'sqlalchemy', 'adbc_driver_manager', 'pyarrow') "
        "if m in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
