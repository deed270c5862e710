"""Does what a page says, block by block, as a reader at a terminal would."""

from __future__ import annotations

import ast
import json
import os
import shlex
import shutil
import subprocess
import tomllib
import urllib.request
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

import attrs
from doc_pages import Block, Shell, blocks, commands
from doc_shells import environment, says

__all__ = ["Reader", "follow", "installed_as_editable"]

_PORT = "8700"


@attrs.define
class Reader:
    """Somebody at a terminal.

    Attributes:
        folder: Where they are.
        environ: The variables of their shell.
        port: What stands for the port of the page on this machine.
        server: The program that they left running in a second terminal.
    """

    folder: Path
    port: int
    environ: dict[str, str] = attrs.field(factory=environment)
    server: subprocess.Popen[str] | None = None

    def write(self, block: Block) -> None:
        """Write the file of *block*, or put the one function that it names in its place."""
        path, _, function = block.title.partition(": ")
        file, text = self.folder / path, self._here(block.text)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(_with_function(file.read_text(), function, text) if function else text)

    def type(self, shell: Shell) -> str:
        """Run one command and return what the terminal shows of it."""
        words = shlex.split(self._here(shell.command))
        match words:
            case ["cd", place]:
                self.folder = (self.folder / place).resolve()
            case ["export", setting]:
                name, _, value = setting.partition("=")
                self.environ[name] = value
            case [".", script]:
                self._enter((self.folder / script).parent)
            case ["deactivate"]:
                self._leave()
            case ["python", "parcel_api.py", _]:
                return self._serve(words)
            case ["curl", "--silent", "--header", header, url] if shutil.which("curl") is None:
                return self._ask(header, url)
            case _:
                return self._run(shell)
        return ""

    def stop(self) -> None:
        """End what was left running."""
        if self.server is not None:
            self.server.terminate()
            self.server.communicate()

    def _run(self, shell: Shell) -> str:
        done = subprocess.run(
            ["bash", "-c", self._here(shell.command)],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        shown = done.stdout + (done.stderr if done.returncode else "")
        return shown.replace(str(self.port), _PORT)

    def _serve(self, words: list[str]) -> str:
        self.server = subprocess.Popen(
            words, cwd=self.folder, env=self.environ, stdout=subprocess.PIPE, text=True
        )
        assert self.server.stdout is not None
        return self.server.stdout.readline().replace(str(self.port), _PORT)

    def _ask(self, header: str, url: str) -> str:
        """Stand in for curl, which not every machine has."""
        name, _, value = header.partition(": ")
        request = urllib.request.Request(url, headers={name: value})
        with urllib.request.urlopen(request, timeout=30) as answer:
            shown: str = answer.read().decode()
        return shown.replace(str(self.port), _PORT)

    def _enter(self, programs: Path) -> None:
        self.environ["PATH"] = os.pathsep.join((str(programs), self.environ["PATH"]))

    def _leave(self) -> None:
        self.environ["PATH"] = self.environ["PATH"].partition(os.pathsep)[2]

    def _here(self, text: str) -> str:
        return text.replace(_PORT, str(self.port))


def follow(
    page: str,
    reader: Reader,
    *,
    kinds: Collection[str],
    instead: Mapping[str, Callable[[Reader], None]],
) -> None:
    """Follow *page* from its first block to its last.

    Args:
        page: The page.
        reader: Who does it.
        kinds: The titles of console blocks that are run; those without a title always are.
        instead: What is done in place of a block that is not run, by a text in it.
    """
    try:
        for block in blocks(page):
            if block.language == "console" and block.title not in ("", *kinds):
                for text, replacement in instead.items():
                    if text in block.text:
                        replacement(reader)
            elif block.language == "console":
                for shell in commands(block):
                    said = reader.type(shell)
                    says(Shell(shell.command, shell.output.replace("##", "1")), said)
            elif block.title:
                reader.write(block)
    finally:
        reader.stop()


def installed_as_editable(project: Path, site: Path) -> None:
    """Do what an editable installation of *project* leaves in *site*, without an installer."""
    about = tomllib.loads((project / "pyproject.toml").read_text())["project"]
    info = site / f"{about['name'].replace('-', '_')}-{about['version']}.dist-info"
    manifest = info / "extra_metadata" / "dativo.json"
    manifest.parent.mkdir(parents=True, exist_ok=True)
    manifest.write_text((project / "dativo.json").read_text())
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.4\nName: {about['name']}\nVersion: {about['version']}\n"
    )
    (info / "entry_points.txt").write_text("".join(_entry_points(about["entry-points"])))
    origin = {"url": project.as_uri(), "dir_info": {"editable": True}}
    (info / "direct_url.json").write_text(json.dumps(origin))


def _entry_points(groups: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    for group, points in groups.items():
        yield f"[{group}]\n"
        yield from (f"{name} = {value}\n" for name, value in points.items())


def _with_function(source: str, name: str, text: str) -> str:
    """Return *source* with the function *name* as *text* has it, at its place or at the end."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            lines = source.splitlines(keepends=True)
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)]) - 1
            return "".join([*lines[:first], text, *lines[node.end_lineno :]])
    return f"{source}\n\n{text}"
