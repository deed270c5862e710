"""In a child: load a plugin step by step, and say at each step what came of it."""

from __future__ import annotations

import importlib
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dativo.errors import DativoError
from dativo.plugins._boundary import describe_exception
from dativo.plugins._load import build_manifest
from dativo.plugins._load_extension import build_extension_manifest

__all__ = ["load_step_by_step"]

_MAKERS = {"connector": build_manifest, "extension": build_extension_manifest}


def load_step_by_step(request: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield ``step`` before each step, and at last what was raised or the manifest.

    *request* has the plugin's ``name``, ``kind`` and ``value``.
    """
    module = request["value"].partition(":")[0].strip()
    yield {"step": "import"}
    try:
        # Here prints come out where they were meant to go, to be told.
        importlib.import_module(module)
    except BaseException as error:  # noqa: BLE001 - a plugin may raise anything
        yield {"raised": _raised(error)}
        return
    yield {"step": "describe"}
    try:
        made = _MAKERS[request["kind"]](request["name"])
    except DativoError as error:
        cause = error.__cause__
        raised = {} if cause is None or isinstance(cause, DativoError) else _raised(cause)
        yield {"refused": {"message": error.message, "fix": error.fix, "place": _place_of(raised)}}
        return
    yield {"manifest": made.to_json()}


def _raised(error: BaseException) -> dict[str, Any]:
    file, line = _place(error)
    return {
        "text": describe_exception(error),
        "kind": _kind(error),
        "module": getattr(error, "name", None) if isinstance(error, ImportError) else None,
        "file": file,
        "line": line,
    }


def _kind(error: BaseException) -> str:
    for kind in (ModuleNotFoundError, ImportError, SyntaxError, SystemExit):
        if isinstance(error, kind):
            return kind.__name__
    return "other"


def _place(error: BaseException) -> tuple[str, int]:
    """Return where the error is, in the plugin's code and not in that of the import system."""
    if isinstance(error, SyntaxError) and error.filename:
        return error.filename, error.lineno or 0
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith("<") and Path(frame.filename) not in _OURS
    ]
    return (frames[-1].filename, frames[-1].lineno or 0) if frames else ("", 0)


def _place_of(raised: Mapping[str, Any]) -> str:
    return f"{raised['file']}:{raised['line']}" if raised.get("file") else ""


_OURS = {Path(__file__), Path(importlib.__file__ or "")}
