"""Trying what publishing needs of the file system, before a run depends on it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dativo.contract import CheckItem, ConnectionTestResult, Context, Verdict
from dativo.errors import CapabilityMissingError, DativoError, StateError, WriteFailedError
from dativo_writer_jsonl._config import JsonlConfig
from dativo_writer_jsonl._disk import can_exchange, make_folder, sync_folder, try_lock, write_file
from dativo_writer_jsonl._errors import explained
from dativo_writer_jsonl._layout import Place
from dativo_writer_jsonl._records import newest

__all__ = ["check_folder"]


def check_folder(config: JsonlConfig, context: Context) -> ConnectionTestResult:
    """Try everything in a folder of our own beside the data, and leave nothing behind."""
    root = config.path
    items: list[CheckItem] = []
    try:
        with (
            explained(root),
            _made(root) as about,
            tempfile.TemporaryDirectory(prefix=".dativo-check-", dir=root) as name,
        ):
            items.append(CheckItem.ok("folder", f"{root} {about}"))
            items += [_tried(scope, step, Path(name)) for scope, step in _STEPS]
    except DativoError as error:
        return ConnectionTestResult((*items, CheckItem.failed("folder", error)))
    return ConnectionTestResult((*items, *_streams(root, context)))


@contextmanager
def _made(root: Path) -> Iterator[str]:
    """Make the folder if there is none, and remove what was made afterwards."""
    missing = [folder for folder in (root, *root.parents) if not folder.exists()]
    make_folder(root)
    try:
        yield "can be made" if missing else "is writable"
    finally:
        with suppress(OSError):  # somebody else has begun to use it
            for folder in missing:
                folder.rmdir()


def _tried(scope: str, step: Callable[[Path], CheckItem], folder: Path) -> CheckItem:
    try:
        with explained(folder):
            return step(folder)
    except DativoError as error:
        return CheckItem.failed(scope, error)


def _durable(folder: Path) -> CheckItem:
    write_file(folder / "data", "{}\n")
    sync_folder(folder)
    return CheckItem.ok("durability", "files and folders can be forced to the disk")


def _lock(folder: Path) -> CheckItem:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    first, second = (os.open(folder / "lock", flags, 0o600) for _ in range(2))
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
        os.close(first)
        os.close(second)


def _exchange(folder: Path) -> CheckItem:
    if can_exchange(folder):
        return CheckItem.ok("replace", "two folders can be exchanged in one step")
    error = CapabilityMissingError(
        f"the file system of {folder.parent} cannot exchange two folders in one step: append "
        "works, replace and a full refresh are refused",
        fix="Use a local file system, or append mode.",
    )
    return CheckItem("replace", Verdict.PARTIAL, error.message, error)


_STEPS: tuple[tuple[str, Callable[[Path], CheckItem]], ...] = (
    ("durability", _durable),
    ("lock", _lock),
    ("replace", _exchange),
)


def _streams(root: Path, context: Context) -> Iterator[CheckItem]:
    for request in context.streams:
        place = Place(root, request.stream)
        scope = f"stream {request.stream}"
        try:
            with explained(place.data, stream=request.stream):
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
        )
    return f"epoch {commit.epoch} of run {commit.run_id} is the newest one in {place.data}"
