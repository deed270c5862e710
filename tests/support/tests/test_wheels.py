from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

from dativo_test_support.wheels import PluginWheel, install

WHEEL = PluginWheel.of_connector(
    "acme-crm",
    "raise RuntimeError('imported')",
    manifest='{"contract": "1.0"}',
    requires=("dativo-core>=0.1,<1",),
)


def test_an_installed_wheel_is_found_with_its_metadata(tmp_path: Path) -> None:
    install(tmp_path, WHEEL)

    (found,) = importlib.metadata.distributions(path=[str(tmp_path)])
    (entry,) = found.entry_points

    assert (found.name, found.version) == ("acme-acme-crm", "1.0.0")
    assert (entry.group, entry.name, entry.value) == (
        "dativo.connectors.v1",
        "acme-crm",
        "acme_acme_crm",
    )
    assert found.read_text("extra_metadata/dativo.json") == '{"contract": "1.0"}'
    assert found.requires == ["dativo-core>=0.1,<1"]
    assert found.files is not None
    assert all(Path(path.locate()).exists() for path in found.files)


def test_a_folder_of_wheels_serves_another_python(tmp_path: Path) -> None:
    install(tmp_path, *(PluginWheel.of_connector(f"p{number}") for number in range(200)))
    code = (
        "from importlib.metadata import entry_points;"
        "print(len(entry_points(group='dativo.connectors.v1')))"
    )

    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        check=True,
        text=True,
    )

    assert done.stdout == "200\n"


def test_equal_descriptions_give_equal_bytes(tmp_path: Path) -> None:
    path = WHEEL.write(tmp_path)

    assert path.name == "acme_acme_crm-1.0.0-py3-none-any.whl"
    assert path.read_bytes() == WHEEL.build()
