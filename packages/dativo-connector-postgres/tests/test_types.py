from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from dativo.errors import DataFormatError
from dativo_connector_postgres._config import Unrepresentable
from dativo_connector_postgres._types import RULES
from dativo_test_support.postgres import Address

UTC = dt.UTC

# type, delivered Arrow type, text of Postgres, expected value
EXACT: list[tuple[str, pa.DataType, str, Any]] = [
    ("bool", pa.bool_(), "t", True),
    ("bool", pa.bool_(), "f", False),
    ("int2", pa.int16(), "-32768", -32768),
    ("int2", pa.int16(), "32767", 32767),
    ("int4", pa.int32(), "-2147483648", -(2**31)),
    ("int4", pa.int32(), "2147483647", 2**31 - 1),
    ("int8", pa.int64(), "-9223372036854775808", -(2**63)),
    ("int8", pa.int64(), "9223372036854775807", 2**63 - 1),
    ("oid", pa.int64(), "4294967295", 2**32 - 1),
    ("float4", pa.float32(), "-Infinity", float("-inf")),
    ("float4", pa.float32(), "1.1754944e-38", 1.1754943508222875e-38),
    ("float8", pa.float64(), "Infinity", float("inf")),
    ("float8", pa.float64(), "4.9406564584124654e-324", 5e-324),
    ("float8", pa.float64(), "-0", -0.0),
    (
        "numeric(18,4)",
        pa.decimal128(18, 4),
        "-12345678901234.5678",
        Decimal("-12345678901234.5678"),
    ),
    ("numeric(38,0)", pa.decimal128(38, 0), "9" * 38, Decimal("9" * 38)),
    ("numeric(38,38)", pa.decimal128(38, 38), "0." + "1" * 38, Decimal("0." + "1" * 38)),
    ("numeric(39,1)", pa.decimal256(39, 1), "9" * 38 + ".9", Decimal("9" * 38 + ".9")),
    (
        "numeric(76,20)",
        pa.decimal256(76, 20),
        "-" + "9" * 56 + "." + "9" * 20,
        Decimal("-" + "9" * 56 + "." + "9" * 20),
    ),
    ("numeric(77,1)", pa.string(), "9" * 76 + ".9", "9" * 76 + ".9"),
    ("numeric(5,-2)", pa.decimal128(7, 0), "-9999900", Decimal(-9999900)),
    ("numeric(2,5)", pa.decimal128(5, 5), "0.00099", Decimal("0.00099")),
    ("numeric", pa.string(), "0.12345678901234567890", "0.12345678901234567890"),
    ("numeric", pa.string(), "NaN", "NaN"),
    ("numeric", pa.string(), "-Infinity", "-Infinity"),
    ("numeric", pa.string(), "1" * 1000, "1" * 1000),
    ("money", pa.decimal128(19, 2), "-92233720368547758.08", Decimal("-92233720368547758.08")),
    ("money", pa.decimal128(19, 2), "92233720368547758.07", Decimal("92233720368547758.07")),
    ("text", pa.string(), "", ""),
    ("text", pa.string(), 'a"b\nc,\\N\t😀', 'a"b\nc,\\N\t😀'),
    ("varchar(3)", pa.string(), "abc", "abc"),
    ("char(5)", pa.string(), "ab", "ab   "),
    ("name", pa.string(), "a name", "a name"),
    ('"char"', pa.string(), "x", "x"),
    ("bytea", pa.binary(), "\\xdeadbeef00", b"\xde\xad\xbe\xef\x00"),
    ("bytea", pa.binary(), "\\x", b""),
    ("date", pa.date32(), "0001-01-01", -719162),
    ("date", pa.date32(), "4714-11-24 BC", -2440588),
    ("date", pa.date32(), "5874897-12-31", 2145042905),
    ("timestamp", pa.timestamp("us"), "0044-03-15 12:00:00 BC", None),
    ("timestamp", pa.timestamp("us"), "4714-11-24 00:00:00 BC", -210866803200000000),
    ("timestamp", pa.timestamp("us"), "294247-01-10 04:00:54.775807", 2**63 - 1),
    ("timestamptz", pa.timestamp("us", "UTC"), "0001-01-01 00:00:00+00", -62135596800000000),
    ("timestamptz", pa.timestamp("us", "UTC"), "2024-03-10 12:34:56.123456+02", 1710066896123456),
    ("timestamptz", pa.timestamp("us", "UTC"), "294247-01-10 04:00:54.775807+00", 2**63 - 1),
    ("time", pa.time64("us"), "00:00", 0),
    ("time", pa.time64("us"), "23:59:59.999999", 86399999999),
    ("timetz", pa.string(), "12:34:56.5+02", "12:34:56.5+02"),
    ("timetz", pa.string(), "24:00:00-15:59", "24:00:00-15:59"),
    (
        "interval",
        pa.month_day_nano_interval(),
        "1 year 2 mons 3 days 04:05:06.789",
        (14, 3, 14706789000000),
    ),
    ("interval", pa.month_day_nano_interval(), "-178000000 years", (-2136000000, 0, 0)),
    ("interval", pa.month_day_nano_interval(), "2562047:47:16.854775", (0, 0, 9223372036854775000)),
    (
        "uuid",
        pa.uuid(),
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        bytes.fromhex("a0eebc999c0b4ef8bb6d6bb9bd380a11"),
    ),
    ("json", pa.json_(), '{"b": 1,  "a": 1.10, "a": null}', '{"b": 1,  "a": 1.10, "a": null}'),
    ("jsonb", pa.json_(), '{"b": 1,  "a": 1.10}', '{"a": 1.10, "b": 1}'),
    ("jsonb", pa.json_(), "null", "null"),
    ("inet", pa.string(), "10.0.0.1", "10.0.0.1"),
    ("inet", pa.string(), "2001:db8::1/64", "2001:db8::1/64"),
    ("cidr", pa.string(), "10.0.0.0/8", "10.0.0.0/8"),
    ("macaddr", pa.string(), "08:00:2b:01:02:03", "08:00:2b:01:02:03"),
    ("macaddr8", pa.string(), "08:00:2b:01:02:03:04:05", "08:00:2b:01:02:03:04:05"),
    ("bit(4)", pa.string(), "1010", "1010"),
    ("varbit", pa.string(), "10101", "10101"),
    ("point", pa.string(), "(1,2)", "(1,2)"),
    ("box", pa.string(), "(3,4),(1,2)", "(3,4),(1,2)"),
    ("path", pa.string(), "((1,2),(3,4))", "((1,2),(3,4))"),
    ("tsvector", pa.string(), "'a':1 'b':2", "'a':1 'b':2"),
    ("tsquery", pa.string(), "'a' & 'b'", "'a' & 'b'"),
    ("pg_lsn", pa.string(), "16/B374D848", "16/B374D848"),
    ("xid8", pa.string(), "18446744073709551615", "18446744073709551615"),
    ("jsonpath", pa.string(), '$."a"', '$."a"'),
    ("int2vector", pa.string(), "1 2", "1 2"),
    ("vector", pa.string(), "[1,2]", "[1,2]"),
    ("int4range", pa.string(), "[1,5)", "[1,5)"),
    ("int4range", pa.string(), "empty", "empty"),
    ("daterange", pa.string(), "(,infinity)", "(,infinity)"),
    ("numrange", pa.string(), "[0.10,)", "[0.10,)"),
    ("int4multirange", pa.string(), "{[1,2),[5,6)}", "{[1,2),[5,6)}"),
    ("mood", pa.string(), "so so", "so so"),
    ("posint", pa.int32(), "7", 7),
    ("price", pa.decimal128(10, 2), "7.5", Decimal("7.50")),
    ("word", pa.string(), "ab", "ab "),
    ("pt", pa.json_(), '(1,"x ""y")', '{"x":1,"y":"x \\"y"}'),
    ("pt", pa.json_(), "(,)", '{"x":null,"y":null}'),
    ("int[]", pa.list_(pa.int32()), "{1,2,NULL}", [1, 2, None]),
    ("int[]", pa.list_(pa.int32()), "{}", []),
    ("text[]", pa.list_(pa.string()), '{a,"b,c",NULL,"NULL",""}', ["a", "b,c", None, "NULL", ""]),
    ("char(3)[]", pa.list_(pa.string()), "{a,bcd}", ["a  ", "bcd"]),
    (
        "numeric(10,2)[]",
        pa.list_(pa.decimal128(10, 2)),
        "{1.50,2.25}",
        [Decimal("1.50"), Decimal("2.25")],
    ),
    ("numeric[]", pa.list_(pa.string()), "{1.50,NaN}", ["1.50", "NaN"]),
    ("bool[]", pa.list_(pa.bool_()), "{t,f}", [True, False]),
    ("bytea[]", pa.list_(pa.binary()), '{"\\\\x00ff"}', [b"\x00\xff"]),
    ("date[]", pa.list_(pa.date32()), "{2024-01-01,NULL}", [dt.date(2024, 1, 1), None]),
    (
        "timestamptz[]",
        pa.list_(pa.timestamp("us", "UTC")),
        "{2024-01-01 00:00:00+00}",
        [dt.datetime(2024, 1, 1, tzinfo=UTC)],
    ),
    ("mood[]", pa.list_(pa.string()), '{sad,"so so"}', ["sad", "so so"]),
    ("posint[]", pa.list_(pa.int32()), "{7,8}", [7, 8]),
    ("inet[]", pa.list_(pa.string()), "{10.0.0.1,10.0.0.0/8}", ["10.0.0.1", "10.0.0.0/8"]),
    ("int4range[]", pa.list_(pa.string()), '{"[1,5)"}', ["[1,5)"]),
    ("jsonb[]", pa.list_(pa.json_()), '{"{\\"a\\": 1}"}', ['{"a": 1}']),
    ("uuid[]", pa.list_(pa.uuid()), "{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}", None),
    (
        "money[]",
        pa.list_(pa.decimal128(19, 2)),
        '{$1.50,"$1,000.00"}',
        [Decimal("1.50"), Decimal("1000.00")],
    ),
    ("box[]", pa.list_(pa.string()), "{(3,4),(1,2);(1,1),(0,0)}", ["(3,4),(1,2)", "(1,1),(0,0)"]),
    ("pt[]", pa.json_(), '{"(1,x)"}', '[{"x":1,"y":"x"}]'),
    ("ints", pa.list_(pa.int32()), "{1,2}", [1, 2]),
    ("interval[]", pa.list_(pa.month_day_nano_interval()), '{"1 mon"}', [(1, 0, 0)]),
    ("oid[]", pa.list_(pa.int64()), "{4294967295}", [4294967295]),
]

