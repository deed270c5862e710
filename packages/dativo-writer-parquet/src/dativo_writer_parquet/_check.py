"""Trying what publishing needs of the file system, before a run depends on it."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from dativo.contract import CheckItem, ConnectionTestResult, Context, Verdict
from dativo.errors import (
    CapabilityMissingError,
    DativoError,
    DiskFullError,
    StateError,
    WriteFailedError,
)
from dativo_writer_parquet._config import ParquetConfig
from dativo_writer_parquet._errors import explained
from dativo_writer_parquet._layout import Place
from dativo_writer_parquet._publish import can_exchange, fsync_folder, try_lock
from dativo_writer_parquet._records import newest

__all__ = ["check_folder"]

_MIB = 1024 * 1024
_LEAST_FREE_BYTES = 64 * _MIB
_LOW_FREE_BYTES = 1024 * _MIB


def check_folder(config: ParquetConfig, context: Context) -> ConnectionTestResult:
    """Try everything in a folder of our own beside the data, and leave nothing behind."""
    root = config.root
    items: list[CheckItem] = []
    try:
        with explained(root, stream="", phase="check"):
            existing = _existing(root)
            with tempfile.TemporaryDirectory(prefix=".dativo-check-", dir=existing) as name:
                items.append(CheckItem.ok("folder", _about(root, existing)))
                items += [_tried(scope, step, Path(name)) for scope, step in _STEPS]
            items.append(_space(existing, context))
    except DativoError as error:
        items.append(CheckItem.failed("folder", error))
        return ConnectionTestResult(tuple(items))
    items += _streams(root, context)
    return ConnectionTestResult(tuple(items))


def _existing(root: Path) -> Path:
    """Return *root*, or the closest of its parents that exists."""
    existing = next(folder for folder in (root, *root.parents) if os.path.lexists(folder))
    existing.resolve(strict=True)
    return existing


def _about(root: Path, existing: Path) -> str:
    return f"{root} is writable" if root == existing else f"{root} can be created"


def _tried(scope: str, step: Callable[[Path], CheckItem], folder: Path) -> CheckItem:
    try:
        with explained(folder, stream="", phase="check"):
            return step(folder)
    except DativoError as error:
        return CheckItem.failed(scope, error)


def _durable(folder: Path) -> CheckItem:
    descriptor = os.open(folder / "data", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.write(descriptor, b"dativo")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    fsync_folder(folder)
    return CheckItem.ok("durability", "files and folders can be forced to the disk")


def _lock(folder: Path) -> CheckItem:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    first = os.open(folder / "lock", flags, 0o600)
    second = os.open(folder / "lock", flags, 0o600)
    try:
        if try_lock(first) and not try_lock(second):
            return CheckItem.ok("lock", "a second writer is kept out")
        error = WriteFailedError(
            f"the file system of {folder.parent} does not keep a second writer out",
            fix="Use a local file system.",
            retryable=False,
        )
        return CheckItem.failed("lock", error)
    finally:
        fcntl.flock(first, fcntl.LOCK_UN)
        os.close(first)
        os.close(second)


def _exchange(folder: Path) -> CheckItem:
    if can_exchange(folder):
        return CheckItem.ok("replace", "two folders can be exchanged in one step")
    error = CapabilityMissingError(
        f"the file system of {folder.parent} cannot exchange two folders in one step: append mode "
        "works, replace mode is refused, and so are compaction and a full refresh",
        fix="Use a local file system (ext4, xfs, btrfs, tmpfs, APFS), or append mode.",
    )
    return CheckItem("replace", Verdict.PARTIAL, error.message, error)


_STEPS: tuple[tuple[str, Callable[[Path], CheckItem]], ...] = (
    ("durability", _durable),
    ("lock", _lock),
    ("replace", _exchange),
)


def _space(existing: Path, context: Context) -> CheckItem:
    usage = os.statvfs(existing)
    free = usage.f_bavail * usage.f_frsize
    text = f"{free // _MIB:,} MiB are free at {existing}"
    if free < _LEAST_FREE_BYTES:
        return CheckItem.failed("space", DiskFullError(f"only {text}"))
    if free < _LOW_FREE_BYTES:
        context.log(f"only {text}", level="warning")
        return CheckItem.ok("space", f"only {text}")
    return CheckItem.ok("space", text)


def _streams(root: Path, context: Context) -> Iterator[CheckItem]:
    for request in context.streams:
        scope = f"stream {request.stream}"
        place = Place(root, request.stream)
        try:
            with explained(place.data, stream=request.stream, phase="check"):
                yield CheckItem.ok(scope, _published(place, context))
        except DativoError as error:
            yield CheckItem.failed(scope, error)


def _published(place: Place, context: Context) -> str:
    last = newest(place)
    if last is None:
        return f"nothing is published in {place.data} yet"
    commit = last.record.commit
    if context.job_id and commit.job_id != context.job_id:
        raise StateError(
            f"{place.data} belongs to the job {commit.job_id!r}",
            fix="Give this job another path, or its former name back.",
            stream=place.stream,
            phase="check",
        )
    return f"epoch {commit.epoch} of run {commit.run_id} is the newest one in {place.data}"
