"""What runs and checks return: frozen values with an exit code and a JSON form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import attrs

from dativo.contract import ConnectionTestResult, Role, StreamOutcome
from dativo.errors import CapabilityMissingError, DativoError, PartialFailureError

__all__ = [
    "CheckReport",
    "ConnectorCheck",
    "RunResult",
    "StreamOutcome",
    "StreamResult",
    "error_of",
]


@attrs.frozen(kw_only=True)
class StreamResult:
    """What one run did for one stream.

    Attributes:
        stream: The stream's name.
        outcome: How it ended.
        rows: Records that this run published.
        size_bytes: Bytes that this run published.
        epochs: Commits that this run made; 0 for an empty increment.
        files: Files that this run published.
        attempts: Tries that it took.
        seconds: From the first try to the end.
        recovered: The state was behind the published data and was rolled forward first.
        notes: How the source read it, where it says so.
        error: What went wrong, unless it is done.
    """

    stream: str
    outcome: StreamOutcome
    rows: int = 0
    size_bytes: int = 0
    epochs: int = 0
    files: int = 0
    attempts: int = 0
    seconds: float = 0.0
    recovered: bool = False
    notes: tuple[str, ...] = ()
    error: DativoError | None = None

    def to_dict(self) -> dict[str, object]:
        """Return JSON values."""
        fields = attrs.asdict(self, recurse=False)
        fields["outcome"] = self.outcome.value
        fields["seconds"] = round(self.seconds, 3)
        fields["notes"] = list(self.notes)
        fields["error"] = None if self.error is None else self.error.to_dict()
        return fields


@attrs.frozen(kw_only=True)
class RunResult:
    """What one run of one job did; ``snapshots`` counts how often the source's view was opened."""

    job: str
    run_id: str
    streams: tuple[StreamResult, ...]
    seconds: float = 0.0
    snapshots: int = 0
    interrupted: bool = False

    @property
    def ok(self) -> bool:
        """Whether every stream is done."""
        return all(stream.outcome is StreamOutcome.DONE for stream in self.streams)

    @property
    def rows(self) -> int:
        """Records that this run published."""
        return sum(stream.rows for stream in self.streams)

    @property
    def size_bytes(self) -> int:
        """Bytes that this run published."""
        return sum(stream.size_bytes for stream in self.streams)

    @property
    def error(self) -> DativoError | None:
        """The one error of the run: a stream's own if all failed alike, else a partial failure."""
        if self.interrupted:
            return next((one.error for one in self.streams if one.error is not None), None)
        return error_of(self.streams)

    @property
    def exit_code(self) -> int:
        """The exit code of design section 5."""
        error = self.error
        return 0 if error is None else error.exit_code

    def to_dict(self) -> dict[str, object]:
        """Return JSON values."""
        error = self.error
        return {
            "ok": self.ok,
            "job": self.job,
            "run_id": self.run_id,
            "rows": self.rows,
            "size_bytes": self.size_bytes,
            "seconds": round(self.seconds, 3),
            "snapshots": self.snapshots,
            "streams": [stream.to_dict() for stream in self.streams],
            "error": None if error is None else error.to_dict(),
        }


class _Part(Protocol):
    """What was done for one stream."""

    @property
    def stream(self) -> str: ...

    @property
    def error(self) -> DativoError | None: ...


def error_of(parts: Sequence[_Part]) -> DativoError | None:
    """Return the one error of all *parts*: their own if all failed alike, else the sum."""
    errors = {part.stream: part.error for part in parts if part.error is not None}
    if not errors:
        return None
    found = list(errors.values())
    if len(found) == len(parts) and len({error.code for error in found}) == 1:
        return found[0]
    return PartialFailureError(
        f"{len(found)} of {len(parts)} streams failed: {', '.join(errors)}",
        retryable=all(error.retryable for error in found),
    )


@attrs.frozen(kw_only=True)
class ConnectorCheck:
    """The check of one side of a job, or of an extension of it."""

    role: Role | Literal["extension"]
    connector: str
    result: ConnectionTestResult
    seconds: float = 0.0


@attrs.frozen(kw_only=True)
class CheckReport:
    """The check of one job: each side that could be checked."""

    job: str
    checks: tuple[ConnectorCheck, ...]

    @property
    def ok(self) -> bool:
        """Whether every side was checked and passed; nothing checked is no pass."""
        return bool(self.checks) and all(check.result.is_ok for check in self.checks)

    @property
    def error(self) -> DativoError | None:
        """The first failed item's error, or ``None``."""
        for check in self.checks:
            for item in check.result.items:
                if item.error is not None:
                    return item.error
        if self.ok:
            return None
        return CapabilityMissingError("nothing was checked; that is not a pass", phase="check")

    @property
    def exit_code(self) -> int:
        """The exit code of the first failed item."""
        error = self.error
        return 0 if error is None else error.exit_code

    def to_dict(self) -> dict[str, object]:
        """Return JSON values."""
        error = self.error
        return {
            "ok": self.ok,
            "job": self.job,
            "checks": [_check_dict(check) for check in self.checks],
            "error": None if error is None else error.to_dict(),
        }


def _check_dict(check: ConnectorCheck) -> dict[str, object]:
    return {
        "role": str(check.role),
        "connector": check.connector,
        "verdict": check.result.verdict.value,
        "seconds": round(check.seconds, 3),
        "items": [
            {
                "scope": item.scope,
                "verdict": item.verdict.value,
                "message": item.message,
                "fix": item.fix,
                "error": None if item.error is None else item.error.to_dict(),
            }
            for item in check.result.items
        ],
    }
