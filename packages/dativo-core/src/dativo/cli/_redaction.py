"""Taking the secrets of all jobs of this invocation out of what is shown."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

__all__ = ["Redaction", "TextRedactor"]


class TextRedactor(Protocol):
    """What knows the secrets of one job."""

    def redact(self, text: str) -> str:
        """Return *text* without them."""
        ...

    def split(self, text: str) -> tuple[str, str]:
        """Return what of *text* can be shown, redacted, and the rest as it is.

        The rest may be the beginning of a secret.
        """
        ...


class Redaction:
    """All redactors together; it grows while jobs are loaded."""

    def __init__(self) -> None:
        self._redactors: tuple[TextRedactor, ...] = ()

    def add(self, redactor: TextRedactor) -> None:
        """Take secrets of one more job out from now on."""
        self._redactors = (*self._redactors, redactor)

    def text(self, text: str) -> str:
        """Return *text* without secrets."""
        for redactor in self._redactors:
            text = redactor.redact(text)
        return text

    def held(self, text: str) -> int:
        """Return how many characters at the end of *text* may be the beginning of a secret."""
        return max((len(redactor.split(text)[1]) for redactor in self._redactors), default=0)

    def value(self, value: object) -> object:
        """Return *value* as JSON values without secrets; what is no JSON becomes text."""
        if isinstance(value, str):
            return self.text(str(value))
        if value is None or isinstance(value, bool | int):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(item) for key, item in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self.value(item) for item in value]
        return self.text(str(value))
