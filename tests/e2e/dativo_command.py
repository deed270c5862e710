"""The real command in a process of its own, and what its answers must never look like."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import pyarrow.parquet as pq

from dativo_test_support.unmeasured import unmeasured

__all__ = ["Answer", "Command", "WorkFolder"]

_TIMEOUT_SECONDS = 90


@attrs.frozen
class Answer:
    """How one command ended."""

    arguments: tuple[str, ...]
    code: int
    out: str
    err: str

    def __str__(self) -> str:
        return f"dativo {' '.join(self.arguments)} -> {self.code}\n{self.out}\n{self.err}"

    @property
    def document(self) -> dict[str, Any]:
        """Standard output, which must be exactly one JSON object on one line."""
        assert self.out.count("\n") == 1, str(self)
        assert self.out.endswith("\n"), str(self)
        found = json.loads(self.out)
        assert isinstance(found, dict), str(self)
        assert isinstance(found["ok"], bool), str(self)
        assert found["ok"] is (self.code == 0), str(self)
        return found

    @property
    def error(self) -> dict[str, Any]:
        """The error of the JSON answer, with everything that design.md promises of it."""
        found = self.document["error"]
        assert isinstance(found, dict), str(self)
        promised = {"code", "message", "retryable", "retry_after", "connector", "stream", "phase"}
        assert {*promised, "fix"} <= set(found), str(self)
        assert found["message"], str(self)
        assert len(found["fix"]) > 10, str(self)
        return found

    def stream(self, name: str) -> dict[str, Any]:
        """What the JSON answer of a run says about one stream."""
        (found,) = (one for one in self.document["streams"] if one["stream"] == name)
        assert isinstance(found, dict)
        return found

    def failed_items(self) -> list[dict[str, Any]]:
        """What the JSON answer of a check says has failed."""
        items = (item for check in self.document["checks"] for item in check["items"])
        return [item for item in items if item["verdict"] == "failed"]


@attrs.frozen
class Command:
    """Starts `python -m dativo` in *folder*, away from the settings of whoever runs the tests.

    `site` is put first on the path of modules, `variables` into the environment, and `wrapper`
    before the program.
    """

    folder: Path
    site: tuple[Path, ...] = ()
    variables: Mapping[str, str] = attrs.field(factory=dict)
    wrapper: tuple[str, ...] = ()
    umask: int = -1

    def environment(self) -> dict[str, str]:
        """Everything that the process is given."""
        kept = {
            name: value
            for name, value in unmeasured().items()
            if not name.startswith(("PG", "PYTHON", "XDG_", "PYTEST_"))
        }
        for name in ("home", "temporary"):
            (self.folder.parent / name).mkdir(exist_ok=True)
        own = {
            "HOME": str(self.folder.parent / "home"),
            "TMPDIR": str(self.folder.parent / "temporary"),
            "LANG": "C.UTF-8",
            "PYTHONPATH": os.pathsep.join(map(str, self.site)),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return {**kept, **own, **self.variables}

    def __call__(self, *arguments: str, code: int | None = None) -> Answer:
        """Run to the end; check the exit code if one is given, and that nothing was traced."""
        process = self.start(*arguments)
        answer = self.finish(process)
        if code is not None:
            assert answer.code == code, str(answer)
        if "--debug" not in arguments:
            assert "Traceback" not in answer.out + answer.err, str(answer)
            assert 'File "' not in answer.out + answer.err, str(answer)
        return answer

    def all(self, *commands: Sequence[str]) -> list[Answer]:
        """Run several commands side by side and return their answers in order."""
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(lambda arguments: self(*arguments), commands))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start it; its outputs are pipes that :meth:`finish` reads."""
        return subprocess.Popen(
            [*self.wrapper, sys.executable, "-m", "dativo", *arguments],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="backslashreplace",
            umask=self.umask,
        )

    def finish(self, process: subprocess.Popen[str]) -> Answer:
        """Wait for the end of a process that was started here; one that hangs is killed."""
        try:
            out, err = process.communicate(timeout=_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            raise AssertionError(f"it hangs: {process.args!r}\n{out}\n{err}") from None
        arguments = [str(part) for part in list(process.args)]  # type: ignore[arg-type] # a list, as given
        words = tuple(arguments[arguments.index("dativo") + 1 :])
        return Answer(words, process.returncode, out, err)

    @contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Start it for the length of a block; what is still there then is killed."""
        process = self.start(*arguments)
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()


@attrs.frozen
class WorkFolder:
    """A job's folder: the file `job.yaml`, its state and its lake."""

    path: Path

    @property
    def lake(self) -> Path:
        """Where the job's data is published."""
        return self.path / "lake"

    def write_job(self, document: Mapping[str, Any], name: str = "job.yaml") -> Path:
        """Write a job file; JSON is YAML."""
        file = self.path / name
        file.write_text(json.dumps(document, indent=1), encoding="utf-8")
        return file

    def visible(self) -> dict[str, bytes]:
        """Return every file outside the control folders, as a reader's glob finds it."""
        if not self.lake.is_dir():
            return {}
        files = (file for file in self.lake.rglob("*") if file.is_file())
        names = ((file.relative_to(self.lake), file) for file in files)
        return {str(name): file.read_bytes() for name, file in names if ".dativo" not in name.parts}

    def staged(self) -> list[str]:
        """Return what lies in the staging folders of the lake."""
        return [str(path) for path in self.lake.glob(".dativo/parquet/*/staging/*")]

    def leftovers(self) -> list[str]:
        """Return what a run has left in the folder for temporary files."""
        return [path.name for path in (self.path.parent / "temporary").glob("dativo*")]

    def column(self, stream: str, name: str) -> list[Any]:
        """Return all published values of one column, of types that polars lacks too."""
        files = sorted((self.lake / stream).rglob("*.parquet"))
        return [value for file in files for value in pq.read_table(file)[name].to_pylist()]

    def glob(self, stream: str) -> str:
        """Return what a reader of *stream* is told to read."""
        return str(self.lake / stream / "**" / "*.parquet")
