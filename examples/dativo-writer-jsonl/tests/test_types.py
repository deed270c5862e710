from __future__ import annotations

import json
import math
import random
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from dativo_writer_jsonl._config import Compression, Decimals, NonFinite
from dativo_writer_jsonl._times import date_text, days_of, moment_text, ticks_of
from lake import Lake

from dativo.errors import DataValidationError

MONTHS = pa.month_day_nano_interval()

VALUES: list[tuple[pa.DataType, list[Any], list[str]]] = [
    (pa.null(), [None, None], ["null", "null"]),
    (pa.bool_(), [True, False], ["true", "false"]),
    (pa.int64(), [2**63 - 1, -(2**63)], ["9223372036854775807", "-9223372036854775808"]),
    (pa.uint64(), [2**64 - 1], ["18446744073709551615"]),
    (pa.int8(), [-128, 127], ["-128", "127"]),
    (pa.float64(), [0.1, -0.0, 5e-324, 1e308], ["0.1", "-0.0", "5e-324", "1e+308"]),
    (pa.float32(), [0.5], ["0.5"]),
    (pa.float16(), [1.5], ["1.5"]),
    (pa.float64(), [math.inf, -math.inf], ['"Infinity"', '"-Infinity"']),
    (pa.decimal128(5, 2), [Decimal("1.50"), Decimal("-0.01")], ['"1.50"', '"-0.01"']),
    (pa.decimal256(76, 0), [Decimal(10**75)], ['"1' + "0" * 75 + '"']),
    (pa.decimal128(5, -2), [Decimal(1200)], ['"1200"']),
    (pa.decimal32(5, 2), [Decimal("1.50")], ['"1.50"']),
    (pa.string(), ['a"b\n\u2028\x85', "ä😀", ""], ['"a\\"b\\n\\u2028\\u0085"', '"ä😀"', '""']),
    (pa.large_string(), ["x"], ['"x"']),
    (pa.string_view(), ["x"], ['"x"']),
    (pa.binary(), [b"\x00\xff", b""], ['"AP8="', '""']),
    (pa.binary(2), [b"ab"], ['"YWI="']),
    (pa.binary_view(), [b"ab"], ['"YWI="']),
    (pa.date32(), [0, 19_782, -719_529], ['"1970-01-01"', '"2024-02-29"', '"-0001-12-31"']),
    (pa.date64(), [86_400_000], ['"1970-01-02"']),
    (pa.timestamp("s"), [0, -1], ['"1970-01-01T00:00:00"', '"1969-12-31T23:59:59"']),
    (pa.timestamp("ms", "UTC"), [1], ['"1970-01-01T00:00:00.001Z"']),
    (pa.timestamp("us", "Europe/Berlin"), [1], ['"1970-01-01T00:00:00.000001Z"']),
    (pa.timestamp("ns"), [2**63 - 1], ['"2262-04-11T23:47:16.854775807"']),
    (pa.timestamp("s"), [2**62], ['"+146138514283-06-19T07:45:04"']),
    (pa.time32("s"), [86_399], ['"23:59:59"']),
    (pa.time32("ms"), [1], ['"00:00:00.001"']),
    (pa.time64("ns"), [1], ['"00:00:00.000000001"']),
    (pa.duration("us"), [-5], ["-5"]),
    (
        MONTHS,
        [pa.MonthDayNano([1, -2, 3])],
        ['{"months": 1, "days": -2, "nanoseconds": 3}'],
    ),
    (pa.list_(pa.int64()), [[1, None], []], ["[1,null]", "[]"]),
    (pa.large_list(pa.string()), [["a"]], ['["a"]']),
    (pa.list_(pa.int8(), 2), [[1, 2]], ["[1,2]"]),
    (pa.list_view(pa.int8()), [[1, 2]], ["[1,2]"]),
    (
        pa.struct([("a", pa.list_(pa.date32())), ("b", pa.struct([("c", pa.float64())]))]),
        [{"a": [0], "b": {"c": 0.5}}, {"a": None, "b": None}],
        ['{"a":["1970-01-01"],"b":{"c":0.5}}', '{"a":null,"b":null}'],
    ),
    (pa.map_(pa.string(), pa.int64()), [[("b", 1), ("a", None)]], ['{"b":1,"a":null}']),
    (pa.map_(pa.int64(), pa.binary()), [[(2, b"a"), (2, None)]], ['[[2,"YQ=="],[2,null]]']),
    (pa.dictionary(pa.int8(), pa.string()), ["a", "b", "a"], ['"a"', '"b"', '"a"']),
    (pa.uuid(), [b"\x00" * 15 + b"\x01"], ['"00000000-0000-0000-0000-000000000001"']),
    (pa.json_(), ['{"a": 1.10, "b":null}', "7"], ['{"a": 1.10, "b":null}', "7"]),
    (pa.bool8(), [1, 0], ["1", "0"]),
    (pa.opaque(pa.string(), "name", "vendor"), ["x"], ['"x"']),
]