# type, text of Postgres, and the value of a good row
REFUSED = [
    ("date", "infinity", "2024-01-01"),
    ("date", "-infinity", "2024-01-01"),
    ("timestamp", "infinity", "2024-01-01"),
    ("timestamp", "-infinity", "2024-01-01"),
    ("timestamp", "294276-12-31 23:59:59.999999", "2024-01-01"),
    ("timestamp", "294247-01-10 04:00:54.775808", "2024-01-01"),
    ("timestamptz", "infinity", "2024-01-01"),
    ("timestamptz", "-infinity", "2024-01-01"),
    ("timestamptz", "294276-12-31 00:00:00+00", "2024-01-01"),
    ("time", "24:00:00", "00:00"),
    ("interval", "infinity", "1 day"),
    ("interval", "-infinity", "1 day"),
    ("interval", "2562047:47:16.854776", "1 day"),
    ("numeric(18,4)", "NaN", "1"),
    ("numeric(50,4)", "NaN", "1"),
    ("price", "NaN", "1"),
    ("int[]", "{{1,2},{3,4}}", "{1}"),
    ("int[]", "[2:3]={1,2}", "{1}"),
    ("int[]", "[0:1]={1,2}", "{1}"),
    ("text[]", "{{a},{b}}", "{a}"),
    ("inet[]", "{{10.0.0.1}}", "{10.0.0.1}"),
    ("mood[]", "{{sad}}", "{sad}"),
    ("date[]", "{2024-01-01,infinity}", "{}"),
    ("numeric(10,2)[]", "{1.00,NaN}", "{1}"),
]

