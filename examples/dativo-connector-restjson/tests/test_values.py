from __future__ import annotations

import datetime as dt
import json
import random
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from bench import config_of, read, stream
from dativo_connector_restjson._paths import look_up, parse_path
from dativo_connector_restjson._types import parse_type
from dativo_connector_restjson._values import make_array, read_value
from fake_api import FakeApi

from dativo.errors import DataValidationError, SchemaValidationError

EXACT: list[tuple[str, str, Any]] = [
    ("int64", "9223372036854775807", 2**63 - 1),
    ("int64", "-9223372036854775808", -(2**63)),
    ("int64", "9007199254740993", 2**53 + 1),
    ("int64", '"42"', 42),
    ("int64", "1.5e3", 1500),
    ("int64", "-0", 0),
    ("float64", "0.1", 0.1),
    ("float64", "1e308", 1e308),
    ("float64", "5e-324", 5e-324),
    ("float64", "100", 100.0),
    ("float64", "0.1000000000000000055511151231257827021181583404541015625", 0.1),
    ("decimal(18, 2)", "12.5", Decimal("12.50")),
    ("decimal(18, 2)", '"-0.07"', Decimal("-0.07")),
    ("decimal(5, 0)", "1e4", Decimal(10000)),
    ("decimal(2, 2)", "0.9900", Decimal("0.99")),
    ("decimal(18, 2)", "0e-30", Decimal("0.00")),
    (
        "decimal(38, 10)",
        "1234567890123456789012345678.0123456789",
        Decimal("1234567890123456789012345678.0123456789"),
    ),
    ("string", '"\\u00e4 \\ud83d\\ude00"', "ä 😀"),
    ("string", "12345678901234567890.10", "12345678901234567890.10"),
    ("boolean", "true", True),
    (
        "timestamp",
        '"2026-02-03T04:05:06.789012+02:00"',
        dt.datetime(2026, 2, 3, 2, 5, 6, 789012, dt.UTC),
    ),
    ("timestamp", '"2026-02-03 04:05:06"', dt.datetime(2026, 2, 3, 4, 5, 6, 0, dt.UTC)),
    (
        "timestamp",
        '"1969-12-31T23:59:59.5Z"',
        dt.datetime(1969, 12, 31, 23, 59, 59, 500000, dt.UTC),
    ),
    (
        "timestamp",
        '"2026-02-03T04:05:06.123456000-0130"',
        dt.datetime(2026, 2, 3, 5, 35, 6, 123456, dt.UTC),
    ),
    ("date", '"2024-02-29"', dt.date(2024, 2, 29)),
    ("json", '{"b":[1,2.50],"a":null}', '{"b":[1,2.50],"a":null}'),
]

WRONG: list[tuple[str, str]] = [
    ("int64", "9223372036854775808"),
    ("int64", "1.5"),
    ("int64", "true"),
    ("int64", '"1_000"'),
    ("int64", '"NaN"'),
    ("int64", "1e999999999"),
    ("float64", "0.12345678901234567890"),
    ("float64", "1e400"),
    ("decimal(18, 2)", "1.005"),
    ("decimal(4, 2)", "100"),
    ("decimal(18, 2)", "1e500"),
    ("string", "true"),
    ("string", "[]"),
    ("string", '"\\ud800"'),
    ("boolean", "1"),
    ("boolean", '"true"'),
    ("timestamp", "1700000000"),
    ("timestamp", '"2026-02-30T00:00:00Z"'),
    ("timestamp", '"2026-02-03T04:05:06.1234567Z"'),
    ("timestamp", '"2026-02-03"'),
    ("date", '"2026-2-3T00:00"'),
]


@pytest.mark.parametrize(("kind", "written", "expected"), EXACT)
def test_values_arrive_exactly(kind: str, written: str, expected: object) -> None:
    field_type = parse_type(kind)

    value = read_value(msgspec.Raw(written.encode()), field_type)
    array = make_array([value, None], field_type)

    assert array[0].as_py() == expected
    assert array[1].as_py() is None


