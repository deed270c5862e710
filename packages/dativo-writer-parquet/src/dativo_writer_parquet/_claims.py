"""Who may publish a stream: the claim of the newest run, and the marks of living sessions."""

from __future__ import annotations

import functools
import json
import os
import re
import secrets
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs

from dativo.errors import ConcurrencyError, StateUnreadableError
from dativo_writer_parquet._layout import Place
from dativo_writer_parquet._publish import read_small, remove_tree, try_lock, write_durably

__all__ = [
    "Claim",
    "Workspace",
    "has_sessions",
    "open_workspace",
    "publish_claim",
    "read_claim",
    "sweep",
]

_FORMAT = 1
_ALIVE = ".alive"
_SESSION = re.compile(r"[^.-]+")


@attrs.frozen(kw_only=True)
class Claim:
    """The run that may publish; every later run must have a higher fence."""

    job_id: str
    run_id: str
    fence: int
    host: str = ""
    pid: int = 0

    @classmethod
    def own(cls, *, job_id: str, run_id: str, fence: int) -> Claim:
        """Return the claim of this process."""
        return cls(job_id=job_id, run_id=run_id, fence=fence, host=_host(), pid=os.getpid())

    def is_same_run(self, other: Claim) -> bool:
        """Whether both are of one run; its sessions do not fence each other."""
        mine = self.job_id, self.run_id, self.fence
        return mine == (other.job_id, other.run_id, other.fence)

    def told_to(self, job_id: str) -> Mapping[str, object]:
        """Return the details of an error; only a run of the same job may go above the fence."""
        about: dict[str, object] = {"holder": attrs.asdict(self)}
        return {**about, "fence": self.fence} if self.job_id == job_id else about

    def __str__(self) -> str:
        place = f" (pid {self.pid} on {self.host})" if self.pid else ""
        return f"run {self.run_id} of job {self.job_id}, fence {self.fence}{place}"


@functools.cache
def _host() -> str:
    return socket.gethostname()


def read_claim(place: Place) -> Claim | None:
    """Return the newest claim on the stream, ``None`` if nobody ever made one.

    Raises:
        StateUnreadableError: There is a claim that cannot be read.
    """
    try:
        text = read_small(place.claim)
    except FileNotFoundError:
        return None
    try:
        return _parsed(text)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StateUnreadableError(
            f"the claim {place.claim} is damaged: {error!r}",
            fix=f"Make sure that no run is in progress, then remove {place.claim}.",
            stream=place.stream,
            phase="write",
        ) from error


def _parsed(text: bytes) -> Claim:
    document = json.loads(text)
    found = document.pop("format")
    if found != _FORMAT:
        raise ValueError(f"format {found}")
    return Claim(**document)


def publish_claim(place: Place, claim: Claim, holder: Claim | None) -> None:
    """Make *claim* the newest one, durably; call it under the lock.

    Raises:
        ConcurrencyError: *holder* is a run of another job, or one whose fence is not lower.
    """
    # Fences of two jobs cannot be compared: the first one stays.
    if holder is not None and not (
        claim.is_same_run(holder) or (claim.job_id == holder.job_id and claim.fence > holder.fence)
    ):
        raise ConcurrencyError(
            f"{place.data} is claimed by {holder}; this is run {claim.run_id} of job "
            f"{claim.job_id} with fence {claim.fence}, which is not above it",
            details=holder.told_to(claim.job_id),
            stream=place.stream,
            phase="write",
        )
    document = {"format": _FORMAT, **attrs.asdict(claim)}
    write_durably(place.claim, json.dumps(document, sort_keys=True))


@attrs.frozen
class Workspace:
    """A session's names in the folder of what is staged; its mark tells the living from the dead.

    Attributes:
        folder: The folder, which other sessions of the stream share.
        session: What all names of the session begin with, up to a dot or a dash.
        descriptor: The mark, locked.
    """

    folder: Path
    session: str
    descriptor: int

    def close(self) -> None:
        """Remove the mark; call it when nothing is staged any more."""
        _mark_of(self.folder, self.session).unlink(missing_ok=True)
        os.close(self.descriptor)


def open_workspace(place: Place) -> Workspace:
    """Take names that a sweep will leave alone while this process lives; call it under the lock."""
    session = secrets.token_hex(8)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(_mark_of(place.staging, session), flags, 0o600)
    try:
        try_lock(descriptor)
    except BaseException:
        os.close(descriptor)
        raise
    return Workspace(place.staging, session, descriptor)


def sweep(place: Place) -> int:
    """Remove what sessions of dead processes have left, and return of how many.

    Call it under the lock: otherwise it could take a session that is just being opened.
    """
    left: dict[str, list[Path]] = {}
    for path in place.staging.iterdir():
        session = _SESSION.match(path.name)
        left.setdefault(session[0] if session else path.name, []).append(path)
    return sum(_swept(place.staging, session, paths) for session, paths in sorted(left.items()))


def has_sessions(place: Place) -> bool:
    """Whether a living session has the stream open; call it after :func:`sweep`."""
    return any(place.staging.iterdir())


def _swept(folder: Path, session: str, paths: Sequence[Path]) -> bool:
    mark = _mark_of(folder, session)
    descriptor = os.open(mark, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not try_lock(descriptor):
            return False
        remove_tree(*(path for path in paths if path != mark))
        mark.unlink(missing_ok=True)
        return True
    finally:
        os.close(descriptor)


def _mark_of(folder: Path, session: str) -> Path:
    return folder / f"{session}{_ALIVE}"
