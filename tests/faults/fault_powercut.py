"""A disk that remembers what was synced: it replays a trace and says what a power cut leaves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote_to_bytes

import attrs

__all__ = ["Disk", "Event", "Node", "read_trace"]

_EXCHANGE = 2


@attrs.frozen
class Event:
    """One system call that succeeded, as `shim.c` wrote it down."""

    number: int
    call: str
    flag: int
    offset: int
    path: Path
    other: Path
    data: bytes = attrs.field(repr=False)


def read_trace(file: Path) -> list[Event]:
    """Return the calls of a trace that did not fail."""
    content, place, events = file.read_bytes(), 0, []
    while place < len(content):
        end = content.index(b"\n", place)
        words = content[place:end].split(b" ")
        number, result, flag, offset, length = (int(words[at]) for at in (0, 2, 3, 4, 5))
        one, two = (Path(unquote_to_bytes(word).decode()) for word in words[6:8])
        place = end + 1 + length
        if result >= 0:
            data = content[end + 1 : place]
            events.append(Event(number, words[1].decode(), flag, offset, one, two, data))
    return events


@attrs.define(eq=False)
class Node:
    """A file or a folder: as a process sees it, and as the disk has it for sure."""

    names: dict[str, Node] | None = None
    data: bytearray = attrs.field(factory=bytearray)
    synced_names: dict[str, Node] = attrs.field(factory=dict)
    synced_data: bytes = b""

    def is_synced(self) -> bool:
        """Whether it and all below it are on the disk."""
        if self.names is None:
            return self.synced_data == bytes(self.data)
        return self.synced_names == self.names and all(
            node.is_synced() for node in self.names.values()
        )

    def sync(self) -> None:
        """Put it on the disk; of a folder its names, not what they stand for."""
        self.synced_data = bytes(self.data)
        self.synced_names = dict(self.names or {})


@attrs.frozen
class _Move:
    source: Node
    name: str
    target: Node
    new_name: str
    node: Node
    back: Node | None


class Disk:
    """The files of a *folder*, which stands for the one that a trace is of, before the trace."""

    def __init__(self, folder: Path, *, stands_for: Path) -> None:
        self._root = stands_for.resolve()
        self._top = _loaded(folder)
        self._moves: list[_Move] = []

    def apply(self, event: Event) -> None:
        """Do what the call did."""
        _APPLY[event.call](self, event)

    def find(self, path: Path) -> Node | None:
        """Return what is at *path* now; nothing for a file that was deleted while open."""
        node: Node | None = self._top
        for name in self._parts(path):
            node = None if node is None or node.names is None else node.names.get(name)
        return node

    def write_cut(self, folder: Path, *, keeps_names: bool) -> None:
        """Write what a power cut leaves to *folder*.

        What was not synced is dropped: the content of files, and their names too unless
        *keeps_names*, as a file system may have stored names earlier than content.
        """
        _write(self._top, folder, keeps_names=keeps_names)

    def cut(self, *, keeps_names: bool) -> tuple[tuple[str, bytes | None], ...]:
        """Return the same as values that can be compared; ``None`` stands for a folder."""
        return tuple(_walk(self._top, "", keeps_names=keeps_names))

    def _parts(self, path: Path) -> tuple[str, ...]:
        # The text may hold "..", which the kernel has resolved in the paths of open files.
        parts: list[str] = []
        for name in path.parts:
            if name == "..":
                parts.pop()
            else:
                parts.append(name)
        return Path(*parts).relative_to(self._root).parts

    def _place(self, path: Path) -> tuple[dict[str, Node], Node, str]:
        parts = self._parts(path)
        folder = self.find(self._root.joinpath(*parts[:-1]))
        assert folder is not None, path
        assert folder.names is not None, path
        return folder.names, folder, parts[-1]

    def _create(self, event: Event) -> None:
        names, _, name = self._place(event.path)
        names.setdefault(name, Node())

    def _mkdir(self, event: Event) -> None:
        names, _, name = self._place(event.path)
        names[name] = Node(names={})

    def _write(self, event: Event) -> None:
        if (node := self.find(event.path)) is not None:
            gap = event.offset - len(node.data)
            node.data.extend(b"\0" * max(0, gap))
            node.data[event.offset : event.offset + len(event.data)] = event.data

    def _truncate(self, event: Event) -> None:
        if (node := self.find(event.path)) is not None:
            del node.data[event.offset :]
            node.data.extend(b"\0" * (event.offset - len(node.data)))

    def _unlink(self, event: Event) -> None:
        names, _, name = self._place(event.path)
        names.pop(name, None)

    def _link(self, event: Event) -> None:
        node = self.find(event.path)
        assert node is not None, event
        names, _, name = self._place(event.other)
        names[name] = node

    def _rename(self, event: Event) -> None:
        from_names, source, name = self._place(event.path)
        to_names, target, new_name = self._place(event.other)
        node, there = from_names.pop(name), to_names.get(new_name)
        to_names[new_name] = node
        back = there if event.flag == _EXCHANGE else None
        if back is not None:
            from_names[name] = back
        self._moves.append(_Move(source, name, target, new_name, node, back))

    def _fsync(self, event: Event) -> None:
        node = self.find(event.path)
        if node is None:
            return
        node.sync()
        for move in [move for move in self._moves if node in (move.source, move.target)]:
            # A move is one step of the file system: both folders have it, or neither has.
            self._moves.remove(move)
            if move.source is not node and move.source.synced_names.get(move.name) is move.node:
                del move.source.synced_names[move.name]
                if move.back is not None:
                    move.source.synced_names[move.name] = move.back
            if move.target is not node:
                move.target.synced_names[move.new_name] = move.node


_APPLY = {
    "create": Disk._create,
    "mkdir": Disk._mkdir,
    "write": Disk._write,
    "truncate": Disk._truncate,
    "unlink": Disk._unlink,
    "link": Disk._link,
    "rename": Disk._rename,
    "fsync": Disk._fsync,
}


def _loaded(path: Path) -> Node:
    if not path.is_dir():
        node = Node(data=bytearray(path.read_bytes()))
    else:
        node = Node(names={entry.name: _loaded(entry) for entry in sorted(path.iterdir())})
    node.sync()
    return node


def _walk(node: Node, path: str, *, keeps_names: bool) -> Iterator[tuple[str, bytes | None]]:
    if node.names is None:
        yield path, node.synced_data
        return
    yield path, None
    names = node.names if keeps_names else node.synced_names
    for name in sorted(names):
        yield from _walk(names[name], f"{path}/{name}", keeps_names=keeps_names)


def _write(top: Node, folder: Path, *, keeps_names: bool) -> None:
    for name, data in _walk(top, "", keeps_names=keeps_names):
        path = folder / name.removeprefix("/")
        if data is None:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        else:
            path.write_bytes(data)
