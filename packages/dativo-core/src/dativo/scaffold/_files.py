"""Writing a project: all of its files or none, and never over one that is there."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from dativo.errors import UsageError

__all__ = ["write_files"]

_SHOWN = 5


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write *files*, whose keys are paths in *folder*; after an error nothing of them is there.

    Raises:
        UsageError: One of them exists, or *folder* is none.
    """
    _require_free(folder, files)
    if folder.exists():
        _write_into(folder, files)
        return
    draft = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    draft.mkdir(parents=True)
    try:
        _write_into(draft, files)
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _require_free(folder: Path, files: Mapping[str, str]) -> None:
    if os.path.lexists(folder) and not folder.is_dir():
        raise UsageError(f"{folder} is there and is no folder", fix="Choose another --path.")
    taken = [path for path in files if os.path.lexists(folder / path)]
    # A file in the place of a folder is in the way as well.
    taken += [str(path) for path in _folders(files) if _is_file(folder / path)]
    if taken:
        rest = f" and {len(taken) - _SHOWN} more" if len(taken) > _SHOWN else ""
        listed = ", ".join(taken[:_SHOWN]) + rest
        msg = f"{folder} has these files already, and nothing is overwritten: {listed}"
        raise UsageError(msg, fix="Choose another --path, or move them away.")


def _folders(files: Mapping[str, str]) -> set[Path]:
    return {parent for path in files for parent in Path(path).parents if parent != Path()}


def _is_file(path: Path) -> bool:
    return os.path.lexists(path) and not path.is_dir()


def _write_into(folder: Path, files: Mapping[str, str]) -> None:
    """Put each file into its place, and take all of them back if one does not go there."""
    with contextlib.ExitStack() as undo:
        for parent in sorted(_folders(files)):
            if not (folder / parent).exists():
                (folder / parent).mkdir()
                undo.callback(_remove_folder, folder / parent)
        for path, text in files.items():
            with (folder / path).open("x", encoding="utf-8") as file:
                undo.callback((folder / path).unlink, missing_ok=True)
                file.write(text)
        undo.pop_all()


def _remove_folder(path: Path) -> None:
    with contextlib.suppress(OSError):  # somebody else has put something into it
        path.rmdir()
