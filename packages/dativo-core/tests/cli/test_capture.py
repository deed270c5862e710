from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from dativo.cli._capture import _Lines
from dativo.cli._redaction import Redaction
from dativo.config import Redactor

SECRET = "correct-horse-battery"
PEM = "-----BEGIN KEY-----\nMIIBVwIBADANBgkqhkiG\n9w0BAQEFAASCAUEwggE9\n-----END KEY-----"


@pytest.fixture
def lines(redaction: Redaction) -> _Lines:
    redaction.add(Redactor([SECRET, PEM]))
    return _Lines(redaction)


def test_whole_lines_are_passed_on_and_the_rest_waits(lines: _Lines) -> None:
    assert lines.feed(b"one\ntw") == "one\n"
    assert lines.feed("ö\n".encode()[:2]) == ""
    assert lines.feed("ö\n".encode()[2:]) == "twö\n"
    assert lines.rest() == ""


@pytest.mark.parametrize("at", range(1, len(SECRET)))
def test_a_secret_in_two_pieces_is_not_shown(lines: _Lines, at: int) -> None:
    shown = lines.feed(b"is " + SECRET[:at].encode()) + lines.feed(f"{SECRET[at:]}!\n".encode())

    assert shown == "is ****!\n"


@pytest.mark.parametrize("at", range(1, len(PEM), 7))
def test_a_secret_of_several_lines_in_two_pieces_is_not_shown(lines: _Lines, at: int) -> None:
    shown = lines.feed(PEM[:at].encode()) + lines.feed(f"{PEM[at:]}\n".encode()) + lines.rest()

    assert not [line for line in PEM.splitlines() if line in shown]


def test_half_a_secret_at_the_end_is_not_shown(lines: _Lines) -> None:
    assert lines.feed(f"x {SECRET[:12]}".encode()) == ""
    assert lines.rest() == "x ****"


def test_a_few_characters_at_the_end_are_shown(lines: _Lines) -> None:
    assert lines.feed(b"abc") == ""
    assert lines.rest() == "abc"


def test_a_line_without_end_is_cut(lines: _Lines) -> None:
    assert len(lines.feed(b"x" * 200_000)) == 200_000


SCRIPT = """
import json, os, subprocess, sys
from dativo.cli._capture import Capture
from dativo.cli._redaction import Redaction
shown = []
real = os.dup(1)
capture = Capture(Redaction(), shown.append)
print("python")
sys.stderr.write("error\\n")
os.write(1, b"native\\n")
subprocess.run(["sh", "-c", "echo child; echo child2 >&2"], check=True)
capture.sync()
synced = "".join(shown)
sys.stdout.write("unfinished")
{before_close}
capture.close({how})
capture.close()
print("after")
sys.stdout.flush()
os.write(real, json.dumps([synced, "".join(shown)]).encode())
"""


def _run(tmp_path: Path, *, before_close: str = "", how: str = "") -> tuple[str, list[str]]:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(before_close=before_close, how=how))
    done = subprocess.run(
        [sys.executable, script], capture_output=True, check=True, timeout=30, text=True
    )
    start = done.stdout.index("[")
    return done.stdout[:start], json.loads(done.stdout[start:])


def test_every_way_of_printing_is_captured(tmp_path: Path) -> None:
    after, (synced, shown) = _run(tmp_path)

    assert sorted(synced.split()) == ["child", "child2", "error", "native", "python"]
    assert shown.endswith("unfinished")
    assert after == "after\n"


def test_a_silent_end_shows_nothing_of_what_comes_later(tmp_path: Path) -> None:
    after, (_, shown) = _run(tmp_path, how="silent=True")

    assert after == ""
    assert "after" not in shown


def test_a_plugin_may_close_the_descriptors(tmp_path: Path) -> None:
    after, (_, shown) = _run(tmp_path, before_close="sys.stdout.flush(); os.close(1)")

    assert after == "after\n"
    assert "unfinished" in shown
