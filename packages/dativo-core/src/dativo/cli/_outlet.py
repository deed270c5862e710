"""The process's own two outputs, kept apart from what plugins print."""

from __future__ import annotations

import errno
import os
import select
import threading

__all__ = ["Outlet", "open_standard_descriptors"]

_GONE = (errno.EPIPE, errno.EIO, errno.EBADF, errno.ECONNRESET)


class Outlet:
    """A file descriptor to write text to, shaped like a text file.

    A reader that went away is no error: what follows is dropped. Any other failure, such as a
    full disk, is kept in :attr:`failure`, and what follows is dropped too.
    """

    def __init__(self, descriptor: int, encoding: str = "utf-8") -> None:
        self._descriptor = os.dup(descriptor)
        self._lock = threading.Lock()
        self._open = True
        self.encoding = encoding
        self.failure: OSError | None = None

    @property
    def is_open(self) -> bool:
        """Whether anything that is written now may reach somebody."""
        return self._open

    @property
    def is_terminal(self) -> bool:
        """Whether a person reads it."""
        return os.isatty(self._descriptor)

    @property
    def size(self) -> tuple[int, int]:
        """The terminal's columns and lines now; what ``COLUMNS`` and ``LINES`` say goes first."""
        try:
            columns, lines = os.get_terminal_size(self._descriptor)
        except OSError:
            columns, lines = 0, 0
        return _number("COLUMNS") or columns or 80, _number("LINES") or lines or 24

    def can_show(self, text: str) -> bool:
        """Whether the encoding has all characters of *text*."""
        try:
            text.encode(self.encoding)
        except UnicodeEncodeError:
            return False
        return True

    def write(self, text: str) -> int:
        """Write *text*; characters that the encoding lacks come as escapes."""
        data = memoryview(text.encode(self.encoding, "backslashreplace"))
        with self._lock:
            while data and self._open:
                data = data[self._write_some(data) :]
        return len(text)

    def flush(self) -> None:
        """Do nothing: nothing is buffered."""

    def isatty(self) -> bool:
        """Whether a person reads it, in the words of text files."""
        return self.is_terminal

    def _write_some(self, data: memoryview) -> int:
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:
            select.select([], [self._descriptor], [], 1.0)
        except OSError as error:
            self._open = False
            if error.errno not in _GONE:
                self.failure = error
        return 0


def open_standard_descriptors() -> None:
    """Open what the caller has closed of the descriptors 0, 1 and 2.

    Otherwise the next file to be opened, a database perhaps, would become "standard output".
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            found = os.open(os.devnull, os.O_RDWR)
            if found != descriptor:  # a lower one is taken meanwhile
                os.dup2(found, descriptor)
                os.close(found)


def _number(variable: str) -> int:
    value = os.environ.get(variable, "")
    return int(value) if value.isdecimal() else 0
