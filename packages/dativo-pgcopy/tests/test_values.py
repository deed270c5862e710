"""Every format against what Postgres itself says of the same values."""

from __future__ import annotations

import json
import math
import os
import random
import struct
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import attrs
import pyarrow as pa
import pytest

Make = Callable[[random.Random], str]

ROWS = 20_000 if os.environ.get("DATIVO_TEST_FIGURES") == "full" else 600


def _raw(array: pa.Array) -> list[Any]:
    return array.to_pylist()  # type: ignore[no-any-return]


def _numbers(width: pa.DataType) -> Callable[[pa.Array], list[Any]]:
    """Take temporal values as the numbers that they are."""
    return lambda array: _raw(array.view(width))


def _bits(array: pa.Array) -> list[Any]:
    width = pa.int64() if array.type == pa.float64() else pa.int32()
    return _raw(array.view(width))


@attrs.frozen(kw_only=True)
class Case:
    """A type of Postgres, its format, and an SQL expression that says the value another way."""

    type: str
    format: str
    arrow: pa.DataType
    make: Make
    says: str = "concat(v)"
    expect: Callable[[str], Any] = str
    found: Callable[[pa.Array], list[Any]] = _raw

    def __str__(self) -> str:
        return f"{self.type} as {self.arrow}"


def integers(bits: int) -> Make:
    def make(rng: random.Random) -> str:
        edge = 2 ** (bits - 1)
        drawn = rng.randrange(-edge, edge) >> rng.randrange(bits)
        return str(rng.choice([-edge, edge - 1, 0, drawn, drawn]))

    return make


def digits(rng: random.Random, most: int) -> str:
    return "".join(rng.choice("0123456789") for _ in range(rng.randint(0, most)))


def decimals(precision: int, scale: int) -> Make:
    def make(rng: random.Random) -> str:
        whole = digits(rng, precision - scale) or "0"
        sign = rng.choice(["", "-"])
        return f"{sign}{whole}.{digits(rng, scale)}"

    return make


def any_numeric(rng: random.Random) -> str:
    special = rng.choice(["NaN", "Infinity", "-Infinity", "1e131071", "-1e-16383", "0.000"])
    shape = rng.choice([(5, 2), (30, 12), (60, 0), (80, 80), (400, 200)])
    return special if rng.random() < 0.1 else decimals(*shape)(rng)


def floats(form: str) -> Make:
    size = struct.calcsize(form)

    def make(rng: random.Random) -> str:
        (drawn,) = struct.unpack(form, rng.randbytes(size))
        return repr(rng.choice([drawn, drawn, 0.0, -0.0, math.inf, -math.inf, math.nan, 0.1]))

    return make


def float_bits(form: str, integer: str) -> Callable[[str], int]:
    def expect(text: str) -> int:
        (bits,) = struct.unpack(integer, struct.pack(form, float(text)))
        return int(bits)

    return expect


def texts(rng: random.Random) -> str:
    return "".join(rng.choice("ab é€😀\n\t\"'\\,{}") for _ in range(rng.randint(0, 30)))


def documents(rng: random.Random) -> str:
    value = rng.choice([None, 1.10, 10**40, [1, {"b": texts(rng)}], {"z": 1, "a": texts(rng)}])
    return json.dumps(value)


def days(rng: random.Random) -> str:
    """A date in Julian days, up to the last one that Postgres knows."""
    return f"J{rng.choice([0, 1721425, 1721426, 2451545, 2147483493, rng.randrange(5_000_000)])}"


def moments(rng: random.Random) -> str:
    first, last = -210_866_803_200_000_000, 2**63 - 1
    drawn = rng.choice([first, last, 0, -1, 1, rng.randrange(first, last)])
    return str(rng.choice([drawn, drawn >> rng.randrange(40)]))


def times(rng: random.Random) -> str:
    clock = f"{rng.randrange(24)}:{rng.randrange(60)}:{rng.randrange(60)}"
    return f"{clock}.{digits(rng, 6)}" if rng.random() < 0.7 else clock


def zoned_times(rng: random.Random) -> str:
    zone = f"{rng.choice('+-')}{rng.randrange(16):02}:{rng.choice([0, 0, 30, 59]):02}"
    return f"{times(rng)}{zone}{rng.choice(['', '', ':07'])}"


def intervals(rng: random.Random) -> str:
    months, days = (rng.randrange(-(2**31) + 1, 2**31) >> rng.randrange(32) for _ in range(2))
    micros = rng.randrange(-9223372036854775, 9223372036854776) >> rng.randrange(60)
    return f"{months} mons {days} days {micros} microseconds"


def addresses(rng: random.Random, *, is_network: bool = False) -> str:
    if rng.random() < 0.5:
        packed, width = rng.getrandbits(32), 32
    else:
        words = [rng.choice([0, 0, 0, 1, 0xFFFF, rng.getrandbits(16)]) for _ in range(8)]
        packed, width = sum(word << 16 * place for place, word in enumerate(words)), 128
    bits = rng.choice([width, width, rng.randint(0, width)])
    if is_network:
        packed &= ~((1 << width - bits) - 1)
    if width == 32:
        text = ".".join(str(packed >> shift & 255) for shift in (24, 16, 8, 0))
    else:
        text = ":".join(f"{packed >> 16 * place & 0xFFFF:x}" for place in range(7, -1, -1))
    return f"{text}/{bits}"


