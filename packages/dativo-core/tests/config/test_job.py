from __future__ import annotations

from collections.abc import Callable

import pytest

from dativo.config import Job

Load = Callable[[str | bytes], Job]


def job_of(load: Load, *entries: str) -> Job:
    lines = "".join(f"  - {entry}\n" for entry in entries)
    return load(f"name: a\nsource: {{connector: b}}\nstreams:\n{lines}writer: {{connector: d}}\n")


@pytest.mark.parametrize(
    ("entry", "stream", "taken"),
    [
        ("{name: 'public.*'}", "public.orders", True),
        ("{name: 'public.*'}", "public.", True),
        ("{name: 'public.*'}", "private.orders", False),
        ("{name: 'public.*'}", "Public.orders", False),
        ("{name: 'public.*'}", "publicXorders", False),
        ("{name: '*'}", "any thing\nat all", True),
        ("{name: 'a?c'}", "abc", True),
        ("{name: 'a?c'}", "ac", False),
        ("{name: '[a]*'}", "a", False),
        ("{name: '[a]*'}", "[a]b", True),
        ("{name: orders}", "orders", True),
        ("{name: orders}", "orders2", False),
        ("{name: '*', exclude: ['tmp_*', x]}", "tmp_1", False),
        ("{name: '*', exclude: ['tmp_*', x]}", "x", False),
        ("{name: '*', exclude: ['tmp_*', x]}", "y", True),
        ("{name: orders, query: select 1}", "orders", True),
    ],
)
def test_an_entry_takes_what_it_matches(load: Load, entry: str, stream: str, taken: bool) -> None:
    assert job_of(load, entry).streams[0].matches(stream) is taken


def test_a_name_goes_before_a_pattern_and_the_first_pattern_wins(load: Load) -> None:
    job = job_of(load, "{name: 'o*'}", "{name: '*'}", "{name: orders}")

    taken = [job.select(name) for name in ("orders", "other", "zebra")]

    assert [entry and entry.name for entry in taken] == ["orders", "o*", "*"]
    assert job_of(load, "{name: a}").select("b") is None


def test_options_keep_their_place(load: Load) -> None:
    (stream,) = job_of(load, "{name: a, options: {x: 1}, writer_options: {y: 2}}").streams

    assert stream.options is not None
    assert stream.writer_options is not None
    assert (stream.options.path, stream.options.line) == ("streams[0].options", 4)
    assert stream.writer_options.path == "streams[0].writer_options"


def test_a_repr_shows_no_values(load: Load) -> None:
    job = load(
        "name: a\nsource: {connector: b, config: {password: hunter22}}\n"
        "streams: [{name: c}]\nwriter: {connector: d}\n"
    )

    assert "hunter22" not in repr(job)
