from __future__ import annotations

import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from type_matrix import EXACT, REFUSED, TYPES

from dativo.errors import DataFormatError
from dativo_connector_postgres._config import Unrepresentable
from dativo_connector_postgres._types import RULES
from dativo_test_support.postgres import Address


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
