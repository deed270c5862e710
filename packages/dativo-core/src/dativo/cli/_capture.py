"""Whatever plugins and native libraries print, by any way, is redacted and goes to one place.

The descriptors 1 and 2 become pipes; a thread reads them. So a plugin that prints cannot spoil
what the command answers on standard output.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import selectors
import sys
import threading
import time
from collections.abc import Callable

from dativo.cli._redaction import Redaction

__all__ = ["Capture"]

_CHUNK_BYTES = 64 * 1024
_MAX_LINE = 64 * 1024
_SYNC_SECONDS = 2.0
_MIN_HALF = 6


class Capture:
    """Takes over the descriptors 1 and 2 until it is closed.

    Args:
        redaction: Takes secrets out, also those that are written in several pieces.
        show: Is given whole lines; called in the capture's own thread.
    """

    def __init__(self, redaction: Redaction, show: Callable[[str], None]) -> None:
        self._show = show
        self._saved = {descriptor: os.dup(descriptor) for descriptor in (1, 2)}
        self._nowhere = os.open(os.devnull, os.O_WRONLY)
        self._selector = selectors.DefaultSelector()
        self._lines: dict[int, _Lines] = {}
        for descriptor in self._saved:
            reading, writing = os.pipe()
            os.set_blocking(reading, False)
            os.dup2(writing, descriptor)
            os.close(writing)
            self._selector.register(reading, selectors.EVENT_READ)
            self._lines[reading] = _Lines(redaction)
        self._wake_reading, self._wake_writing = os.pipe()
        self._selector.register(self._wake_reading, selectors.EVENT_READ)
        self._drained = threading.Event()
        self._closing = False
        _buffer_by_line()
        self._thread = threading.Thread(target=self._pump, name="dativo-capture", daemon=True)
        self._thread.start()

    def sync(self) -> None:
        """Wait until all that was printed so far is shown."""
        _flush()
        self._drained.clear()
        os.write(self._wake_writing, b".")
        self._drained.wait(_SYNC_SECONDS)

    def close(self, *, silent: bool = False) -> None:
        """Show what is left and give the descriptors back; *silent* points them to nowhere.

        Calling it again does nothing.
        """
        if self._closing:
            return
        _flush()
        for descriptor, saved in self._saved.items():
            os.dup2(self._nowhere if silent else saved, descriptor)
            os.close(saved)
        os.close(self._nowhere)
        self._closing = True
        os.write(self._wake_writing, b".")
        self._thread.join(_SYNC_SECONDS)

    def _pump(self) -> None:
        while not self._closing:
            woken = False
            for key, _ in self._selector.select():
                if key.fd == self._wake_reading:
                    os.read(self._wake_reading, _CHUNK_BYTES)
                    woken = True
                else:
                    self._read(key.fd)
            if woken:
                self._drain()
                self._drained.set()
        for lines in self._lines.values():
            self._tell(lines.rest())

    def _drain(self) -> None:
        deadline = time.monotonic() + _SYNC_SECONDS / 2
        for descriptor in self._lines:
            while self._read(descriptor) and time.monotonic() < deadline:
                pass

    def _read(self, descriptor: int) -> bool:
        try:
            data = os.read(descriptor, _CHUNK_BYTES)
        except BlockingIOError:
            return False
        if not data:  # nobody can write to it any more
            with contextlib.suppress(KeyError):
                self._selector.unregister(descriptor)
            return False
        self._tell(self._lines[descriptor].feed(data))
        return True

    def _tell(self, text: str) -> None:
        # The thread must live on: if nobody read the pipes, a plugin that prints would hang.
        with contextlib.suppress(Exception):
            if text:
                self._show(text)


class _Lines:
    """Pieces of output in, whole redacted lines out."""

    def __init__(self, redaction: Redaction) -> None:
        self._redaction = redaction
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._text = ""

    def feed(self, data: bytes) -> str:
        """Take a piece and return the lines that are complete and cannot hold half a secret."""
        self._text += self._decoder.decode(data)
        end = self._text.rfind("\n") + 1
        if len(self._text) - end > _MAX_LINE:
            end = len(self._text)
        cut = self._whole_lines(end)
        if cut == 0 and end > _MAX_LINE:
            cut = end - self._redaction.held(self._text[:end])
        ready, self._text = self._text[:cut], self._text[cut:]
        return self._redaction.text(ready)

    def _whole_lines(self, end: int) -> int:
        """Return where the last line before *end* begins or ends that cuts no secret in two."""
        while end > 0:
            # A line is shown whole, so what is held back takes the beginning of its line with it,
            # and that may again lie within a secret of several lines.
            line = self._text.rfind("\n", 0, end) + 1
            held = self._redaction.held(self._text[:line])
            if line == end and held == 0:
                break
            end = line - held
        return end

    def rest(self) -> str:
        """Return what is left at the end."""
        ready, self._text = self._text + self._decoder.decode(b"", final=True), ""
        held = self._redaction.held(ready)
        if held >= _MIN_HALF:  # half a secret at the end of everything is not shown either
            return self._redaction.text(ready[:-held]) + "****"
        return self._redaction.text(ready)


def _buffer_by_line() -> None:
    for file in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError, OSError):
            file.reconfigure(line_buffering=True, errors="backslashreplace")  # type: ignore[union-attr] # a plugin may have replaced it


def _flush() -> None:
    for file in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            file.flush()
