"""Files and folders that are still there after a power cut, and private from the beginning."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

__all__ = ["create", "link", "make_folder", "sync_file", "sync_folder", "write_text"]


def make_folder(path: Path) -> None:
    """Make *path* and its parents; a name is durable when its parent's folder is."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
        sync_folder(folder.parent)


def create(path: Path) -> BinaryIO:
    """Open a new file that only its owner can read."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def write_text(path: Path, text: str) -> None:
    """Put *text* at *path*: after a crash there is the old text or the new one."""
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with create(draft) as file:
        file.write(text.encode())
        sync_file(file)
    draft.replace(path)
    sync_folder(path.parent)


def link(path: Path, target: Path) -> None:
    """Let *path* point to *target* in one step; whoever looks sees the old one or the new one."""
    draft = target.with_name("link.new")
    draft.unlink(missing_ok=True)
    # Relative, so that the whole folder can be moved elsewhere.
    draft.symlink_to(os.path.relpath(target, path.parent))
    draft.replace(path)


def sync_file(file: BinaryIO) -> None:
    """Force the content of *file* to the disk."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(path: Path) -> None:
    """Force the names in *path* to the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
