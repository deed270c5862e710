from __future__ import annotations

import pytest

from dativo.cli._render_words import count, count_of, duration, one_line, size


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "1.0 kB"),
        (12_345_678, "12.3 MB"),
        (999_949, "999.9 kB"),
        (999_960, "1.0 MB"),
        (5e18, "5000.0 PB"),
    ],
)
def test_sizes_are_in_powers_of_ten(number: float, text: str) -> None:
    assert text == size(number)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0.00 s"),
        (0.042, "0.04 s"),
        (4.2, "4.2 s"),
        (59.96, "1 min 00 s"),
        (187, "3 min 07 s"),
        (7500, "2 h 05 min"),
    ],
)
def test_durations_have_the_unit_that_fits(seconds: float, text: str) -> None:
    assert text == duration(seconds)


def test_counts_are_grouped_and_nouns_follow_them() -> None:
    assert count(1_234_567) == "1,234,567"
    assert count_of(1, "row") == "1 row"
    assert count_of(2000, "row") == "2,000 rows"


def test_a_name_cannot_steer_the_terminal() -> None:
    assert one_line("a\x1b[2Jb\r\n  c\td\u202e") == "a\\x1b[2Jb c d\\u202e"