def column(kind: pa.DataType, values: list[Any]) -> pa.Table:
    return pa.table({"v": pa.array([*values, None], kind)})


@pytest.mark.parametrize(("kind", "values", "texts"), VALUES, ids=[str(one[0]) for one in VALUES])
def test_each_type_has_one_form_from_which_it_comes_back(
    lake: Lake, kind: pa.DataType, values: list[Any], texts: list[str]
) -> None:
    table = column(kind, values)

    lake.write(1, table)
    back = lake.read()

    absent = "{}" if isinstance(kind, pa.JsonType) else '{"v":null}'
    assert lake.lines() == [*(f'{{"v":{text}}}' for text in texts), absent]
    assert all(json.loads(line) is not None for line in lake.lines())
    assert back.schema.equals(table.schema, check_metadata=True)
    assert back.equals(table)


def test_a_nan_comes_back(lake: Lake) -> None:
    lake.write(1, column(pa.float64(), [math.nan]))

    assert lake.lines()[0] == '{"v":"NaN"}'
    assert math.isnan(lake.read()["v"][0].as_py())


def test_runs_come_back(lake: Lake) -> None:
    kind = pa.run_end_encoded(pa.int16(), pa.string())
    table = pa.table({"v": pa.array(["a", "a", None], kind)})

    lake.write(1, table)

    assert lake.read().schema == table.schema
    assert lake.read()["v"].to_pylist() == ["a", "a", None]


def test_nested_extensions_come_back(lake: Lake) -> None:
    from dativo_writer_jsonl._types import retyped

    kind = pa.list_(pa.struct([("id", pa.uuid()), ("about", pa.json_())]))
    storage = pa.list_(pa.struct([("id", pa.binary(16)), ("about", pa.string())]))
    plain = pa.array([[{"id": b"\x01" * 16, "about": '{"a":1}'}], None], storage)
    table = pa.table({"v": retyped(plain, kind)})

    lake.write(1, table)

    assert lake.read().equals(table)
    assert '"about":"{\\"a\\":1}"' in lake.lines()[0]


def test_slices_and_offsets_are_right(lake: Lake) -> None:
    kinds = [
        pa.list_(pa.int64()),
        pa.map_(pa.string(), pa.int64()),
        pa.list_(pa.int64(), 2),
        pa.struct([("a", pa.list_(pa.string()))]),
        pa.list_view(pa.int64()),
    ]
    rows: list[list[Any]] = [
        [[1, 2], None, [], [3]],
        [[("a", 1)], None, [], [("b", 2)]],
        [[1, 2], None, [3, 4], [5, 6]],
        [{"a": ["x"]}, None, {"a": None}, {"a": []}],
        [[1, 2], None, [], [3]],
    ]
    columns = [pa.array(row, kind) for row, kind in zip(rows, kinds, strict=True)]
    table = pa.table(columns, names=["a", "b", "c", "d", "e"]).slice(1, 2)

    lake.write(1, table)

    assert lake.read().to_pylist() == table.to_pylist()


def test_decimals_can_be_numbers_with_all_digits(lake: Lake) -> None:
    lake.settings = {"decimals": Decimals.NUMBER}
    table = column(pa.decimal128(38, 10), [Decimal("1234567890123456789012345678.0123456789")])

    lake.write(1, table)

    assert lake.lines()[0] == '{"v":1234567890123456789012345678.0123456789}'
    assert lake.read().equals(table)


