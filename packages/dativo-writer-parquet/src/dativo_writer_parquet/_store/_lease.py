"""The lock on a whole prefix: an object that one run holds by renewing it.

Each renewal writes something else, on the condition that nobody else has written since. A holder
that was silent for the length of the lease, by the clock of the store, may be taken over. The
object is never removed: that could not be made conditional.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any

import attrs

from dativo.contract import LEASE_SECONDS, Context, failpoint
from dativo.errors import DativoError, ServiceUnavailableError, StateLockedError
from dativo_writer_parquet._config import ParquetConfig
from dativo_writer_parquet._store._keys import lease_key
from dativo_writer_parquet._store._objects import Found, Objects, Tag
from dativo_writer_parquet._store._process import is_gone, mark

__all__ = ["Lease", "locked_prefix"]

_BEATS_PER_LEASE = 6
_ATTEMPTS = 20


@attrs.frozen
class _Content:
    """What the object says."""

    token: str
    is_free: bool
    process: str
    holder: Mapping[str, object]


class Lease:
    """A lock that is held; ``is_held`` says whether somebody has taken it over since."""

    def __init__(self, objects: Objects, context: Context, *, lease_seconds: float) -> None:
        self._objects = objects
        self._context = context
        self._key = lease_key(context.job_id)
        self._token = secrets.token_hex(8)
        self._since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self._seconds = lease_seconds
        self._tag = Tag(None, None)
        self._beats = 0
        self._is_held = False
        self._renewed = 0.0
        self._beating = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._renew, name="dativo-lease", daemon=True)

    def is_held(self) -> bool:
        """Whether nobody has taken it over; asks the store if the last renewal is too old."""
        if self._is_held and time.monotonic() - self._renewed > self._seconds:
            with suppress(DativoError):
                self._beat()
        return self._is_held and time.monotonic() - self._renewed <= self._seconds

    def acquire(self) -> None:
        """Take the lock.

        Raises:
            StateLockedError: Another run holds it; the message names its process.
        """
        for _ in range(_ATTEMPTS):
            started = time.monotonic()
            tag = self._context.retry(self._try)
            if isinstance(tag, _Content):  # not inside the retry: it would wait for the other run
                raise _locked(self._context.job_id, self._objects.url, tag.holder)
            if tag is not None:
                self._tag, self._is_held, self._renewed = tag, True, started
                self._thread.start()
                return
        raise ServiceUnavailableError(f"{self._objects.name(self._key)} changes again and again")

    def release(self) -> None:
        """Give the lock back; the object stays, and says that it is free."""
        self._ended.set()
        self._thread.join()
        if self._is_held:
            self._is_held = False
            with suppress(DativoError):  # then the lease ends by itself
                self._objects.exchange(self._key, self._text(is_free=True), self._tag)

    def _try(self) -> Tag | _Content | None:
        """Return the tag of the lock, what its holder says, or nothing if it has just changed."""
        found = self._objects.look(self._key)
        if found is None:
            return self._objects.create(self._key, self._text())
        content = _parsed(found.data)
        if content.token == self._token:  # an earlier try has come through after all
            return found.tag
        if not content.is_free and not is_gone(content.process) and not self._is_silent(found):
            return content
        return self._objects.exchange(self._key, self._text(), found.tag)

    def _is_silent(self, found: Found) -> bool:
        """Compare with an object that is written now: both times are the store's."""
        key = f"{self._key}.{self._token}"
        self._objects.put(key, b"")
        try:
            now = self._objects.read(key)
        finally:
            self._objects.delete([key])
        age = timedelta(0) if now is None else now.modified - found.modified
        return age > timedelta(seconds=self._seconds)

    def _renew(self) -> None:
        while self._is_held and not self._ended.wait(self._seconds / _BEATS_PER_LEASE):
            # The next beat may come through; if none does, the fence protects.
            with suppress(DativoError):
                self._beat()

    def _beat(self) -> None:
        with self._beating:
            started = time.monotonic()
            tag = self._objects.exchange(self._key, self._text(), self._tag)
            if tag is None:  # an earlier beat may count although its answer was lost
                found = self._objects.look(self._key)
                is_ours = found is not None and _parsed(found.data).token == self._token
                tag = found.tag if found is not None and is_ours else None
            if tag is None:
                self._is_held = False
                self._context.log("another run took the lock over", level="warning")
            else:
                self._tag, self._renewed = tag, started

    def _text(self, *, is_free: bool = False) -> bytes:
        self._beats += 1  # so that no two contents, and no two tags, are the same
        holder = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": self._since,
            "job": self._context.job_id,
            "run": self._context.run_id,
        }
        content: dict[str, object] = {
            "token": self._token,
            "beat": self._beats,
            "free": is_free,
            "process": mark(),
            "holder": holder,
        }
        return json.dumps(content).encode()


@contextmanager
def locked_prefix(
    config: ParquetConfig, context: Context, *, lease_seconds: float = LEASE_SECONDS
) -> Iterator[Lease]:
    """Hold the lock of ``context.job_id`` below the prefix.

    Raises:
        StateLockedError: Another run of the job holds it; the message names its process.
    """
    lease = Lease(Objects(config, context), context, lease_seconds=lease_seconds)
    lease.acquire()
    try:
        failpoint("parquet.store.locked")
        yield lease
    finally:
        lease.release()


def _parsed(data: bytes) -> _Content:
    """Read the object; a damaged one is nobody's."""
    try:
        document: Any = json.loads(data)
        return _Content(
            token=document["token"],
            is_free=document["free"],
            process=document["process"],
            holder=dict(document["holder"]),
        )
    except (ValueError, LookupError, TypeError):
        return _Content("", is_free=False, process="", holder={})


def _locked(job: str, url: str, found: Mapping[str, object]) -> StateLockedError:
    holder = {"pid": "?", "host": "?", "since": "?", **found}
    who = "process {pid} on {host} since {since}".format_map(holder)
    text = f"another run of job {job!r} in {url} is in progress: {who}"
    return StateLockedError(text, details=holder, phase="lock")