TYPES = """
CREATE TYPE mood AS ENUM ('sad', 'so so', 'happy');
CREATE DOMAIN posint AS int CHECK (value > 0);
CREATE DOMAIN price AS numeric(10,2);
CREATE DOMAIN word AS char(3);
CREATE DOMAIN ints AS int[];
CREATE TYPE pt AS (x int, y text);
CREATE EXTENSION vector;
"""


@pytest.fixture(scope="module")
def typed_database(postgres_server: Any) -> Iterator[Address]:
    """A database with the types of these tests, for many small tables."""
    address = postgres_server.create_database("typed")
    address.execute(TYPES)
    yield address
    postgres_server.drop_database("typed")


@pytest.fixture
def typed(typed_database: Address, source_of: Any) -> Iterator[Any]:
    source = source_of(typed_database)
    yield source
    source.context.close()
    typed_database.execute("DROP TABLE IF EXISTS t")


def plain(array: pa.ChunkedArray, expected: Any) -> Any:
    """Return the first value in the form of *expected*: raw numbers where Python has no value."""
    chunk = pa.concat_arrays(array.chunks)
    if isinstance(chunk, pa.ExtensionArray):
        chunk = chunk.storage
    if pa.types.is_date32(chunk.type):
        return chunk.view(pa.int32())[0].as_py()
    if pa.types.is_timestamp(chunk.type) or pa.types.is_time64(chunk.type):
        return chunk.view(pa.int64())[0].as_py()
    value = chunk[0].as_py()
    return value if expected is not None else None


