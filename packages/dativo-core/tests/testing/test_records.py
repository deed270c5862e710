from __future__ import annotations

import attrs
import pytest

from dativo.contract import Checkpoint, Commit, CommitRecord, WriteMode
from dativo.testing._about_records import _apart, _plain


def test_short_texts_are_shown_as_they_are() -> None:
    assert _apart("one of them", "the other") == ("one of them", "the other")


@pytest.mark.parametrize("same", [0, 39, 1000])
def test_long_texts_are_shown_from_shortly_before_they_differ(same: int) -> None:
    now, was = _apart("s" * same + "A" + "t" * 900, "s" * same + "B" + "t" * 900)

    for text, letter in ((now, "A"), (was, "B")):
        assert letter in text
        assert text.startswith("... ") == (same > 40)
        assert text.endswith("t ...")
        assert len(text) < 220


def test_the_longer_of_two_texts_says_whether_they_are_cut() -> None:
    now, was = _apart("s" * 1000, "s" * 10)

    assert now.endswith(" ...")
    assert was == "s" * 10


def test_numbers_that_are_equal_and_not_the_same_differ_in_a_record() -> None:
    one = Commit(
        job_id="kit",
        run_id="r",
        fence=1,
        fingerprint={},
        stream="orders",
        epoch=1,
        commit_id="c",
        mode=WriteMode.APPEND,
        checkpoint=Checkpoint({"n": 1}),
    )
    other = attrs.evolve(one, checkpoint=Checkpoint({"n": 1.0}))

    plain = [_plain(CommitRecord(commit=commit, rows=2)) for commit in (one, other)]
    assert [str(record["checkpoint"]) for record in plain] != [str(plain[0]["checkpoint"])] * 2
    assert [record["rows"] for record in plain] == [2, 2]