def test_floats_that_json_lacks_can_be_refused(lake: Lake) -> None:
    lake.settings = {"non_finite": NonFinite.REFUSE}

    with pytest.raises(DataValidationError, match="column v of things"):
        lake.write(1, column(pa.float64(), [math.inf]))
    assert lake.files() == []


def test_letters_can_be_ascii(lake: Lake) -> None:
    lake.settings = {"ascii": True}
    table = pa.table({"ä": ["ö\u2028😀"], "j": pa.array(['"ü"'], pa.json_())})

    lake.write(1, table)

    assert lake.lines() == ['{"\\u00e4":"\\u00f6\\u2028\\ud83d\\ude00","j":"\\u00fc"}']
    assert lake.read()["ä"].equals(table["ä"])


def test_each_record_is_one_line_for_every_program(lake: Lake) -> None:
    breaks = "".join(map(chr, range(1, 32))) + "\x7f\x85\u2028\u2029"
    table = pa.table({breaks: [f"{breaks}\0"], "j": pa.array(['{"a":\r\n"\u2028"}'], pa.json_())})

    lake.write(1, table)

    (text,) = (path.read_text() for path in lake.files())
    assert len(text.splitlines()) == 1
    assert lake.read()[breaks].to_pylist() == [f"{breaks}\0"]
    assert json.loads(lake.read()["j"][0].as_py()) == {"a": "\u2028"}


WRONG: list[tuple[pa.Array, str]] = [
    (pa.array([1], pa.date64()), "no whole day"),
    (pa.array([90_000], pa.time32("s")), "no time of a day"),
    (pa.array(["{"], pa.json_()), "truncated"),
    (pa.array([[("a", 1), ("a", 2)]], pa.map_(pa.string(), pa.int8())), "same key twice"),
    (pa.array([b"\xff"]).cast(pa.string(), safe=False), "utf-8"),
    (
        pa.UnionArray.from_dense(
            pa.array([0], pa.int8()), pa.array([0], pa.int32()), [pa.array([1])]
        ),
        "no exact form",
    ),
]


@pytest.mark.parametrize(("array", "why"), WRONG, ids=[why for _, why in WRONG])
def test_what_has_no_exact_form_is_refused(lake: Lake, array: pa.Array, why: str) -> None:
    with pytest.raises(DataValidationError, match=why) as caught:
        lake.write(1, pa.table({"v": array}))
    assert caught.value.details["column"] == "v"
    assert not lake.data.exists()


def test_a_name_that_is_there_twice_is_refused(lake: Lake) -> None:
    twice = pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])
    with pytest.raises(DataValidationError, match="more than one field 'a'"):
        lake.write(1, twice)


@pytest.mark.parametrize("packed", list(Compression))
def test_packed_files_come_back(lake: Lake, packed: Compression) -> None:
    lake.settings = {"compression": packed}
    table = pa.table({"n": range(50_000), "text": ["x" * 30] * 50_000})

    lake.write(1, table)

    assert lake.read().equals(table)
    assert lake.files()[0].name.endswith(lake.config.suffix)
    assert lake.files()[0].stat().st_mode & 0o777 == 0o600


def test_a_file_that_was_changed_is_noticed(lake: Lake) -> None:
    lake.write(1, pa.table({"n": [1, 2]}))
    (file,) = lake.files()
    for text in ('{"n":1}\n{"n":', '{"n":"x"}\n', "x\n"):
        file.write_text(text)
        with pytest.raises(pa.ArrowInvalid, match=r"is cut off|does not hold"):
            lake.read()


def test_days_and_moments_come_back_from_their_text() -> None:
    import datetime as dt

    seed = 7
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(3000):
        days = chance.randrange(-(2**31), 2**31)
        ticks, digits = chance.randrange(-(2**63), 2**63), chance.choice([0, 3, 6, 9])
        near = chance.randrange(-719_162, 2_932_897)

        assert days_of(date_text(days)) == days
        assert ticks_of(moment_text(ticks, digits, is_utc=True), digits) == ticks
        assert date_text(near) == (dt.date(1970, 1, 1) + dt.timedelta(days=near)).isoformat()
