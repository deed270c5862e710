from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dativo.errors import UsageError
from dativo.scaffold._files import write_files

FILES = {"a.txt": "one", "deep/er/b.txt": "two", "deep/c.txt": "three\r\n"}


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else b"/"
        for path in folder.rglob("*")
    }


def written() -> dict[str, bytes]:
    return {path: text.encode() for path, text in FILES.items()}


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_is_filled(tmp_path: Path, exists: bool) -> None:
    folder = tmp_path / "some" / "project"
    if exists:
        folder.mkdir(parents=True)

    write_files(folder, FILES)

    assert tree(folder) == {**written(), "deep": b"/", "deep/er": b"/"}
    assert list(folder.parent.iterdir()) == [folder]


def test_files_of_others_stay(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "mine.txt").write_text("mine")

    write_files(tmp_path, FILES)

    assert tree(tmp_path) == {
        **written(),
        "deep": b"/",
        "deep/er": b"/",
        "deep/mine.txt": b"mine",
    }


@pytest.mark.parametrize("taken", ["a.txt", "deep/er/b.txt", "deep", "deep/er"])
def test_nothing_is_overwritten(tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / taken).write_text("mine")
    before = tree(tmp_path)

    with pytest.raises(UsageError, match=f"nothing is overwritten: .*{taken}"):
        write_files(tmp_path, FILES)

    assert tree(tmp_path) == before


def test_a_link_that_leads_nowhere_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "a.txt").symlink_to(tmp_path / "gone")

    with pytest.raises(UsageError, match=r"nothing is overwritten: a\.txt"):
        write_files(tmp_path, FILES)


def test_many_files_in_the_way_are_counted(tmp_path: Path) -> None:
    files = {f"{number}.txt": "" for number in range(8)}
    write_files(tmp_path, files)

    with pytest.raises(UsageError, match="and 3 more"):
        write_files(tmp_path, files)


def test_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(UsageError, match="is there and is no folder"):
        write_files(tmp_path / "file", FILES)


@pytest.mark.parametrize("exists", [True, False])
def test_after_an_error_nothing_is_left(tmp_path: Path, exists: bool) -> None:
    folder = tmp_path / "project"
    if exists:
        folder.mkdir()

    with pytest.raises(OSError, match="File name too long"):
        write_files(folder, {**FILES, "x" * 300: ""})

    assert tree(tmp_path) == ({"project": b"/"} if exists else {})


def test_a_folder_that_somebody_else_uses_meanwhile_stays(tmp_path: Path) -> None:
    class Files(dict[str, str]):
        """Puts a file of somebody else into the new folder while ours are being written."""

        def items(self) -> Any:
            yield from super().items()
            (tmp_path / "deep" / "mine.txt").write_text("mine")
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        write_files(tmp_path, Files(FILES))

    assert tree(tmp_path) == {"deep": b"/", "deep/mine.txt": b"mine"}
