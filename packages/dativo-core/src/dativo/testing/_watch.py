"""What code does to the machine, seen by Python's audit events.

It imports nothing of Dativo and little else, so that it can begin before everything that is looked
at. Native code that opens sockets or files by itself passes by these events.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

__all__ = ["Watch"]

_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_LOOKUPS = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
_SENDS = ("socket.connect", "socket.sendto", "socket.sendmsg")
_PROGRAMS = (
    "subprocess.Popen",
    "os.system",
    "os.posix_spawn",
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.spawn",
)
_CHANGES = ("os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.chmod", "sqlite3.connect")
_MOVES = ("os.rename", "os.link", "os.symlink")


class Watch:
    """Notes what happens while :meth:`on` is entered.

    Attributes:
        looked_up: Host names that were looked up.
        connected: Where sockets were connected or sent to: host (or path) and port.
        programs: Programs that were started.
        arguments: What these were given, in full.
        written: Paths that were written, made, moved or removed; those of compiled modules, of
            devices and of open descriptors are left out.
        read: Paths that were read.
        libraries: Native libraries that were loaded through ctypes.

    Each is followed by the place in the code that did it.
    """

    def __init__(self) -> None:
        self.looked_up: list[tuple[str, str]] = []
        self.connected: list[tuple[str, int | None, str]] = []
        self.programs: list[tuple[str, str]] = []
        self.arguments: list[tuple[str, str]] = []
        self.written: list[tuple[str, str]] = []
        self.read: list[tuple[str, str]] = []
        self.libraries: list[str] = []
        self._is_on = False
        self._notes = {
            "open": self._see_open,
            "ctypes.dlopen": self._see_library,
            **dict.fromkeys(_LOOKUPS, self._see_lookup),
            **dict.fromkeys(_SENDS, self._see_address),
            **dict.fromkeys(_PROGRAMS, self._see_program),
            **dict.fromkeys((*_CHANGES, *_MOVES), self._see_change),
        }
        sys.addaudithook(self._see)

    @contextmanager
    def on(self) -> Iterator[None]:
        """Note what happens now."""
        self._is_on = True
        try:
            yield
        finally:
            self._is_on = False

    def _see(self, event: str, arguments: tuple[Any, ...]) -> None:
        note = self._notes.get(event) if self._is_on else None
        if note is not None:
            note(event, arguments)

    def _see_lookup(self, _: str, arguments: tuple[Any, ...]) -> None:
        self.looked_up.append((_text(arguments[0]), _place()))

    def _see_program(self, event: str, arguments: tuple[Any, ...]) -> None:
        shown = " ".join([event, *(_text(one) for one in arguments[:1])])
        self.programs.append((shown, _place()))
        # The environment is a mapping, and seen by its owner alone.
        given = [one for one in arguments if isinstance(one, str | bytes | list | tuple)]
        self.arguments.append((" ".join(_words(given)), _place()))

    def _see_library(self, _: str, arguments: tuple[Any, ...]) -> None:
        if arguments[0] is not None:  # the process itself
            self.libraries.append(_text(arguments[0]))

    def _see_change(self, event: str, arguments: tuple[Any, ...]) -> None:
        for path in arguments[: 2 if event in _MOVES else 1]:
            self._see_path(path)

    def _see_open(self, _: str, arguments: tuple[Any, ...]) -> None:
        path, flags = arguments[0], arguments[2]
        if isinstance(path, int):
            return
        if flags & _WRITES:
            self._see_path(path)
        else:
            self.read.append((_text(path), _place()))

    def _see_path(self, path: object) -> None:
        text = _text(path)
        if isinstance(path, int) or text.startswith(("/dev/", "/proc/", ":memory:")):
            return
        if "__pycache__" not in Path(text).parts:
            self.written.append((text, _place()))

    def _see_address(self, _: str, arguments: tuple[Any, ...]) -> None:
        address = arguments[1]
        if isinstance(address, tuple) and len(address) > 1:
            self.connected.append((_text(address[0]), int(address[1]), _place()))
        elif isinstance(address, str | bytes):  # a socket of this machine
            self.connected.append((_text(address), None, _place()))


def _text(value: object) -> str:
    if isinstance(value, bytes | bytearray):
        return value.decode(errors="replace").lstrip("\0")
    return os.fspath(value) if isinstance(value, os.PathLike) else str(value)


def _words(values: Iterable[object]) -> Iterator[str]:
    for value in values:
        if isinstance(value, list | tuple):
            yield from _words(value)
        else:
            yield _text(value)


_KIT = str(Path(__file__).parent)
_STANDARD = str(Path(os.__file__).parent)


def _place() -> str:
    """Return file and line of the innermost code that is not the standard library's."""
    frame: FrameType | None = sys._getframe(2)  # noqa: SLF001 - the only way to it
    while frame is not None:
        file = frame.f_code.co_filename
        is_ours = file.startswith((_KIT, "<"))
        if not is_ours and (not file.startswith(_STANDARD) or "site-packages" in file):
            return f"{'/'.join(Path(file).parts[-2:])}:{frame.f_lineno}"
        frame = frame.f_back
    return "?"
