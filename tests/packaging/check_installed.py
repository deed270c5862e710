"""Check an installed distribution from inside a clean environment: `python -I THIS DISTRIBUTION`.

It needs nothing but the standard library, because nothing else may be there.
"""

from __future__ import annotations

import importlib
import json
import sys
from importlib.metadata import Distribution, distribution

GROUP = "dativo.connectors.v1"


def main(name: str) -> None:
    """Import the distribution's package and compare what is installed with what must be."""
    found = distribution(name)
    files = {str(path) for path in found.files or ()}
    (package,) = {path.split("/")[0] for path in files if path.endswith("/__init__.py")}
    check(f"{package}/py.typed" in files, "py.typed is missing", files)
    check(any(path.endswith("licenses/LICENSE") for path in files), "the license is missing", files)
    tests = [path for path in files if "tests/" in path and "/templates/" not in path]
    check(not tests, "tests are inside", tests)
    check(bool(found.metadata["License-Expression"]), "the license is not named", name)
    importlib.import_module(package)
    plugins = check_entry_points(found)
    sys.stdout.write(f"{name} {found.version}: imports alone, {plugins or 'no plugin'}\n")


def check_entry_points(found: Distribution) -> str:
    """Load each connector and read its manifest; return their names."""
    entries = found.entry_points.select(group=GROUP)
    for entry in entries:
        entry.load()
        manifest = json.loads(found.read_text("extra_metadata/dativo.json") or "{}")
        check("contract" in manifest, "the manifest is missing or empty", entry.name)
    return ", ".join(f"plugin {entry.name}" for entry in entries)


def check(is_true: bool, complaint: str, subject: object) -> None:
    """End with *complaint* unless *is_true*."""
    if not is_true:
        sys.exit(f"{complaint}: {subject}")


if __name__ == "__main__":
    main(sys.argv[1])
