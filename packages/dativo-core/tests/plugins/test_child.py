from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import pytest

from dativo.plugins import run_child

CODE = """
import os, signal, subprocess, sys, time

def double(request): return request * 2
def count(request): yield from range(request)
def loud(request):
    print("out"); print("err", file=sys.stderr)
    return True
def at_once(request):
    yield os.getpid()
    time.sleep(60)
def killed(request):
    yield "before"
    os.kill(os.getpid(), request)
def leaves(request): os._exit(request)
def breaks(request): raise SystemExit("no luck")
def place(request): return [os.getcwd(), os.environ.get("ACME"), sys.argv, sys.stdin.read()]
def loaded(request):
    import importlib
    return [importlib.import_module(request).__name__, "pyarrow" in sys.modules]
def parent(request):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module for the child, on a path that only this process knows."""
    (tmp_path / "acme_work.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(tmp_path))


def _run(function: str, request: object = None, **options: Any) -> Any:
    return run_child(f"acme_work:{function}", request, **{"seconds": 30, **options})


def test_a_function_gets_its_request_and_hands_back_its_answer() -> None:
    end = _run("double", ["a"])

    assert (end.answer, end.has_ended) == (["a", "a"], True)


def test_each_item_of_a_generator_is_an_answer() -> None:
    told: list[Any] = []

    end = _run("count", 3, on_answer=told.append)

    assert (end.answers, told, end.answer) == ((0, 1, 2), [0, 1, 2], 2)


def test_prints_are_kept_apart_from_answers() -> None:
    end = _run("loud")

    assert (end.answer, end.output, end.errors) == (True, "out\n", "err\n")


def test_a_request_is_no_argument_and_standard_input_is_empty(tmp_path: Path) -> None:
    end = _run("place", {"password": "hunter2-hunter2"}, folder=tmp_path, environ={"ACME": "1"})

    folder, variable, arguments, rest = end.answer
    assert (folder, variable, rest) == (str(tmp_path), "1", "")
    assert "hunter2-hunter2" not in " ".join(arguments)


@pytest.mark.parametrize(
    ("function", "request_", "said"),
    [
        ("leaves", 7, "exit code 7"),
        ("leaves", 0, "exit code 0"),
        ("breaks", None, "exit code 70: SystemExit: no luck"),
        ("gone", None, "has no attribute 'gone'"),
        ("killed", int(signal.SIGKILL), "SIGKILL"),
        ("killed", 64, "SIGRTMAX"),
        ("killed", 50, "signal 50"),
    ],
)
def test_an_end_of_another_kind_is_told(function: str, request_: object, said: str) -> None:
    end = _run(function, request_)

    assert said in end.reason
    assert not end.has_ended


def test_answers_before_a_crash_are_there_with_the_place_of_the_crash() -> None:
    end = _run("killed", int(signal.SIGSEGV))

    assert end.answers == ("before",)
    assert "in killed" in end.stacks


def test_one_that_hangs_is_stopped_and_says_where() -> None:
    end = _run("at_once", seconds=1)

    assert (end.is_late, len(end.answers)) == (True, 1)
    assert end.reason == "it did not end in its time"
    assert "in at_once" in end.stacks


def test_one_that_cannot_watch_its_time_is_stopped_with_its_children(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dativo.plugins._child._GRACE_SECONDS", -29.0)
    started = time.monotonic()

    end = _run("parent")

    assert (end.is_late, end.exit_code) == (True, -signal.SIGKILL)
    assert time.monotonic() - started < 60


def test_what_a_package_imports_is_left_out_where_that_is_asked_for() -> None:
    end = _run("loaded", "dativo.testing._rules", bare=("dativo.testing",))

    assert end.answer == ["dativo.testing._rules", False]


def test_what_is_no_json_is_refused() -> None:
    with pytest.raises(TypeError, match="no JSON value: set"):
        _run("double", {1})


def test_paths_and_mappings_are_made_json() -> None:
    from types import MappingProxyType

    end = _run("count", 1)
    double = _run("place", MappingProxyType({"path": Path("/tmp")}))

    assert end.has_ended
    assert double.has_ended
