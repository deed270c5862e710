"""The root of all Dativo errors: an error is data that says what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DativoError"]


class DativoError(Exception):
    """Something went wrong that a person or a scheduler can act on.

    Subclasses set the class attributes; an instance may override ``retryable`` and ``fix``,
    because only the place that raises knows, for example, that this 409 will not go away.

    Args:
        message: What happened and where, in one or two sentences, without secrets.
        fix: What to do about it, as an imperative sentence or a command.
        retryable: Whether the same operation may succeed later without anybody's help.
        retry_after: Seconds to wait before a retry, where the other side named them.
        details: Further facts for machines (a request id, a SQLSTATE); JSON values only.
        connector: The address of the connector in which it happened.
        stream: The stream that was being read or written.
        phase: The operation: ``load``, ``check``, ``discover``, ``extract``, ``write``, ...
    """

    code: ClassVar[str] = "DATIVO_ERROR"
    exit_code: ClassVar[int] = 1
    default_retryable: ClassVar[bool] = False
    default_fix: ClassVar[str] = ""
    summary: ClassVar[str] = "An error of Dativo."

    def __init__(
        self,
        message: str,
        *,
        fix: str | None = None,
        retryable: bool | None = None,
        retry_after: float | None = None,
        details: Mapping[str, object] | None = None,
        connector: str | None = None,
        stream: str | None = None,
        phase: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.fix = self.default_fix if fix is None else fix
        self.retryable = self.default_retryable if retryable is None else retryable
        self.retry_after = retry_after
        self.details: dict[str, object] = dict(details or {})
        self.connector = connector
        self.stream = stream
        self.phase = phase

    def located(
        self,
        *,
        connector: str | None = None,
        stream: str | None = None,
        phase: str | None = None,
    ) -> DativoError:
        """Fill in where it happened, keep what is known already, and return this same error."""
        self.connector = self.connector or connector
        self.stream = self.stream or stream
        self.phase = self.phase or phase
        return self

    def to_dict(self) -> dict[str, object]:
        """Return the error as the JSON object that ``--json`` prints under ``"error"``."""
        return {
            "code": self.code,
            "message": self.message,
            "retryable": self.retryable,
            "retry_after": self.retry_after,
            "connector": self.connector,
            "stream": self.stream,
            "phase": self.phase,
            "fix": self.fix,
            "exit_code": self.exit_code,
            "details": self.details,
        }

    def __str__(self) -> str:
        return self.message
