"""The command line as a process, in a project whose connectors a test chooses."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from dativo.cli._outlet import Outlet
from dativo.cli._redaction import Redaction
from dativo.cli._render import PlainPage
from dativo.cli._render_rich import RichPage
from dativo.cli._session import Options, Session
from dativo_test_support.inline import exit_code_of
from dativo_test_support.plugins import scripted_connectors
from dativo_test_support.project import Project
from dativo_test_support.wheels import PluginWheel, install


@attrs.frozen
class Done:
    """What a command did."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON object on standard output."""
        found: dict[str, Any] = json.loads(self.stdout)
        return found


@attrs.frozen
class Cli:
    """Runs `python -m dativo` in a project folder."""

    project: Project
    site: Path

    def __call__(self, *words: str, env: Mapping[str, str] | None = None) -> Done:
        """Run the command line and wait."""
        done = subprocess.run(
            [sys.executable, "-m", "dativo", *words],
            cwd=self.project.folder,
            env=self.environ(env),
            capture_output=True,
            timeout=60,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        return Done(done.returncode, done.stdout.decode(), done.stderr.decode())

    def environ(self, env: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment of a command: this one, the plugins, and *env*."""
        path = os.pathsep.join(filter(None, (str(self.site), os.environ.get("PYTHONPATH", ""))))
        dropped = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")
        kept = {key: value for key, value in os.environ.items() if key not in dropped}
        return {**kept, "PYTHONPATH": path, **(env or {})}

    def install(self, *wheels: PluginWheel) -> None:
        """Install more plugins."""
        install(self.site, *wheels)


@pytest.fixture
def cli(tmp_path: Path) -> Cli:
    """The command line in an empty project; `numbers` and `ledger` are installed."""
    folder = tmp_path / "project"
    folder.mkdir()
    return Cli(Project(folder), install(tmp_path / "site", scripted_connectors()))


@pytest.fixture
def inline(
    cli: Cli, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Done]:
    """The same in this process, which is quicker; for all that needs no end of a process."""
    monkeypatch.syspath_prepend(str(cli.site))
    monkeypatch.chdir(cli.project.folder)

    def run(*words: str) -> Done:
        exit_code = exit_code_of(words)
        seen = capfd.readouterr()
        return Done(exit_code, seen.out, seen.err)

    return run


_STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@attrs.frozen
class Sheet:
    """A page, and what was written on it."""

    session: Session
    page: Any
    _file: Path

    @property
    def text(self) -> str:
        """What was written so far, without styles."""
        return _STYLE.sub("", self._file.read_text(encoding="utf-8"))

    @property
    def lines(self) -> list[str]:
        """The lines that were written so far."""
        return [line.rstrip() for line in self.text.splitlines()]


@pytest.fixture
def make_sheet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Sheet]:
    """Make a plain or styled page on a file; both outputs of its session are that file."""
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")

    def make(
        *, styled: bool = False, width: int = 80, encoding: str = "utf-8", **options: bool
    ) -> Sheet:
        monkeypatch.setenv("COLUMNS", str(width))
        file = tmp_path / "page.txt"
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        session = Session(Options(**options))
        session.out = session.err = outlet = Outlet(descriptor, encoding)
        os.close(descriptor)
        kind = RichPage if styled else PlainPage
        session.page = session.notes = page = kind(outlet, session.redaction)
        return Sheet(session, page, file)

    return make


@pytest.fixture
def redaction() -> Redaction:
    """No secrets yet."""
    return Redaction()
