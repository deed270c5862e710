"""The C library's calls, failing on demand or written down: `shim.c`, compiled when needed."""

from __future__ import annotations

import atexit
import functools
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

__all__ = ["missing_shim", "shim_variables"]

_SOURCE = Path(__file__).with_name("shim.c")
_COMPILING = threading.Lock()


def missing_shim() -> str | None:
    """Return why the shim cannot be used here, ``None`` if it can."""
    if _compiler() is None:
        return "no C compiler"
    with _COMPILING:
        return _compiled()[1]


def shim_variables(
    root: Path,
    *,
    room: int | None = None,
    fail: str | None = None,
    trace: Path | None = None,
    clock: int | None = None,
) -> dict[str, str | None]:
    """Return the environment in which calls below *root* fail or are traced; see ``shim.c``."""
    with _COMPILING:
        library, why = _compiled()
    assert why is None, why
    return {
        "LD_PRELOAD": str(library),
        "SHIM_ROOT": str(root.resolve()),
        "SHIM_ROOM": None if room is None else str(room),
        "SHIM_FAIL": fail,
        "SHIM_CLOCK": None if clock is None else str(clock),
        "SHIM_TRACE": None if trace is None else str(trace),
    }


def _compiler() -> str | None:
    return shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")


@functools.cache
def _compiled() -> tuple[Path, str | None]:
    """Return the library, and why it does not work."""
    folder = Path(tempfile.mkdtemp(prefix="dativo-fault-shim-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    library = folder / "shim.so"
    command = [_compiler() or "cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(_SOURCE)]
    done = subprocess.run(
        [*command, "-ldl", "-lpthread"], capture_output=True, text=True, check=False
    )
    why = None if done.returncode == 0 else f"shim.c does not compile: {done.stderr[:200]}"
    return library, why