@pytest.mark.parametrize(
    "case", range(len(EXACT)), ids=lambda i: f"{EXACT[i][0]} {EXACT[i][2][:20]}"
)
def test_value_arrives_exactly(typed: Any, case: int) -> None:
    sql_type, arrow, text, expected = EXACT[case]
    typed.execute(f"CREATE TABLE t (id int PRIMARY KEY, v {sql_type})")
    typed.execute(f"INSERT INTO t VALUES (1, CAST(%s::text AS {sql_type})), (2, NULL)", [text])

    table = typed.read("public.t")

    table.validate(full=True)
    assert table.schema.field("v").type == arrow
    assert table["v"].null_count == 1
    assert table["v"][1].as_py() is None
    if expected is not None:
        assert plain(table["v"], expected) == expected
    assert typed.discover()["public.t"].schema == table.schema


def test_text_columns_deliver_the_text_form_of_every_type(typed: Any) -> None:
    cases = [(kind, text) for kind, _, text, _ in EXACT] + [
        (kind, text) for kind, text, _ in REFUSED
    ]
    columns = [f"c{number}" for number in range(len(cases))]
    body = ", ".join(f"{column} {kind}" for column, (kind, _) in zip(columns, cases, strict=True))
    typed.execute(f"CREATE TABLE t ({body})")
    values = ", ".join(f"CAST(%s::text AS {kind})" for kind, _ in cases)
    typed.execute(f"INSERT INTO t VALUES ({values})", [text for _, text in cases])
    forms = ", ".join(f"concat({column})" for column in columns)
    fixed = "SET TimeZone = 'UTC'; SET extra_float_digits = 1; "
    expected = typed.execute(f"{fixed} SELECT {forms} FROM t")[0]

    table = typed.read("public.t", options={"text_columns": tuple(columns)})

    assert tuple(table[column][0].as_py() for column in columns) == expected


@pytest.mark.parametrize(
    "case", range(len(REFUSED)), ids=lambda i: f"{REFUSED[i][0]} {REFUSED[i][1][:20]}"
)
def test_unrepresentable_value_is_located_or_null_by_policy(typed: Any, case: int) -> None:
    sql_type, bad, good = REFUSED[case]
    typed.execute(f"CREATE TABLE t (id int PRIMARY KEY, v {sql_type} NOT NULL)")
    typed.execute("INSERT INTO t VALUES (7, %s), (8, %s), (9, %s)", [good, bad, good])

    with pytest.raises(DataFormatError) as caught:
        typed.read("public.t")
    table = typed.read("public.t", options={"unrepresentable": Unrepresentable.NULL})

    assert "public.t: the column 'v'" in caught.value.message
    assert "in the row with id = 8" in caught.value.message
    assert caught.value.details == {"column": "v", "row": {"id": "8"}}
    assert "text_columns: [v]" in caught.value.fix
    assert table.schema.field("v").nullable
    assert table.num_rows == 3
    if sql_type in {"date[]", "numeric(10,2)[]"}:
        assert sum(chunk.values.null_count for chunk in table["v"].chunks) == 1
    else:
        assert table["v"].is_null().to_pylist() == [False, True, False]


def test_unrepresentable_value_without_a_key_is_located_by_its_page(source: Any) -> None:
    source.execute("CREATE TABLE t AS SELECT NULL::date AS d UNION ALL SELECT 'infinity'")

    with pytest.raises(DataFormatError, match=r"holds infinity in the row with ctid = \(0,2\)"):
        source.read("public.t")


