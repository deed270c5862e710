"""Trying what publishing needs of an object store, before a run depends on it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from time import monotonic

import attrs

from dativo.contract import CheckItem, ConnectionTestResult, Context
from dativo.errors import CapabilityMissingError, DativoError, StateError, WriteFailedError
from dativo_writer_parquet._config import ParquetConfig
from dativo_writer_parquet._store._keys import PROBES, Keys
from dativo_writer_parquet._store._log import Log
from dativo_writer_parquet._store._objects import Objects, Tag

__all__ = ["check_prefix", "require_conditions"]

_DATA = b"dativo"
_LEAST_SECONDS = 0.1


def check_prefix(config: ParquetConfig, context: Context) -> ConnectionTestResult:
    """Try everything with objects of our own below the prefix, and leave nothing behind."""
    objects = Objects(_in_time(config, context.deadline), context)
    items: list[CheckItem] = []
    key = f"{PROBES}/{secrets.token_hex(8)}"
    for scope, step in _STEPS:
        try:
            items.append(CheckItem.ok(scope, step(objects, key)))
        except DativoError as error:
            items.append(CheckItem.failed(scope, error))
            break
    is_usable = all(item.error is None for item in items)
    if items[0].error is None:  # or nothing was written, and nobody answers
        with suppress(DativoError):  # what removing takes was tried above
            objects.delete([key])
    if is_usable:
        items += _streams(objects, context)
    return ConnectionTestResult(tuple(items))


def _in_time(config: ParquetConfig, deadline: float | None) -> ParquetConfig:
    """Let no request take longer than until *deadline*."""
    if deadline is None:
        return config
    left = max(_LEAST_SECONDS, deadline - monotonic())
    seconds = min(config.storage.timeout_seconds, left)
    return attrs.evolve(config, storage=attrs.evolve(config.storage, timeout_seconds=seconds))


def require_conditions(objects: Objects) -> None:
    """Refuse a store that overwrites what it was asked to create; it costs three requests.

    Raises:
        CapabilityMissingError: It does.
    """
    key = f"{PROBES}/{secrets.token_hex(8)}"
    try:
        _created(objects, key)
    finally:
        objects.delete([key])


def _reached(objects: Objects, key: str) -> str:
    objects.read(key)
    return f"{objects.url} can be reached"


def _written(objects: Objects, key: str) -> str:
    objects.put(key, _DATA)
    found = objects.read(key)
    if found is None or found.data != _DATA:
        raise WriteFailedError(
            f"{objects.name(key)} does not hold what was just written to it", retryable=False
        )
    objects.delete([key])
    if objects.read(key) is not None:
        raise WriteFailedError(
            f"{objects.name(key)} is still there after it was removed", retryable=False
        )
    return "objects can be written, read and removed"


def _created(objects: Objects, key: str) -> str:
    objects.create(key, _DATA)
    if objects.create(key, _DATA + b"2") is not None:
        raise CapabilityMissingError(
            f"the store of {objects.url} overwrites an object that it was asked to create only if "
            "there is none: two runs could publish over each other",
            fix="Use a store, or a version of it, that honours If-None-Match: *.",
        )
    return "a second creation of the same object is refused"


def _exchanged(objects: Objects, key: str) -> str:
    found = objects.read(key)
    tag = Tag(None, None) if found is None else found.tag
    has_first = objects.exchange(key, _DATA + b"3", tag) is not None
    if not has_first or objects.exchange(key, _DATA + b"4", tag) is not None:
        raise CapabilityMissingError(
            f"the store of {objects.url} does not compare the ETag of an object that is updated, "
            "so that no run could lock it",
            fix="Use a store, or a version of it, that honours If-Match.",
        )
    return "an update of an object that has changed is refused"


_STEPS: tuple[tuple[str, Callable[[Objects, str], str]], ...] = (
    ("bucket", _reached),
    ("write", _written),
    ("conditional create", _created),
    ("conditional update", _exchanged),
)


def _streams(objects: Objects, context: Context) -> Iterator[CheckItem]:
    for request in context.streams:
        scope = f"stream {request.stream}"
        try:
            log = Log(objects, Keys(request.stream), context)
            log.open()
            yield CheckItem.ok(scope, _published(log, context))
        except DativoError as error:
            yield CheckItem.failed(scope, error)


def _published(log: Log, context: Context) -> str:
    place = log.objects.name(log.keys.data)
    if log.commit is None:
        return f"nothing is published in {place} yet"
    commit = log.commit.published.record.commit
    if context.job_id and commit.job_id != context.job_id:
        raise StateError(
            f"{place} belongs to the job {commit.job_id!r}",
            fix="Give this job another path, or its former name back.",
            stream=log.keys.stream,
            phase="check",
        )
    return f"epoch {commit.epoch} of run {commit.run_id} is the newest one in {place}"
