from __future__ import annotations

import pytest

from dativo.config import read_duration, read_size


@pytest.mark.parametrize(
    ("text", "size_bytes"),
    [
        ("1B", 1),
        ("512MB", 512_000_000),
        ("1.5 GiB", 1_610_612_736),
        ("2KiB", 2048),
        ("3TB", 3 * 10**12),
        ("1KB", 1000),
    ],
)
def test_a_size_has_a_unit(text: str, size_bytes: int) -> None:
    assert read_size(text) == size_bytes


@pytest.mark.parametrize(
    "text", ["", "512", "512mb", "MB", "-1MB", "1e3MB", "1,5GB", "1 PB", "1MB ", "1MBB", "٣MB"]
)
def test_what_is_no_size_says_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="such as 512MB"):
        read_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("2h", 7200), ("1h30m", 5400), ("500ms", 0.5), ("1d", 86_400), ("1.5m", 90)],
)
def test_a_time_has_a_unit(text: str, seconds: float) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "h", "1h 30m", "-1s", "1w", "1H", "1 s", "٣s", "1h30"])
def test_what_is_no_time_says_how_to_write_one(text: str) -> None:
    with pytest.raises(ValueError, match="such as 90s"):
        read_duration(text)