def test_unrepresentable_value_of_a_query_names_its_column(source: Any) -> None:
    with pytest.raises(DataFormatError, match="the column 'd' of type date holds infinity"):
        source.read("q", query="SELECT 'infinity'::date AS d")


def test_error_of_the_query_itself_is_a_data_error(source: Any) -> None:
    source.execute("CREATE TABLE t AS SELECT 0 AS v")

    with pytest.raises(DataFormatError, match="q: division by zero"):
        source.read("q", query="SELECT 1 / v AS x FROM t")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1.5", Decimal("1.500")),
        ("-9999999.999", Decimal("-9999999.999")),
        ("1e2", Decimal("100.000")),
    ],
)
def test_unconstrained_numeric_can_be_a_decimal(source: Any, value: str, expected: Decimal) -> None:
    source.execute("CREATE TABLE t (v numeric, a numeric[])")
    source.execute("INSERT INTO t VALUES (%s, ARRAY[%s::numeric])", [value, value])
    source.settings["unconstrained_numeric"] = "decimal(10, 3)"

    table = source.read("public.t")

    assert table.schema.field("v").type == pa.decimal128(10, 3)
    assert table["v"].to_pylist() == [expected]
    assert table["a"].to_pylist() == [[expected]]


@pytest.mark.parametrize("value", ["1.2345", "10000000", "NaN", "Infinity"])
def test_numeric_that_does_not_fit_its_decimal_is_refused(source: Any, value: str) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY, v numeric)")
    source.execute("INSERT INTO t VALUES (1, 1), (2, %s)", [value])
    options = {"unconstrained_numeric": "decimal(10, 3)"}

    with pytest.raises(DataFormatError, match=f"holds {value} in the row with id = 2"):
        source.read("public.t", options=options)
    table = source.read("public.t", options={**options, "unrepresentable": Unrepresentable.NULL})

    assert table["v"].to_pylist() == [Decimal("1.000"), None]


def test_null_and_a_row_of_nulls_stay_different(source: Any) -> None:
    source.execute("CREATE TYPE pt AS (x int, y text)")
    source.execute("CREATE TABLE t AS SELECT ROW(NULL, NULL)::pt AS v UNION ALL SELECT NULL")

    table = source.read("public.t")

    assert table["v"].is_null().to_pylist() == [False, True]


def test_fields_tell_type_comment_labels_and_not_null(source: Any) -> None:
    source.execute(TYPES)
    source.execute(
        "CREATE DOMAIN feeling AS mood; "
        "CREATE TABLE t (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, f feeling, "
        "n numeric(15,2) NOT NULL DEFAULT 1, twice numeric GENERATED ALWAYS AS (n * 2) STORED); "
        "COMMENT ON COLUMN t.n IS 'a number'; INSERT INTO t (f) VALUES ('sad')"
    )

    table = source.read("public.t")

    schema = table.schema
    assert [field.nullable for field in schema] == [False, True, False, True]
    assert schema.field("n").metadata == {
        b"postgres:type": b"numeric(15,2)",
        b"comment": b"a number",
    }
    assert schema.field("f").metadata[b"postgres:type"] == b"feeling"
    assert json.loads(schema.field("f").metadata[b"postgres:labels"]) == ["sad", "so so", "happy"]
    assert table.to_pylist() == [{"id": 1, "f": "sad", "n": Decimal("1.00"), "twice": "2.00"}]


def test_not_null_that_was_never_validated_is_not_promised(source: Any) -> None:
    source.execute(
        "CREATE TABLE t (v int); INSERT INTO t VALUES (NULL); "
        "ALTER TABLE t ADD CONSTRAINT c NOT NULL v NOT VALID"
    )

    assert source.read("public.t").schema.field("v").nullable


