from __future__ import annotations

import random
import string
from pathlib import Path

import pytest
from parquet_lake import Lake, ids

from dativo_writer_parquet._layout import epoch_folder, epoch_of, stream_folder

HARMLESS = ["orders", "public.orders", "a", "0", "shop.order_items", "a-b", "x" * 100]

HOSTILE = [
    "",
    ".",
    "..",
    "...",
    "/",
    "//",
    "../x",
    "../../etc/passwd",
    "..\\x",
    "a/../../b",
    "a/..",
    "/etc/passwd",
    "//etc/passwd",
    "./x",
    "x/.",
    "~",
    "~/x",
    "~root",
    "\0",
    "a\0b",
    "../\0",
    "a\nb",
    "a\rb",
    "a\tb",
    "$(touch x)",
    "`touch x`",
    "${HOME}",
    "$HOME",
    "{{ x }}",
    "%2e%2e%2f",
    "%2e%2e/",
    "..%2f",
    "..;/",
    "....//",
    "..\u2215x",
    "\u2025/x",
    "\uff0e\uff0e/x",
    "\u202e",
    "a:b",
    "C:\\x",
    "\\\\host\\share",
    "a*",
    "a?",
    "[a]",
    "a{b,c}",
    "**",
    "-rf",
    "--help",
    "a;b",
    "a|b",
    "a&b",
    "a b",
    " a",
    "a ",
    'a"b',
    "a'b",
    "col=1",
    ".dativo",
    ".hidden",
    "_hidden",
    "a.",
    "x" * 101,
    "x" * 5000,
    "../" * 500,
    "Orders",
    "ORDERS",
    "ä",
    "a\u0308",
    "😀",
    "\ud800",
    "orders~0123456789abcdef0123",
    "a.parquet/..",
]


@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_name_stays_as_it_is(name: str) -> None:
    assert stream_folder(name) == name


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_name_becomes_one_plain_folder(name: str, tmp_path: Path) -> None:
    folder = stream_folder(name)

    assert set(folder) <= set(string.ascii_letters + string.digits + "._-~")
    assert folder[0] in string.ascii_letters + string.digits
    assert ".." not in folder
    assert len(folder) <= 100
    assert (tmp_path / folder).resolve().parent == tmp_path.resolve()
    assert folder != name


def test_at_least_sixty_hostile_names_are_tried() -> None:
    assert len(set(HOSTILE)) >= 60


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_name_is_written_inside_the_lake_only(name: str, tmp_path: Path) -> None:
    lake = Lake(tmp_path / "in" / "lake", stream=name)
    lake.publish(1, ids(1))

    assert lake.numbers() == [1]
    assert [entry.name for entry in tmp_path.iterdir()] == ["in"]
    assert [entry.name for entry in (tmp_path / "in").iterdir()] == ["lake"]
    assert sorted(entry.name for entry in lake.path.iterdir()) == sorted(
        [".dativo", stream_folder(name)]
    )
    assert len(list(lake.path.rglob("*.parquet"))) == 1


def test_names_never_meet_even_without_case() -> None:
    source = random.Random(7)
    alphabet = "aAbB01._-/~ ä😀%"
    names = {"".join(source.choices(alphabet, k=source.randint(0, 12))) for _ in range(50_000)}
    folders = {stream_folder(name).casefold() for name in names | set(HARMLESS) | set(HOSTILE)}

    assert len(folders) == len(names | set(HARMLESS) | set(HOSTILE))


def test_epochs_sort_as_their_names() -> None:
    names = [epoch_folder(epoch) for epoch in (1, 9, 10, 99, 12345, 10**9)]

    assert names == sorted(names)
    assert [epoch_of(name) for name in names] == [1, 9, 10, 99, 12345, 10**9]
    assert epoch_of("epoch-1") is None
    assert epoch_of("epoch-0000000000") is None
