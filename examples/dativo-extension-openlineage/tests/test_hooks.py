"""The package as others see it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from dativo_extension_openlineage import LineageConfig, describe_extension

PROJECT = Path(__file__).parents[1]


def test_it_describes_itself() -> None:
    info = describe_extension()

    assert (info.kind, info.config) == ("observer", LineageConfig)


def test_its_manifest_says_what_the_code_says() -> None:
    command = [sys.executable, "-m", "dativo", "plugins", "manifest", "openlineage", "--json"]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert json.loads(done.stdout)["manifest"] == json.loads((PROJECT / "dativo.json").read_text())


def test_importing_it_loads_no_arrow_and_no_http() -> None:
    slow = "{'arro3', 'urllib.request'}"
    code = f"import sys, dativo_extension_openlineage; print({slow} & {{*sys.modules}})"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"
