from __future__ import annotations

from typing import Any

import pytest
from bench import config_of, read, read_new, stream
from dativo_connector_restjson._config import Bound, SentAs
from dativo_connector_restjson._paging_config import NextLink
from fake_api import FakeApi

from dativo.contract import Checkpoint
from dativo.errors import (
    CapabilityMissingError,
    DataValidationError,
    InvalidConfigError,
    SchemaValidationError,
    StateError,
)

FIELDS = {"id": "int64", "updated_at": "timestamp"}


def at(second: int, **about: Any) -> dict[str, Any]:
    return {
        "id": second,
        "updated_at": f"2026-01-01T00:{second // 60:02}:{second % 60:02}Z",
        **about,
    }


def things(**about: Any) -> Any:
    incremental = {"field": "updated_at", "param": "since", **about.pop("incremental", {})}
    return stream(
        "/next/things",
        **{
            "records": "rows",
            "paging": {"next_link": NextLink(link="links.next")},
            "primary_key": ("id",),
            "fields": FIELDS,
            "incremental": incremental,
            **about,
        },
    )


def test_the_second_read_gives_what_is_new_and_nothing_twice(api: FakeApi) -> None:
    config = config_of(api, {"things": things()})
    api.add("things", *(at(second) for second in range(10)))
    (first,) = read_new(config).checkpoints

    api.add("things", {"id": 90, **_time(9)}, at(10))
    second = read_new(config, first)
    third = read_new(config, second.checkpoints[-1])

    assert second.column("id") == [90, 10]
    assert third.column("id") == []
    assert third.checkpoints == second.checkpoints


def test_the_server_is_asked_from_the_newest_value_on(api: FakeApi) -> None:
    config = config_of(api, {"things": things()})
    api.add("things", *(at(second) for second in range(10)))
    (first,) = read_new(config).checkpoints
    api.requests.clear()

    read_new(config, first)

    assert [query["since"] for _, query, _ in api.requests] == ["2026-01-01T00:00:09Z"]


def test_a_record_that_changed_comes_again(api: FakeApi) -> None:
    config = config_of(api, {"things": things()})
    api.add("things", at(1, name="a"), at(2, name="b"))
    (first,) = read_new(config).checkpoints

    api.records["things"][1] = api.records["things"][1].replace('"b"', '"c"')

    assert read_new(config, first).column("_extra") == ['{"name":"c"}']


