from __future__ import annotations

import datetime as dt
import decimal
import functools
import random
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from dativo.plugins._class_style._kinds import kind_of, kind_of_value
from dativo.plugins._class_style._records import Tables

BERLIN = dt.timezone(dt.timedelta(hours=1))
NOON = dt.datetime(2024, 1, 31, 12, 0, 0, 1, tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("integer", "integer"),
        ("BIGINT", "integer"),
        ("varchar(20)", "text"),
        ("Character  Varying (20)", "text"),
        ("double precision", "number"),
        ("timestamp with time zone", "timestamptz"),
        ("timestamp", "timestamp"),
        ("jsonb", "json"),
        ("decimal", "decimal(38,9)"),
        ("numeric(12, 2)", "decimal(12,2)"),
        ("decimal(5)", "decimal(5,0)"),
        ("decimal(76,2)", "decimal(76,2)"),
    ],
)
def test_a_type_is_known_by_many_words(word: str, name: str) -> None:
    assert kind_of(word).name == name
    assert kind_of(name).name == name


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("money", "known: boolean, integer"),
        ("decimal(77,0)", "1 to 76"),
        ("decimal(2,3)", "digits"),
    ],
)
def test_another_word_is_refused(word: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        kind_of(word)


@pytest.mark.parametrize(
    ("word", "value", "stored"),
    [
        ("boolean", True, True),
        ("integer", -(2**63), -(2**63)),
        ("number", 2**53, 2.0**53),
        ("number", 0.1, 0.1),
        ("text", "ä", "ä"),
        ("text", uuid.UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ("binary", bytearray(b"a"), b"a"),
        ("binary", memoryview(b"a"), b"a"),
        ("date", dt.date(1970, 1, 2), 1),
        ("date", "1969-12-31", -1),
        ("time", dt.time(0, 1, 2, 3), 62_000_003),
        ("time", "00:00:01", 1_000_000),
        ("timestamp", dt.datetime(1970, 1, 1, 0, 0, 1), 1_000_000),  # noqa: DTZ001 - no zone
        ("timestamp", "1970-01-01T00:00:00.000001", 1),
        ("timestamptz", NOON, 1_706_698_800_000_001),
        ("timestamptz", "2024-01-31T12:00:00.000001+01:00", 1_706_698_800_000_001),
        ("timestamptz", "1970-01-01T00:00:00Z", 0),
        (
            "json",
            {"a": [1, None, "ü", True, 1.5], "b": (1,)},
            '{"a":[1,null,"ü",true,1.5],"b":[1]}',
        ),
        ("json", "text", '"text"'),
        ("decimal(5,2)", Decimal("123.4"), "123.40"),
        ("decimal(5,2)", Decimal("1E+2"), "100.00"),
        ("decimal(5,2)", 7, "7.00"),
        ("decimal(5,2)", "-0.10", "-0.10"),
        ("decimal(38,0)", 10**37, "1" + "0" * 37),
    ],
)
def test_a_value_of_the_type_is_taken_exactly(word: str, value: Any, stored: object) -> None:
    found = kind_of(word).take(value)

    assert (found, type(found)) == (stored, type(stored))


@pytest.mark.parametrize(
    ("word", "value", "said"),
    [
        ("boolean", 1, "type int"),
        ("integer", True, "type bool"),
        ("integer", "5", "type str"),
        ("integer", 5.0, "type float"),
        ("integer", 2**63, "beyond 64 bits"),
        ("number", True, "type bool"),
        ("number", 2**53 + 1, "cannot hold"),
        ("number", Decimal(1), "type Decimal"),
        ("text", 5, "type int"),
        ("text", "\ud800", "no Unicode"),
        ("binary", "a", "type str"),
        ("date", NOON, "type datetime"),
        ("date", "2024-13-01", "ISO 8601"),
        ("date", "2024-01-01T00:00:00", "type str"),
        ("time", dt.time(0, tzinfo=dt.UTC), "type time"),
        ("time", "25:00", "ISO 8601"),
        ("timestamp", NOON, "with a zone"),
        ("timestamp", "2024-01-31", "type str"),
        ("timestamp", "1970-01-01T00:00:00.0000001", "finer than"),
        ("timestamptz", "1970-01-01T00:00:00", "without a zone"),
        ("timestamptz", 5, "type int"),
        ("json", {1: 2}, "key of type int"),
        ("json", [float("nan")], "JSON has not"),
        ("json", {"a": [NOON]}, "value of type datetime"),
        ("json", ["\ud800"], "no Unicode"),
        ("decimal(5,2)", Decimal("1.005"), "2 after the point"),
        ("decimal(5,2)", Decimal(1000), "more than 5"),
        ("decimal(5,2)", Decimal("NaN"), "not finite"),
        ("decimal(5,2)", 10**400, "more than 5"),
        ("decimal(5,2)", 0.5, "type float"),
        ("decimal(5,2)", "1e2", "type str"),
        ("decimal(5,2)", True, "type bool"),
    ],
)
def test_what_does_not_fit_exactly_is_refused(word: str, value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        kind_of(word).take(value)


def test_a_time_of_a_class_with_nanoseconds_is_refused() -> None:
    class Fine(dt.datetime):
        nanosecond = 1

    with pytest.raises(ValueError, match="finer"):
        kind_of("timestamp").take(Fine(2024, 1, 1))


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ([1, 2], "integer"),
        ([1, 1.5], "number"),
        ([1, 2**63], "decimal(38,0)"),
        ([10**40], "decimal(76,0)"),
        ([Decimal("1.25"), 7], "decimal(38,9)"),
        ([Decimal("1.0123456789012")], "decimal(38,13)"),
        ([Decimal(10) ** 40], "decimal(76,9)"),
        (["a", uuid.UUID(int=1)], "text"),
        ([NOON], "timestamptz"),
        ([NOON.date()], "date"),
        ([dt.time(1)], "time"),
        ([b"a"], "binary"),
        ([{"a": 1}, [1]], "json"),
        ([True], "boolean"),
        ([Decimal("NaN"), Decimal(1)], "decimal(38,9)"),
    ],
)
def test_values_have_a_type_in_common(values: list[Any], name: str) -> None:
    kind = kind_of_value(values)

    assert kind is not None
    assert kind.name == name


@pytest.mark.parametrize(
    "values",
    [
        [1, "a"],
        [True, 1],
        [1.5, Decimal(1)],
        [2**53 + 1, 1.5],
        [NOON, NOON.replace(tzinfo=None)],
        [NOON, NOON.date()],
        [{"a": 1}, "a"],
        [object()],
        [dt.timedelta(1)],
        [10**80],
        [Decimal("NaN")],
    ],
)
def test_mixed_and_unknown_values_have_none(values: list[Any]) -> None:
    assert kind_of_value(values) is None


def test_random_values_of_each_type_come_back_from_arrow_as_they_were() -> None:
    seed = 20_261_123
    chance = random.Random(seed)
    utc = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)

    def text() -> str:
        return "".join(chance.choices("aäß漢😀\0'\"\\", k=9))

    makers: dict[str, Callable[[], object]] = {
        "integer": functools.partial(chance.randrange, -(2**63), 2**63),
        "number": functools.partial(chance.uniform, -1e300, 1e300),
        "text": text,
        "decimal(38,9)": lambda: Decimal(chance.randrange(-(10**38), 10**38)).scaleb(-9),
        "decimal(76,3)": lambda: Decimal(chance.randrange(-(10**76), 10**76)) / 1000,
        "timestamptz": lambda: utc + dt.timedelta(microseconds=chance.randrange(-(10**16), 10**16)),
        "date": lambda: dt.date.fromordinal(chance.randrange(1, 3 * 10**6)),
        "binary": functools.partial(chance.randbytes, 5),
        "boolean": functools.partial(chance.choice, (True, False)),
    }
    with decimal.localcontext(prec=200):
        records = [
            {name: make() if chance.random() < 0.9 else None for name, make in makers.items()}
            for _ in range(300)
        ]

    table = Tables({name: kind_of(name) for name in makers}).table(records)

    for name in makers:
        found = table.column(name).combine_chunks().to_pylist()
        assert found == [record[name] for record in records], (name, seed)