def networks(rng: random.Random) -> str:
    return addresses(rng, is_network=True)


def ranges(bound: Make) -> Make:
    def make(rng: random.Random) -> str:
        if rng.random() < 0.1:
            return "empty"
        lower, upper = (bound(rng) if rng.random() < 0.8 else "" for _ in range(2))
        return f'{rng.choice("[(")}"{lower}","{upper}"{rng.choice("])")}'.replace('""', "")

    return make


def multiranges(bound: Make) -> Make:
    one = ranges(bound)
    return lambda rng: "{" + ",".join(one(rng) for _ in range(rng.randint(0, 3))) + "}"


def dates_for_ranges(rng: random.Random) -> str:
    year = rng.choice([1, 44, 999, 2024, 12345, 5_000_000])
    era = rng.choice(["", "", " BC"]) if year < 4000 else ""
    return rng.choice(["infinity", "-infinity"] + 5 * [f"{year:04}-0{rng.randint(1, 9)}-11{era}"])


def moments_for_ranges(rng: random.Random) -> str:
    year = rng.choice([1, 44, 999, 2024, 12345])
    era = rng.choice(["", "", " BC"]) if year < 4000 else ""
    moment = f"{year:04}-0{rng.randint(1, 9)}-11 {times(rng)}{era}"
    return rng.choice(["infinity", "-infinity"] + 5 * [moment])


TIME = "(extract(epoch FROM v::time) * 1000000)::int8"
# extract(epoch) of the last timestamps is rounded.
MOMENT = f"(v::date - date '1970-01-01') * 86400000000::numeric + {TIME}"
CASES = [
    Case(
        type="bool",
        format="bool",
        arrow=pa.bool_(),
        make=lambda rng: rng.choice("tf"),
        expect=lambda text: text == "t",
    ),
    Case(type="int2", format="int2", arrow=pa.int16(), make=integers(16), expect=int),
    Case(type="int4", format="int4", arrow=pa.int32(), make=integers(32), expect=int),
    Case(type="int8", format="int8", arrow=pa.int64(), make=integers(64), expect=int),
    Case(
        type="oid",
        format="oid",
        arrow=pa.int64(),
        make=lambda rng: str(rng.getrandbits(32)),
        expect=int,
    ),
    Case(
        type="float4",
        format="float4",
        arrow=pa.float32(),
        make=floats("<f"),
        expect=float_bits("<f", "<i"),
        found=_bits,
    ),
    Case(
        type="float8",
        format="float8",
        arrow=pa.float64(),
        make=floats("<d"),
        expect=float_bits("<d", "<q"),
        found=_bits,
    ),
    *(
        Case(
            type=f"numeric({precision},{scale})",
            format="numeric",
            arrow=arrow(precision, scale),
            make=decimals(precision, scale),
            expect=Decimal,
        )
        for precision, scale, arrow in [
            (15, 2, pa.decimal128),
            (18, 0, pa.decimal128),
            (19, 19, pa.decimal128),
            (20, 4, pa.decimal128),
            (38, 0, pa.decimal128),
            (38, 7, pa.decimal128),
            (38, 38, pa.decimal128),
            (15, 2, pa.decimal256),
            (39, 1, pa.decimal256),
            (76, 30, pa.decimal256),
            (76, 76, pa.decimal256),
        ]
    ),
    Case(type="numeric", format="numeric", arrow=pa.string(), make=any_numeric),
    Case(
        type="money",
        format="money",
        arrow=pa.decimal128(19, 2),
        make=lambda rng: str(Decimal(integers(64)(rng)) / 100),
        says="concat(v::numeric)",
        expect=Decimal,
    ),
    Case(type="text", format="text", arrow=pa.string(), make=texts),
    Case(type="char(40)", format="text", arrow=pa.string(), make=texts),
    Case(type="name", format="text", arrow=pa.string(), make=lambda rng: texts(rng)[:15]),
    Case(type="json", format="text", arrow=pa.json_(), make=documents),
    Case(type="jsonb", format="jsonb", arrow=pa.json_(), make=documents),
    Case(
        type="mood",
        format="text",
        arrow=pa.string(),
        make=lambda rng: rng.choice(["sad", "so so", "happy"]),
    ),
    Case(
        type="bytea",
        format="bytea",
        arrow=pa.binary(),
        make=lambda rng: "\\x" + rng.randbytes(rng.randrange(30)).hex(),
        says="encode(v, 'hex')",
        expect=bytes.fromhex,
    ),
    Case(
        type="uuid",
        format="uuid",
        arrow=pa.uuid(),
        make=lambda rng: str(uuid.UUID(bytes=rng.randbytes(16))),
        expect=uuid.UUID,
    ),
    Case(
        type="date",
        format="date",
        arrow=pa.date32(),
        make=days,
        says="v - date '1970-01-01'",
        expect=int,
        found=_numbers(pa.int32()),
    ),
    *(
        Case(
            type=kind,
            format=kind,
            arrow=arrow,
            make=moments,
            says=MOMENT,
            expect=int,
            found=_numbers(pa.int64()),
        )
        for kind, arrow in [
            ("timestamp", pa.timestamp("us")),
            ("timestamptz", pa.timestamp("us", "UTC")),
        ]
    ),
    Case(
        type="time",
        format="time",
        arrow=pa.time64("us"),
        make=times,
        says=TIME,
        expect=int,
        found=_numbers(pa.int64()),
    ),
    Case(type="timetz", format="timetz", arrow=pa.string(), make=zoned_times),
    Case(
        type="interval",
        format="interval",
        arrow=pa.month_day_nano_interval(),
        make=intervals,
        says="concat_ws(' ', extract(year FROM v) * 12 + extract(month FROM v), "
        "extract(day FROM v), extract(hour FROM v) * 3600000000 "
        "+ extract(minute FROM v) * 60000000 + extract(microseconds FROM v), '000')",
        expect=lambda text: pa.MonthDayNano(
            [int(part) for part in text.replace(" 000", "000").split()]
        ),
    ),
    Case(type="inet", format="inet", arrow=pa.string(), make=addresses),
    Case(type="cidr", format="cidr", arrow=pa.string(), make=networks),
    *(
        Case(type=f"{name}{kind}", format=f"{kind}<{bound}>", arrow=pa.string(), make=shape(make))
        for name, bound, make in [
            ("int4", "int4", integers(31)),
            ("int8", "int8", integers(63)),
            ("num", "numeric", any_numeric),
            ("date", "date", dates_for_ranges),
            ("ts", "timestamp", moments_for_ranges),
            ("tstz", "timestamptz", moments_for_ranges),
        ]
        for kind, shape in [("range", ranges), ("multirange", multiranges)]
    ),
]


