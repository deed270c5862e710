"""Both readers deliver the same.

Collected only where the tests read with the compiled reader, which they all do then: see
``conftest.py``.
"""

from __future__ import annotations

from typing import Any

import attrs
import pyarrow as pa
import pytest
import type_matrix as types

from dativo.errors import DataFormatError, InternalError
from dativo_connector_postgres import _compiled
from dativo_connector_postgres._config import Unrepresentable

CASES = [(kind, text) for kind, _, text, _ in types.EXACT]
REFUSED = [(kind, text) for kind, text, _ in types.REFUSED]
COLUMNS = """
    i::bigint AS id, (i % 65536 - 32768)::int2 AS small, -i AS int, i::oid AS oid,
    CASE WHEN random() < 0.2 THEN NULL ELSE (random() - 0.5) * 10 ^ (i % 30) END AS f8,
    (random() * 10 ^ (i % 30))::float4 AS f4,
    ((random() - 0.5) * 10 ^ (i % 12))::numeric(16, 4) AS money_like,
    ((random() - 0.5) * 10 ^ (i % 20 - 10))::numeric AS free,
    trunc((random()::numeric - 0.5) * 10 ^ (i % 50)::numeric, i % 20)::numeric(70, 20) AS wide,
    (random() * 1e9)::numeric::money AS money,
    repeat(chr(32 + i % 3000), i % 7) AS text, decode(md5(i::text), 'hex') AS bytes,
    date '4714-11-24 BC' + (random() * 3e6)::int AS day,
    timestamp '4000-01-01 BC' + random() * interval '9000 years' AS moment,
    timestamptz '1900-01-01' + random() * interval '200 years' AS instant,
    time '00:00' + random() * interval '23:59:59' AS time,
    make_interval(i % 99, i % 7, 0, -i, 1, 2, random() * 60) AS span,
    (time '00:00' + random() * interval '1 day')::timetz AS timetz,
    md5(i::text)::uuid AS uuid, jsonb_build_object('a', i, 'b', random()) AS jsonb,
    to_json(random()) AS json, ('10.0.0.0'::inet + i) AS inet,
    set_masklen('2001:db8::'::inet + i, i % 129) AS net6,
    int4range(i, i + 5) AS ints, numrange(NULL, random()::numeric) AS numbers,
    tstzrange(timestamptz '2000-01-01' + random() * interval '90 years', NULL, '(]') AS moments,
    daterange(date '0040-01-01 BC' + i, 'infinity') AS days,
    CASE WHEN i % 3 > 0 THEN ARRAY[i, NULL, -i] END AS numbers_of,
    ARRAY[random()::numeric(9, 5), NULL] AS decimals, ARRAY['a' || i, NULL, ''] AS texts,
    i % 2 = 0 AS flag
"""


@pytest.fixture
def typed(source: Any) -> Any:
    source.execute(types.TYPES)
    return source


def both(source: Any, stream: str, **parts: Any) -> tuple[pa.Table, pa.Table]:
    """Read a stream with each reader."""
    tables = []
    for reader in ("adbc", "compiled"):
        source.settings["reader"] = reader
        tables.append(source.read(stream, **parts))
    return tables[0], tables[1]


def fill(source: Any, cases: list[tuple[str, str]]) -> None:
    """Make a table with a column for each case: a row with the values, and one with NULLs."""
    names = [f"c{number}" for number in range(len(cases))]
    body = ", ".join(f"{name} {kind}" for name, (kind, _) in zip(names, cases, strict=True))
    values = ", ".join(f"CAST(%s::text AS {kind})" for kind, _ in cases)
    source.execute(f"CREATE TABLE t ({body})")
    source.execute(f"INSERT INTO t VALUES ({values})", [text for _, text in cases])
    source.execute("INSERT INTO t SELECT")


def test_every_type_arrives_the_same(typed: Any) -> None:
    fill(typed, CASES)

    driver, compiled = both(typed, "public.t")

    compiled.validate(full=True)
    assert compiled.schema.equals(driver.schema, check_metadata=True)
    for name in driver.column_names:
        assert compiled[name].combine_chunks().equals(driver[name].combine_chunks()), name


def test_null_for_what_cannot_be_represented_is_the_same(typed: Any) -> None:
    fill(typed, REFUSED)

    driver, compiled = both(typed, "public.t", options={"unrepresentable": Unrepresentable.NULL})

    assert compiled.schema.equals(driver.schema, check_metadata=True)
    assert compiled.equals(driver)