def test_text_forms_do_not_depend_on_the_settings_of_the_role(source: Any) -> None:
    source.execute(
        f"ALTER DATABASE {source.address.database} SET DateStyle = 'German'; "
        f"ALTER DATABASE {source.address.database} SET IntervalStyle = 'iso_8601'; "
        f"ALTER DATABASE {source.address.database} SET TimeZone = 'Asia/Tokyo'; "
        f"ALTER DATABASE {source.address.database} SET extra_float_digits = -5; "
        f"ALTER DATABASE {source.address.database} SET bytea_output = 'escape'"
    )
    source.execute("CREATE TYPE mix AS (f float8, b bytea, i interval, t timestamptz)")
    source.execute(
        "CREATE TABLE t AS SELECT daterange('2024-01-31', '2024-02-01') AS r, "
        "ROW(0.1::float8 + 0.2, '\\x00'::bytea, '1 day'::interval, '2024-01-01Z')::mix AS m"
    )

    table = source.read("public.t", options={"text_columns": ("m",)})

    assert table["r"].to_pylist() == ["[2024-01-31,2024-02-01)"]
    assert table["m"].to_pylist() == [
        '(0.30000000000000004,"\\\\x00","1 day","2024-01-01 00:00:00+00")'
    ]


def test_texts_of_an_sql_ascii_database_must_be_utf8(source: Any, postgres_server: Any) -> None:
    postgres_server.execute(
        "CREATE DATABASE raw_bytes ENCODING 'SQL_ASCII' TEMPLATE template0 LOCALE 'C'"
    )
    source.address = postgres_server.address_of("raw_bytes")
    try:
        source.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
        source.execute("INSERT INTO t VALUES (1, 'a')")
        assert source.read("public.t")["v"].to_pylist() == ["a"]
        source.execute("INSERT INTO t VALUES (2, E'\\xff')")

        with pytest.raises(DataFormatError, match=r"public\.t: invalid byte sequence"):
            source.read("public.t")
    finally:
        source.context.close()
        postgres_server.drop_database("raw_bytes")


def test_money_follows_the_digits_of_the_locale(source: Any) -> None:
    row = source.execute("SELECT scale(0::money::numeric)")[0][0]
    source.execute("CREATE TABLE t AS SELECT 12.34::money AS v")

    assert source.read("public.t").schema.field("v").type == pa.decimal128(19, row)


def test_table_of_rules_is_complete_and_says_what_it_refuses() -> None:
    names = [name for rule in RULES for name in rule.types]

    assert len(names) == len(set(names))
    for rule in RULES:
        assert rule.arrow
        assert rule.parquet


WIDE = """
CREATE TABLE wide AS
SELECT i::bigint AS id, gen_random_uuid() AS uid, 'customer ' || i AS name,
    repeat(md5(i::text), 3) AS body,
    timestamptz '2020-01-01' + i * interval '61.000123 s' AS created,
    timestamp '2021-01-01' + i * interval '7 s' AS updated, date '2020-01-01' + (i % 1500) AS day,
    (i * 1.2345)::numeric(18,4) AS amount, CASE WHEN i % 3 > 0 THEN i % 1000 END AS n_int,
    CASE WHEN i % 5 > 0 THEN i * 1000000::bigint END AS n_big,
    CASE WHEN i % 7 > 0 THEN i % 2 = 0 END AS flag, i / 7.0::float8 AS score,
    CASE WHEN i % 11 > 0 THEN ARRAY['t' || i % 10, NULL, 'u,"' || i] END AS tags,
    (CASE WHEN i % 13 > 0 THEN ARRAY[i * 0.01, NULL] END)::numeric(9,2)[] AS prices,
    decode(md5(i::text), 'hex') AS bytes, jsonb_build_object('id', i, 'f', i * 1.10)::text AS doc
FROM generate_series(1, 5000) i
"""


@pytest.mark.parametrize("batch_bytes", [20_000, 4 << 20])
def test_wide_table_equals_what_another_driver_reads(typed: Any, batch_bytes: int) -> None:
    typed.execute("DROP TABLE IF EXISTS wide")
    typed.execute(WIDE)
    typed.context.batch_bytes = batch_bytes

    table = typed.read("public.wide").sort_by("id")

    with typed.address.connect() as connection:
        expected = connection.execute("SELECT * FROM wide ORDER BY id").fetchall()
    assert [tuple(row.values()) for row in table.to_pylist()] == expected


def test_value_that_cannot_be_located_in_time_is_still_refused(source: Any) -> None:
    source.execute("CREATE TABLE t AS SELECT 'infinity'::date AS d")
    source.settings["statement_timeout"] = 1
    query = (
        "SELECT d, CASE WHEN current_query() LIKE 'COPY%' THEN 0 ELSE length(pg_sleep(9)::text) "
        "END AS v FROM t OFFSET 0"
    )

    with pytest.raises(DataFormatError, match="holds what cannot be represented"):
        source.read("q", query=query)