def fill(server: Any, case: Case, rng: random.Random) -> None:
    """Make a table ``t`` of random values, NULLs among them, without those that are no value."""
    server.execute("CREATE TYPE mood AS ENUM ('sad', 'so so', 'happy')")
    server.execute(f"CREATE TABLE t (i int PRIMARY KEY, v {case.type})")
    values = [case.make(rng) if rng.random() < 0.9 else None for _ in range(ROWS)]
    value = f"x::{case.type}"
    if case.format in {"timestamp", "timestamptz"}:
        value = f"({case.type} 'epoch' + (x || ' microseconds')::interval)"
    if "range" in case.type:
        # Bounds in the wrong order are an error.
        values = [text for text in values if text is None or is_valid(server, case, text)]
    server.execute(
        f"INSERT INTO t SELECT i, {value} FROM unnest(%s::text[]) WITH ORDINALITY AS u(x, i)",
        [values],
    )


def is_valid(server: Any, case: Case, text: str) -> bool:
    ((found,),) = server.execute("SELECT pg_input_is_valid(%s, %s)", [text, case.type])
    return bool(found)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_values_are_what_postgres_says(server: Any, rng: random.Random, case: Case) -> None:
    fill(server, case, rng)
    says = f"SELECT CASE WHEN v IS NOT NULL THEN ({case.says})::text END FROM t ORDER BY i"
    expected = [None if text is None else case.expect(text) for (text,) in server.execute(says)]

    schema = pa.schema([("v", case.arrow)])
    table = server.read("SELECT v FROM t ORDER BY i", schema, [case.format])

    assert table.schema.equals(schema, check_metadata=True)
    found = [value for chunk in table["v"].chunks for value in case.found(chunk)]
    assert found == expected


@pytest.mark.parametrize("case", CASES, ids=str)
def test_lists_hold_the_same_values(server: Any, rng: random.Random, case: Case) -> None:
    fill(server, case, rng)
    plain = server.read("SELECT v FROM t ORDER BY i", pa.schema([("v", case.arrow)]), [case.format])
    schema = pa.schema([("v", pa.list_(case.arrow))])

    arrays = "SELECT array_agg(v ORDER BY i) FROM t GROUP BY i / 7 ORDER BY i / 7"
    table = server.read(arrays, schema, [f"list<{case.format}>"])
    empty = server.read(
        f"SELECT v FROM (VALUES (1, '{{}}'::{case.type}[]), (2, NULL)) AS u(i, v) ORDER BY i",
        schema,
        [f"list<{case.format}>"],
    )

    items = table["v"].combine_chunks().flatten()
    assert case.found(items) == case.found(plain["v"].combine_chunks())
    sizes = server.execute("SELECT count(*) FROM t GROUP BY i / 7 ORDER BY i / 7")
    assert [(len(row),) for row in table["v"]] == sizes
    assert empty["v"].to_pylist() == [[], None]