@pytest.mark.parametrize("case", range(len(REFUSED)), ids=lambda i: " ".join(REFUSED[i])[:30])
def test_refusal_is_located_the_same(typed: Any, case: int) -> None:
    fill(typed, [("int", "7"), REFUSED[case]])

    errors = []
    for reader in ("adbc", "compiled"):
        typed.settings["reader"] = reader
        with pytest.raises(DataFormatError) as caught:
            typed.read("public.t")
        errors.append(caught.value)

    assert errors[0].to_dict() == errors[1].to_dict()


@pytest.mark.parametrize("numbers", ["text", "decimal(38, 19)"])
@pytest.mark.parametrize("batch_bytes", [50_000, 4 << 20])
def test_many_values_arrive_the_same(source: Any, numbers: str, batch_bytes: int) -> None:
    source.execute(
        "SELECT setseed(0.5); CREATE TABLE t AS SELECT "
        + COLUMNS
        + " FROM generate_series(1, 5000) i"
    )
    source.settings["unconstrained_numeric"] = numbers
    source.context.batch_bytes = batch_bytes
    source.execute("UPDATE t SET free = round(free, 19)")

    driver, compiled = both(source, "public.t")

    assert compiled.num_rows == 5000
    for name in driver.column_names:
        assert compiled[name].combine_chunks().equals(driver[name].combine_chunks()), name


def test_batches_keep_to_both_limits(source: Any) -> None:
    source.context.batch_bytes, source.context.batch_rows = 100_000, 700
    query = "SELECT i, repeat('x', i % 300) AS v FROM generate_series(1, 20000) i"
    (batch,) = source.batches("q", query=query)

    sizes = [(one.num_rows, one.nbytes) for one in pa.RecordBatchReader.from_stream(batch.data)]

    assert sum(rows for rows, _ in sizes) == 20_000
    assert max(rows for rows, _ in sizes) == 700
    assert max(size for _, size in sizes) < 200_000


def test_run_says_that_the_compiled_reader_reads(source: Any) -> None:
    (batch,) = source.batches("q", query="SELECT 1 AS v")

    assert batch.note == "compiled reader"
    assert ("info", "rows are read by the compiled reader") in source.context.logs


def test_format_that_does_not_fit_is_refused_and_names_the_other_reader(
    source: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    source.execute("CREATE TABLE t AS SELECT 7 AS v")
    (batch,) = source.batches("public.t")
    read = _compiled.CompiledSession.read

    def misread(self: Any, plan: Any, *others: Any) -> Any:
        (field,) = plan.fields
        wrong = attrs.evolve(field, encoding=attrs.evolve(field.encoding, copied="v::int8"))
        return read(self, attrs.evolve(plan, fields=(wrong,)), *others)

    monkeypatch.setattr(_compiled.CompiledSession, "read", misread)
    with pytest.raises(InternalError, match="wrong length") as caught:
        source.context.read(batch.data)

    assert "reader: adbc" in caught.value.fix


def test_driver_is_not_loaded_where_the_compiled_reader_reads(source: Any) -> None:
    import subprocess
    import sys

    address = source.address
    script = f"""
import sys
from dativo.contract import ReadMode, Secret, StreamRequest
from dativo_connector_postgres import PostgresConfig, PostgresOptions, extract
from dativo_test_support.context import FakeContext
config = PostgresConfig(host={address.host!r}, port={address.port}, user={address.user!r},
    database={address.database!r}, password=Secret({address.password!r}))
request = StreamRequest(stream="q", query="SELECT 1 AS v", options=PostgresOptions(),
    mode=ReadMode.FULL)
with FakeContext() as context:
    for batch in extract(config, request, None, context):
        assert context.read(batch.data).to_pylist() == [{{"v": 1}}]
assert not [name for name in sys.modules if name.startswith("adbc")]
"""
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize(
    ("stream", "parts"),
    [("public.t", {}), ("public.t", {"where": "id > 10"}), ("public.v", {})],
    ids=["table", "filtered", "view"],
)
def test_rows_that_the_reader_drops_are_missed_without_another_question(
    source: Any, stream: str, parts: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    source.execute(
        "CREATE TABLE t AS SELECT i AS id FROM generate_series(1, 3000) i; "
        "CREATE VIEW v AS SELECT * FROM t"
    )
    read = _compiled.CompiledSession.read

    def without_first(self: Any, *wanted: Any) -> Any:
        return list(read(self, *wanted))[1:]

    monkeypatch.setattr(_compiled.CompiledSession, "read", without_first)
    source.context.batch_rows = 1000
    (batch,) = source.batches(stream, **parts)

    arrived = source.context.read(batch.data).num_rows
    source.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
        "current_database() AND application_name = 'dativo'"
    )
    assert callable(batch.rows)
    assert arrived < batch.rows() == (2990 if parts else 3000)
