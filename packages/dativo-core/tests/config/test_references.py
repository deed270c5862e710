from __future__ import annotations

import os
from pathlib import Path

import pytest

from dativo.config import Node, Origin, ProblemList, parse_yaml
from dativo.config._references import MAX_FILE_BYTES, Resolved, resolve


def resolved(folder: Path, text: str) -> tuple[Resolved | None, list[str]]:
    problems = ProblemList()
    root = parse_yaml(f"a: '{text}'".encode(), Origin("job.yaml", folder, {}), problems)
    assert isinstance(root, Node)
    found = resolve(root.entries[0].value, problems)
    return found, [str(problem) for problem in problems.problems]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"secret", "secret"),
        (b"secret\n", "secret"),
        (b"secret\r\n", "secret"),
        (b"secret\n\n", "secret\n"),
        (b" secret ", " secret "),
        (b"\xef\xbb\xbfsecret", "secret"),
        (b"", ""),
        ("🦆".encode(), "🦆"),
    ],
)
def test_a_file_gives_its_text_without_the_last_line_end(
    tmp_path: Path, content: bytes, text: str
) -> None:
    (tmp_path / "secret").write_bytes(content)

    found, problems = resolved(tmp_path, "${file:secret}")

    assert problems == []
    assert found is not None
    assert (found.text, found.parts, found.is_text) == (text, (text,), False)


def test_a_secret_may_lie_outside_the_project(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    (tmp_path / "project").mkdir()
    (tmp_path / "project/link").symlink_to("../secret")

    texts = [
        resolved(tmp_path / "project", text)[0]
        for text in ("${file:../secret}", f"${{file:{tmp_path}/secret}}", "${file:link}")
    ]

    assert [found and found.text for found in texts] == ["x"] * 3


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("gone", "the file 'gone' cannot be read: No such file or directory"),
        ("", "'' is no file"),
        (".", "'.' is no file"),
        ("folder", "'folder' is no file"),
        ("/dev/zero", "'/dev/zero' is no file"),
        ("pipe", "'pipe' is no file"),
        ("large", "the file 'large' is larger than 1048576 bytes"),
        ("latin", "the file 'latin' is not text in UTF-8"),
        ("nul", "the value of 'file:nul' is not text in UTF-8"),
        ("~nobody-has-this-name/x", "cannot be read"),
        ("a" * 5000, "cannot be read: File name too long"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"x" * (MAX_FILE_BYTES + 1))
    (tmp_path / "latin").write_bytes(b"\xe9")
    (tmp_path / "nul").write_bytes(b"a\0b")

    found, problems = resolved(tmp_path, f"${{file:{name}}}")

    assert found is None
    assert said in problems[0]


def test_a_repr_shows_no_value(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hunter22")

    found, _ = resolved(tmp_path, "x${file:secret}")

    assert "hunter22" not in repr(found)
