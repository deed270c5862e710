from __future__ import annotations

from pathlib import Path

from fault_powercut import Disk, Event

ROOT = Path("/work")


def event(call: str, path: str, other: str = "-", *, data: bytes = b"", flag: int = 0) -> Event:
    return Event(0, call, flag, 0, ROOT / path, ROOT / other, data)


def disk(tmp_path: Path, *events: Event) -> Disk:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "file").write_bytes(b"old")
    found = Disk(tmp_path, stands_for=ROOT)
    for one in events:
        found.apply(one)
    return found


def left(found: Disk, *, keeps_names: bool = False) -> dict[str, bytes | None]:
    return dict(found.cut(keeps_names=keeps_names))


def test_what_is_not_synced_is_gone(tmp_path: Path) -> None:
    found = disk(tmp_path, event("create", "a"), event("write", "a", data=b"text"))

    assert "/a" not in left(found)
    assert left(found, keeps_names=True)["/a"] == b""


def test_a_synced_file_needs_its_name(tmp_path: Path) -> None:
    found = disk(
        tmp_path, event("create", "a"), event("write", "a", data=b"text"), event("fsync", "a")
    )
    assert "/a" not in left(found)

    found.apply(event("fsync", ""))

    assert left(found)["/a"] == b"text"


def test_a_rename_is_in_both_folders_or_in_neither(tmp_path: Path) -> None:
    events = [event("mkdir", "new"), event("fsync", ""), event("rename", "old/file", "new/file")]
    found = disk(tmp_path, *events)
    assert left(found) == {"": None, "/new": None, "/old": None, "/old/file": b"old"}

    found.apply(event("fsync", "new"))

    assert left(found) == {"": None, "/new": None, "/old": None, "/new/file": b"old"}


def test_an_exchange_swaps(tmp_path: Path) -> None:
    events = [event("mkdir", "new"), event("fsync", ""), event("rename", "old", "new", flag=2)]
    found = disk(tmp_path, *events)
    assert "/old/file" in left(found)

    found.apply(event("fsync", ""))

    assert "/new/file" in left(found)


def test_a_deletion_may_come_back(tmp_path: Path) -> None:
    found = disk(tmp_path, event("unlink", "old/file"))
    assert "/old/file" in left(found)

    found.apply(event("fsync", "old"))

    assert "/old/file" not in left(found)
