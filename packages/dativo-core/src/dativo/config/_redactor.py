"""Hide secrets by value in whatever is about to be shown."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

from dativo.config._search import Search
from dativo.config._variants import SHORT, variants

__all__ = ["MASK", "RedactingWriter", "Redactor"]

MASK = "****"

_CUT = " ..."


class Redactor:
    """Knows secrets and replaces them; safe to use from several threads.

    A secret of fewer than six characters is hidden only where it stands alone as a word, and
    counted in :attr:`weak`, so that the operator can be warned.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._lock = threading.Lock()
        self._secrets: set[str] = set()
        self._search: Search | None = None
        self._is_current = True
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Hide *secret* from now on, with and without white space around it."""
        found = {secret, secret.strip()} if secret.strip() else set()
        with self._lock:
            if not found <= self._secrets:
                self._secrets |= found
                self._is_current = False

    @property
    def weak(self) -> int:
        """How many secrets are too short to be hidden reliably."""
        with self._lock:
            return sum(len(secret) < SHORT for secret in self._secrets)

    def redact(self, text: str) -> str:
        """Return *text* with every secret replaced by ``****``.

        What was cut off, as its last three dots say, may end within a secret.
        """
        if text.endswith(_CUT):
            return self.split(text.removesuffix(_CUT), is_end=True)[0] + _CUT
        search = self._compiled()
        if search is None or search.probe.search(text) is None:
            return text
        return search.whole.sub(MASK, text)

    def split(self, text: str, start: int = 0, *, is_end: bool = False) -> tuple[str, str]:
        """Return what of ``text[start:]`` can be shown, redacted, and the rest as it is.

        The rest may be the beginning of a secret; with *is_end* nothing follows, and what may
        have been one is hidden.
        """
        search = self._compiled()
        if search is None:
            return text[start:], ""
        end = max(start, search.open_end(text))
        if end == len(text) and search.probe.search(text) is None:
            return text[start:], ""
        matches = search.matches(text)
        end = min([end, *(left for left, right in matches if left < end < right)])
        shown = _mask(text, start, end, matches)
        if not is_end:
            return shown, text[end:]
        tail = _mask(text, end, len(text), matches)
        return shown + (MASK if len(text) - end >= SHORT else tail), ""

    def _compiled(self) -> Search | None:
        if not self._is_current:
            with self._lock:
                self._search = _compile(self._secrets)
                self._is_current = True
        return self._search


class RedactingWriter:
    """Passes text on to *write* with secrets replaced, even one that is split over two writes.

    What may be the beginning of a secret is held back until the next write or :meth:`close`.
    """

    def __init__(self, write: Callable[[str], object], redactor: Redactor) -> None:
        self._write = write
        self._redactor = redactor
        self._before = ""
        self._held = ""
        self._lock = threading.Lock()

    def write(self, text: str) -> int:
        """Take *text*, and pass on what can be shown."""
        with self._lock:
            self._pass_on(text, is_end=False)
        return len(text)

    def flush(self) -> None:
        """Do nothing: a secret must not be shown in two parts."""

    def close(self) -> None:
        """Pass on what was held back, redacted."""
        with self._lock:
            self._pass_on("", is_end=True)

    def _pass_on(self, text: str, *, is_end: bool) -> None:
        known = self._before + self._held + text
        shown, self._held = self._redactor.split(known, len(self._before), is_end=is_end)
        if len(known) > len(self._held):
            self._before = known[len(known) - len(self._held) - 1]
        if shown:
            self._write(shown)


def _compile(secrets: set[str]) -> Search | None:
    long = {secret for secret in secrets if len(secret) >= SHORT}
    texts = {text for secret in long for text in variants(secret) if len(text) >= SHORT}
    words = {text for secret in secrets - long for text in variants(secret)}
    return Search.of(texts, words - texts)


def _mask(text: str, start: int, end: int, matches: list[tuple[int, int]]) -> str:
    parts: list[str] = []
    at = start
    for left, right in matches:
        if start <= left and right <= end:
            parts += (text[at:left], MASK)
            at = right
    return "".join(parts) + text[at:end]
