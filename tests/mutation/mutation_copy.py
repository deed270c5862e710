"""A copy of the sources and of the kit's tests, which mutants may change."""

from __future__ import annotations

import compileall
import hashlib
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from py_compile import PycInvalidationMode

import attrs

__all__ = ["KIT", "Copy"]

ROOT = Path(__file__).parents[2]
KIT = Path("dativo", "testing")

_CORE = Path("packages/dativo-core")
_SUPPORT = Path("tests/support/src")
_NAMES = ("__pycache__", ".*_cache", ".hypothesis")


@attrs.frozen
class Copy:
    """A folder that holds what the tests of the kit need, and one source tree per worker."""

    folder: Path

    @property
    def tree(self) -> Path:
        """Where pytest runs."""
        return self.folder / "tree"

    def fill(self, workers: int) -> None:
        """Copy everything anew, as it is now."""
        shutil.rmtree(self.tree, ignore_errors=True)
        unwanted = shutil.ignore_patterns(*_NAMES)
        for part in (_CORE / "tests", _SUPPORT):
            shutil.copytree(ROOT / part, self.tree / part, ignore=unwanted)
        shutil.copy(ROOT / "pyproject.toml", self.tree)
        plugin = self.tree / "plugin"
        plugin.mkdir()
        shutil.copy(Path(__file__).with_name("mutation_plugin.py"), plugin)
        for worker in range(workers):
            shutil.copytree(ROOT / _CORE / "src", self.source(worker), ignore=unwanted)
        # By hash: a mutant may be as long and as old as the module, which a date would not show.
        mode = PycInvalidationMode.CHECKED_HASH
        compileall.compile_dir(self.tree, quiet=1, invalidation_mode=mode, rx=_Templates())

    def source(self, worker: int) -> Path:
        """Return the source tree of *worker*, from 0."""
        return self.tree / f"source-{worker}"

    def kit(self, worker: int) -> Path:
        """Return the modules of the kit in the source tree of *worker*."""
        return self.source(worker) / KIT

    def environment(self, worker: int, more: Mapping[str, str]) -> dict[str, str]:
        """Return the environment in which *worker*'s sources are those that Python imports."""
        paths = (self.source(worker), self.tree / _SUPPORT, self.tree / "plugin")
        found = dict(os.environ)
        found["PYTHONPATH"] = os.pathsep.join(str(path) for path in paths)
        return {**found, "PYTHONDONTWRITEBYTECODE": "1", **more}

    def pytest(self) -> list[str]:
        """Return the command that runs pytest, without what it shall run."""
        return [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *_PLUGIN]

    def test_files(self) -> list[Path]:
        """Return the files of the kit's tests."""
        tests = self.tree / _CORE / "tests"
        return [*sorted(tests.glob("testing/test_*.py")), tests / "cli" / "test_plugins_verify.py"]

    def sources_digest(self) -> str:
        """Return a digest of the kit and everything below it."""
        return _digest(self.source(0))

    def tests_digest(self) -> str:
        """Return a digest of the kit's tests and of what they use."""
        return _digest(self.tree / _CORE / "tests" / "testing", self.tree / _SUPPORT)


_PLUGIN = ("-p", "mutation_plugin")


class _Templates:
    """Says what is no module, though its name ends like one."""

    def search(self, path: str) -> bool:
        """Whether *path* is not to be compiled."""
        return "templates" in Path(path).parts


def _digest(*folders: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for folder in folders for path in folder.rglob("*.py")):
        digest.update(f"{path.name}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
