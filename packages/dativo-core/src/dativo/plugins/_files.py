"""Load a connector from a Python file that a job names, without installing it."""

from __future__ import annotations

import contextlib
import difflib
import hashlib
import inspect
import os
import stat
import sys
import traceback
from pathlib import Path
from types import ModuleType

from dativo.errors import PluginLoadError, PluginNotFoundError
from dativo.plugins._boundary import describe_exception
from dativo.plugins._origin import Origin
from dativo.plugins._styles import Plugin, has_hooks, is_class_style, plugin_of

__all__ = ["plugin_of_file"]


def plugin_of_file(origin: Origin, file: Path, path: str) -> Plugin:
    """Return the hooks of the object *path* in *file*; of the module itself if *path* is empty.

    The module has a private name, and its folder is not put on ``sys.path``.

    Raises:
        PluginNotFoundError: There is no such file.
        PluginLoadError: It cannot be read or loaded, somebody else could have changed it, or it
            has no such object.
        ContractViolationError: What is found has no hooks.
    """
    module = _loaded(origin, file, _read(origin, file))
    found: object = module
    for at, name in enumerate(path.split(".") if path else ()):
        if not hasattr(found, name):
            missing = ".".join(path.split(".")[: at + 1])
            near = difflib.get_close_matches(name, _candidates(found) or dir(found), n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise origin.failure(f"has no object {missing!r}{hint}")
        found = getattr(found, name)
    if found is module and not has_hooks(module):
        raise _without_hooks(origin, module)
    return plugin_of(origin, found)


def _read(origin: Origin, file: Path) -> bytes:
    """Read a file that nobody but its owner and their group can have changed."""
    try:
        with file.open("rb") as opened:
            status = os.fstat(opened.fileno())
            source = opened.read()
        folder = file.parent.stat()
    except FileNotFoundError as error:
        raise _not_found(origin, file) from error
    except OSError as error:
        raise origin.failure(f"cannot be read: {error.strerror}") from error
    if status.st_mode & stat.S_IWOTH:
        raise _open_to_all(origin, "it", origin.file)
    if folder.st_mode & stat.S_IWOTH and not folder.st_mode & stat.S_ISVTX:
        raise _open_to_all(origin, "its folder", str(file.parent))
    return source


def _not_found(origin: Origin, file: Path) -> PluginNotFoundError:
    near = difflib.get_close_matches(file.name, [path.name for path in file.parent.glob("*.py")])
    hint = f"; did you mean {near[0]!r}?" if near else ""
    msg = f"there is no file {origin.file}{hint}"
    fix = "Name a Python file by its path from the job file's folder, such as ./my_reader.py."
    return PluginNotFoundError(msg, fix=fix, connector=origin.name, phase="load")


def _open_to_all(origin: Origin, what: str, path: str) -> PluginLoadError:
    why = f"is not loaded, because everybody on this machine can change {what}"
    return origin.failure(why, fix=f"chmod o-w {path}")


def _loaded(origin: Origin, file: Path, source: bytes) -> ModuleType:
    """Run *source* as a module; the same text of the same file is run once per process."""
    location = os.path.abspath(file)  # noqa: PTH100 - resolve() would follow symlinks
    digest = hashlib.sha256(location.encode(errors="surrogateescape") + b"\0" + source)
    name = f"_dativo_file_{digest.hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    module = ModuleType(name)
    module.__file__ = location
    try:
        code = compile(source, location, "exec", dont_inherit=True)
        # Annotations of settings classes are looked up in the module by its name.
        sys.modules[name] = module
        with contextlib.redirect_stdout(sys.stderr):
            exec(code, vars(module))  # noqa: S102 - a job that names a file runs it
    except KeyboardInterrupt:
        sys.modules.pop(name, None)
        raise
    except BaseException as error:
        sys.modules.pop(name, None)
        raise origin.failure(f"cannot be loaded: {_where(error, location)}") from error
    return module


def _where(error: BaseException, location: str) -> str:
    """Return what went wrong and in which line of the file."""
    if isinstance(error, SyntaxError) and error.filename == location and error.lineno:
        return f"line {error.lineno}: {error.msg}"
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == location
    ]
    return f"line {lines[-1]}: {describe_exception(error)}" if lines else describe_exception(error)


def _without_hooks(origin: Origin, module: ModuleType) -> Exception:
    candidates = _candidates(module)
    if not candidates:
        return origin.violation("it has no hooks; hooks carry @hookimpl")
    listed = " or ".join(f"{origin.file}:{name}" for name in candidates)
    return origin.violation("the module itself has no hooks", fix=f"Name the object: {listed}.")


def _candidates(found: object) -> list[str]:
    """Return what in a module could be a connector: what it defines itself, not what it imports."""
    if not inspect.ismodule(found):
        return []
    return [
        name
        for name, value in vars(found).items()
        if not name.startswith("_")
        and getattr(value, "__module__", found.__name__) == found.__name__
        and not inspect.isroutine(value)
        and (has_hooks(value) or is_class_style(value))
    ]
