"""The beginning of a child process: calls one function and hands back what it says.

It is run as a script by :mod:`dativo.plugins._child` and imports nothing but the standard library,
so that what the function measures and watches is not there before it.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import resource
import sys
import traceback
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["main"]

_RAISED = 70


def main(answers: int, stacks: int) -> None:
    """Do what standard input asks for; *answers* and *stacks* are descriptors to write to."""
    for descriptor in (answers, stacks):
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - or a grandchild keeps the parent waiting
    # A core dump would hold the secrets.
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    asked: dict[str, Any] = json.loads(sys.stdin.buffer.read())
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.path[:] = asked["path"]
    faulthandler.enable(file=stacks)
    faulthandler.dump_traceback_later(asked["seconds"], exit=True, file=stacks)
    code = 0
    try:
        for package, folder in asked["bare"].items():
            _make_bare(package, folder)
        _call(asked["function"], asked["request"], answers)
        os.write(answers, b"end\n")  # an exit code of 0 could be somebody else's
    except BaseException:  # noqa: BLE001 - whatever it is, the parent is told
        traceback.print_exc()
        code = _RAISED
    for file in (sys.stdout, sys.stderr):
        file.flush()
    os._exit(code)  # threads that are left must not keep the parent waiting


def _make_bare(package: str, folder: str) -> None:
    """Let modules of *package* be imported without what its ``__init__`` imports."""
    module = types.ModuleType(package)
    module.__path__ = [folder]
    sys.modules[package] = module


def _call(name: str, request: object, answers: int) -> None:
    module, _, function = name.partition(":")
    found = getattr(importlib.import_module(module), function)(request)
    for answer in found if isinstance(found, Iterator) else (found,):
        data = json.dumps(answer).encode() + b"\n"
        while data:
            data = data[os.write(answers, data) :]


if __name__ == "__main__":
    # Relative to nothing: the folder of this file must not be on the path of what is imported.
    sys.path[:] = [place for place in sys.path if Path(place or ".") != Path(__file__).parent]
    main(int(sys.argv[1]), int(sys.argv[2]))