@pytest.mark.parametrize(("kind", "written"), WRONG)
def test_what_a_type_cannot_hold_exactly_is_refused(kind: str, written: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        read_value(msgspec.Raw(written.encode()), parse_type(kind))


def test_decimals_of_any_form_are_the_same_number() -> None:
    seed = 20261123
    print(f"seed {seed}")
    chance = random.Random(seed)
    kind = parse_type("decimal(38, 8)")
    for _ in range(500):
        number = Decimal(chance.randrange(-(10**24), 10**24)).scaleb(-chance.randrange(9))
        written = format(number, chance.choice(["f", "e"]))

        value = read_value(msgspec.Raw(written.encode()), kind)

        assert make_array([value], kind)[0].as_py() == number


def test_the_types_of_the_first_page_hold(api: FakeApi) -> None:
    first = {
        "flag": True,
        "count": 1,
        "ratio": 0.5,
        "name": "a",
        "nested": {"a": 1},
        "list": [],
        "mixed": "x",
        "nothing": None,
        "big": 2**70,
        "zip": "01234",
    }
    api.add("things", first, {**first, "mixed": 1, "count": 2**63 - 1})

    result = read(config_of(api, {"things": stream("/link/things")}))

    assert {field.name: str(field.type) for field in result.table.schema} == {
        "flag": "bool",
        "count": "int64",
        "ratio": "double",
        "name": "string",
        "nested": "extension<arrow.json>",
        "list": "extension<arrow.json>",
        "mixed": "extension<arrow.json>",
        "big": "string",
        "zip": "string",
        "_extra": "extension<arrow.json>",
    }
    assert result.column("big") == [str(2**70)] * 2
    assert result.column("zip") == ["01234"] * 2
    assert [json.loads(text) for text in result.column("_extra")] == [{"nothing": None}] * 2


def test_a_later_value_of_another_type_is_an_error_that_names_it(api: FakeApi) -> None:
    api.size = 1
    api.add("things", {"id": 1, "n": 1}, {"id": 2, "n": 1.5})
    config = config_of(
        api,
        {
            "things": stream(
                "/next/things", records="rows", paging={"next_link": _next()}, primary_key=("id",)
            )
        },
    )

    with pytest.raises(DataValidationError, match=r"the field n of things \(id 2\)") as caught:
        read(config)
    assert caught.value.details["value"] == "1.5"
    assert "`fields`" in caught.value.fix


def test_fields_that_come_later_are_kept(api: FakeApi) -> None:
    api.size = 1
    api.add("things", {"id": 1}, '{"id": 2, "new": 1.10, "tags": ["a",  "b"]}')
    config = config_of(
        api,
        {"things": stream("/next/things", records="rows", paging={"next_link": _next()})},
    )

    result = read(config)

    assert result.column("_extra") == [None, '{"new":1.10,"tags":["a","b"]}']


def test_only_the_columns_that_are_asked_for_are_made(api: FakeApi) -> None:
    api.add("things", {"id": 1, "a": 1, "b": "x"})
    config = config_of(api, {"things": stream("/link/things")})

    assert read(config, columns=("b", "id")).table.to_pylist() == [{"b": "x", "id": 1}]
    with pytest.raises(SchemaValidationError, match="'c'"):
        read(config, columns=("c",))


def test_a_record_without_its_key_is_an_error(api: FakeApi) -> None:
    api.add("things", {"id": 1}, {"id": None})
    config = config_of(api, {"things": stream("/link/things", primary_key=("id",))})

    with pytest.raises(DataValidationError, match="is missing"):
        read(config)


def test_an_empty_list_has_its_declared_schema(api: FakeApi) -> None:
    api.add("things")
    about = stream("/link/things", fields={"id": "int64"}, primary_key=("id",))

    result = read(config_of(api, {"things": about}))

    assert result.table.num_rows == 0
    assert result.table.schema.names == ["id", "_extra"]
    assert not result.table.schema.field("id").nullable


def test_pages_are_cut_into_batches(api: FakeApi) -> None:
    from bench import Bench

    api.size = 25
    api.add("things", *({"id": number} for number in range(25)))
    bench = Bench()
    bench.batch_rows = 10

    result = read(config_of(api, {"things": stream("/link/things")}), bench=bench)

    assert result.column("id") == list(range(25))
    assert result.table.column("id").num_chunks == 3


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", b'{"a":{"b.c":[{"d":7}]},"e":null}'),
        ("$.e", b"null"),
        ("a['b.c'][0].d", b"7"),
        ('$.a["b.c"]', b'[{"d":7}]'),
        ("a.x", None),
        ("e.f", None),
        ("a['b.c'][3]", None),
    ],
)
def test_paths_lead_to_values_as_they_are_written(path: str, expected: bytes | None) -> None:
    found = look_up(b'{"a":{"b.c":[{"d":7}]},"e":null}', parse_path(path))

    assert found == expected if expected is None else bytes(found or b"") == expected


@pytest.mark.parametrize("path", ["a..b", "a[", "a[x]", "a]", "a.", "a b['"])
def test_what_is_no_path_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="no path"):
        parse_path(path)


def _next() -> Any:
    from dativo_connector_restjson._paging_config import NextLink

    return NextLink(link="links.next")