@pytest.mark.parametrize("ascending", [True, False])
@pytest.mark.parametrize("bound", list(Bound))
def test_ties_are_never_lost_wherever_a_read_is_cut(
    api: FakeApi, bound: Bound, ascending: bool
) -> None:
    param = "since" if bound is Bound.INCLUSIVE else "after"
    about = {"bound": bound, "param": param, "ascending": ascending}
    config = config_of(api, {"things": things(incremental=about)})
    api.add("things", *({"id": number, **_time(number // 4)} for number in range(14)))
    whole = read_new(config)
    assert len(whole.checkpoints) == (5 if ascending else 1)

    for number, checkpoint in enumerate(whole.checkpoints):
        before = (
            [one for part in whole.batches[: number + 1] for one in _ids(part)]
            if ascending
            else _ids(*whole.batches)
        )
        api.add("things", {"id": 100 + number, **_time(3)})
        after = read_new(config, checkpoint).column("id")
        expected = [*range(14), *(100 + seen for seen in range(number + 1))]

        assert sorted({*before, *after}) == expected
        assert not {*before} & {*after}


def test_a_list_that_is_not_ascending_is_noticed(api: FakeApi) -> None:
    config = config_of(api, {"things": things(incremental={"ascending": True})})
    api.add("things", *(at(second) for second in (1, 2, 3, 9, 8)))

    with pytest.raises(DataValidationError, match="ascending"):
        read_new(config)


def test_the_overlap_finds_records_that_appear_late(api: FakeApi) -> None:
    config = config_of(api, {"things": things(incremental={"overlap": 60})})
    api.add("things", *(at(second) for second in (0, 100, 200)))
    (first,) = read_new(config).checkpoints

    api.add("things", at(150), at(130))

    assert read_new(config, first).column("id") == [150]


def test_a_server_without_a_filter_is_read_in_full_and_cut_here(api: FakeApi) -> None:
    config = config_of(api, {"things": things(incremental={"param": None})})
    api.add("things", *(at(second) for second in range(6)))
    (first,) = read_new(config).checkpoints
    api.add("things", at(6))

    assert read_new(config, first).column("id") == [6]


@pytest.mark.parametrize(
    ("sent_as", "expected"),
    [
        (SentAs.ISO, "2026-01-01T00:00:01.500000Z"),
        (SentAs.UNIX_SECONDS, "1767225601"),
        (SentAs.UNIX_MILLISECONDS, "1767225601500"),
    ],
)
def test_a_time_is_sent_as_the_server_wants_it(
    api: FakeApi, sent_as: SentAs, expected: str
) -> None:
    about = things(incremental={"sent_as": sent_as, "param": "newer_than"})
    config = config_of(api, {"things": about})
    api.add("things", {"id": 1, "updated_at": "2026-01-01T00:00:01.5Z"})
    (first,) = read_new(config).checkpoints
    api.requests.clear()

    read_new(config, first)

    assert api.requests[0][1]["newer_than"] == expected


def test_the_start_bounds_the_first_read_and_not_the_columns(api: FakeApi) -> None:
    about = things(incremental={"start": "2026-01-01T00:00:04"}, fields={})
    api.add("things", {**at(1), "name": "a"}, at(4), at(5))

    result = read_new(config_of(api, {"things": about}))
    assert result.column("id") == [4, 5]


def test_inferred_columns_hold_from_read_to_read(api: FakeApi) -> None:
    about = things(fields={}, incremental={"field": "number"})
    config = config_of(api, {"things": about})
    api.add("things", {"id": 1, "number": 1, "a": 1}, {"id": 2, "number": 2, "b": 1.5})
    first = read_new(config)
    api.records["things"].clear()
    api.add("things", {"id": 3, "number": 3, "c": True})

    second = read_new(config, first.checkpoints[-1])

    assert second.table.schema == first.table.schema
    assert second.column("_extra") == ['{"c":true}']


def test_a_range_is_read_again_without_a_checkpoint(api: FakeApi) -> None:
    about = things(incremental={"upper_param": "before"})
    config = config_of(api, {"things": about})
    api.add("things", *(at(second) for second in range(10)))

    result = read_new(config, lower="2026-01-01T00:00:03Z", upper="2026-01-01 00:00:06")

    assert result.column("id") == [3, 4, 5]
    assert result.checkpoints == []
    with pytest.raises(InvalidConfigError, match="lower"):
        read_new(config, lower="yesterday")


def test_a_checkpoint_stays_small(api: FakeApi) -> None:
    config = config_of(api, {"things": things(incremental={"overlap": 86_400})})
    api.size = 5000
    api.add("things", *(at(second) for second in range(3500)))

    (checkpoint,) = read_new(config).checkpoints

    assert len(checkpoint.to_json()) < 60_000
    api.add("things", {"id": -1, **_time(3499)})
    assert read_new(config, checkpoint).column("id")[-1] == -1


def test_a_checkpoint_of_other_settings_is_refused(api: FakeApi) -> None:
    api.add("things", at(1))
    (first,) = read_new(config_of(api, {"things": things()})).checkpoints

    with pytest.raises(StateError, match="have changed") as caught:
        read_new(config_of(api, {"things": things(params={"kind": "new"})}), first)
    assert "--full-refresh" in caught.value.fix


def test_checkpoints_of_the_first_version_are_read(api: FakeApi) -> None:
    config = config_of(api, {"things": things()})
    api.add("things", at(1), at(2))
    value: dict[str, Any] = {
        "digest": config.streams["things"].digest(),
        "types": [["id", "int64"], ["updated_at", "timestamp"]],
        "at": 1_767_225_601_000_000,
        "asked": 1_767_225_601_000_000,
        "seen": [[1_767_225_601_000_000, ["0" * 18]]],
    }

    assert read_new(config, Checkpoint(value)).column("id") == [1, 2]


def test_streams_without_a_cursor_and_other_cursors_are_refused(api: FakeApi) -> None:
    config = config_of(api, {"things": things(incremental={}), "more": stream("/next/more")})

    with pytest.raises(CapabilityMissingError):
        read_new(config, name="more")
    with pytest.raises(SchemaValidationError, match="ordered by updated_at"):
        read_new(config, cursor="id")


def test_a_cursor_that_orders_nothing_is_refused(api: FakeApi) -> None:
    with pytest.raises(ValueError, match="does not order"):
        things(fields={**FIELDS, "updated_at": "boolean"})
    api.add("things", {"id": 1, "updated_at": True})
    with pytest.raises(SchemaValidationError, match="does not order"):
        read_new(config_of(api, {"things": things(fields={})}))


def test_a_full_read_makes_no_checkpoint(api: FakeApi) -> None:
    api.add("things", at(1))

    assert read(config_of(api, {"things": things()})).checkpoints == []


def _time(second: int) -> dict[str, str]:
    return {"updated_at": at(second)["updated_at"]}


def _ids(*batches: Any) -> list[int]:
    import pyarrow as pa

    return [one for batch in batches for one in pa.table(batch.data).column("id").to_pylist()]
