from __future__ import annotations

import datetime as dt
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from parquet_lake import Lake, by, ids

from dativo.contract import Batch, WriteMode
from dativo.errors import DataValidationError, InvalidConfigError, SchemaValidationError
from dativo_writer_parquet import _staging

COUNTRIES = ["DE", None, "fr/x", "", "a b=c%&?*[]{}", "ü😀", "..", "~", "DE"]


def _orders(countries: list[Any] | None = None) -> pa.Table:
    values = COUNTRIES if countries is None else countries
    moment = dt.datetime(2024, 1, 31, 23, 30, tzinfo=dt.UTC)
    return pa.table(
        {
            "id": list(range(len(values))),
            "country": pa.array(values, pa.string()),
            "created_at": pa.array(
                [moment + dt.timedelta(hours=20 * i) for i in range(len(values))],
                pa.timestamp("us", "Europe/Berlin"),
            ),
        }
    )


def _folders(lake: Lake) -> set[str]:
    return {"/".join(name.split("/")[1:-1]) for name in lake.files()}


def _by_id(table: pa.Table) -> pa.Table:
    return table.sort_by("id")


def test_values_name_folders_and_come_back(lake: Lake) -> None:
    lake = lake.having(options=by("country"))
    lake.publish(1, _orders())

    assert "country=DE" in _folders(lake)
    assert "country=__HIVE_DEFAULT_PARTITION__" in _folders(lake)
    assert "country=fr%2Fx" in _folders(lake)
    assert all("country" not in pq.ParquetFile(lake.data / f).schema.names for f in lake.files())
    assert _by_id(lake.read()) == _orders()


def test_the_common_readers_see_the_same_values(lake: Lake) -> None:
    lake = lake.having(options=by("country"))
    lake.publish(1, _orders())
    lake.publish(2, _orders())
    expected = sorted(zip([*range(9)] * 2, COUNTRIES * 2, strict=True), key=repr)

    frame = pl.scan_parquet(lake.data, hive_partitioning=True).collect()
    assert sorted(frame.select("id", "country").rows(), key=repr) == expected
    globbed = pl.scan_parquet(lake.data / "**/*.parquet", hive_partitioning=True).collect()
    assert sorted(globbed.select("id", "country").rows(), key=repr) == expected
    rows = ds.dataset(lake.data, partitioning="hive").to_table().to_pylist()
    assert sorted(((r["id"], r["country"]) for r in rows), key=repr) == expected
    query = "select id, country from read_parquet(?, hive_partitioning=true)"
    found = duckdb.execute(query, [str(lake.data / "**/*.parquet")]).fetchall()
    assert sorted(found, key=repr) == expected


@pytest.mark.parametrize(
    ("part", "first"),
    [
        ("year", "created_at_year=2024"),
        ("month", "created_at_month=2024-01"),
        ("day", "created_at_day=2024-01-31"),
        ("hour", "created_at_hour=2024-01-31T23"),
    ],
)
def test_dates_name_folders_in_utc_and_the_column_stays(lake: Lake, part: str, first: str) -> None:
    lake = lake.having(options=by(f"created_at:{part}"))
    lake.publish(1, _orders())

    assert min(_folders(lake)) == first
    assert _by_id(lake.read()) == _orders()
    frame = pl.scan_parquet(lake.data, hive_partitioning=True).collect()
    assert frame.columns == ["id", "country", "created_at", f"created_at_{part}"]
    assert frame.height == 9


@pytest.mark.parametrize(
    ("arrow", "part", "folders"),
    [
        (pa.date32(), "month", {"d_month=1969-12", "d_month=2024-02", "d_month=-0044-03"}),
        (pa.date64(), "day", {"d_day=1969-12-31", "d_day=2024-02-29", "d_day=-0044-03-14"}),
        (pa.timestamp("s"), "year", {"d_year=1969", "d_year=2024", "d_year=-0044"}),
        (
            pa.timestamp("ms"),
            "hour",
            {"d_hour=1969-12-31T00", "d_hour=2024-02-29T00", "d_hour=-0044-03-14T00"},
        ),
    ],
)
def test_dates_of_every_type_and_age(
    lake: Lake, arrow: pa.DataType, part: str, folders: set[str]
) -> None:
    days = pa.array([-1, 19782, None, -735526], pa.int32()).view(pa.date32())
    table = pa.table({"id": [0, 1, 2, 3], "d": days.cast(arrow)})
    lake = lake.having(options=by(f"d:{part}"))
    lake.publish(1, table)

    assert _folders(lake) == folders | {f"d_{part}=__HIVE_DEFAULT_PARTITION__"}
    assert _by_id(lake.read()) == table


def test_years_that_arrow_miscounts_are_refused(lake: Lake) -> None:
    days = pa.array([2**31 - 1], pa.int32()).view(pa.date32())
    with pytest.raises(DataValidationError, match="beyond the year 32000"):
        lake.having(options=by("d:year")).publish(1, pa.table({"d": days}))


def test_levels_nest_in_the_order_given(lake: Lake) -> None:
    lake = lake.having(options=by("country", "created_at:month"))
    lake.publish(1, _orders(["DE", "FR", "DE", "FR"]))

    assert _folders(lake) == {
        "country=DE/created_at_month=2024-01",
        "country=DE/created_at_month=2024-02",
        "country=FR/created_at_month=2024-02",
    }
    assert _by_id(lake.read()) == _orders(["DE", "FR", "DE", "FR"])


@pytest.mark.parametrize(
    "array",
    [
        pa.array([-(2**63), None, 2**63 - 1]),
        pa.array([0, None, 2**64 - 1], pa.uint64()),
        pa.array([True, None, False]),
        pa.array([dt.date(1, 1, 1), None, dt.date(9999, 12, 31)], pa.date32()),
        pa.array([dt.date(1, 1, 1), None, dt.date(9999, 12, 31)], pa.date64()),
        pa.array(["01", None, "1"], pa.string_view()),
        pa.array(["null", None, "None"], pa.large_string()),
        pa.array(["a", None, "b"]).dictionary_encode(),
        pa.array([1, None, 2]).dictionary_encode(),
    ],
    ids=lambda array: str(array.type),
)
def test_the_exact_type_of_a_folder_column_comes_back(lake: Lake, array: pa.Array) -> None:
    table = pa.table({"id": [0, 1, 2], "key": array})
    lake.having(options=by("key")).publish(1, table)
    found = lake.read()

    assert found.schema == table.schema
    assert sorted(map(str, found["key"].to_pylist())) == sorted(map(str, array.to_pylist()))
    assert found.num_rows == 3


@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.REPLACE])
def test_an_epoch_without_rows_is_readable(lake: Lake, mode: WriteMode) -> None:
    lake = lake.having(options=by("country", "created_at:day"), mode=mode)
    lake.publish(1, _orders([]))
    lake.publish(2)

    assert lake.read() == _orders([])
    assert pl.scan_parquet(lake.data, hive_partitioning=True).collect().height == 0


def test_open_files_are_bounded_and_nothing_is_lost(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_staging, "_most_open_files", lambda: 3)
    table = pa.table({"id": list(range(1000)), "key": [i % 50 for i in range(1000)]})
    lake = lake.having(options=by("key"))
    most = 0
    with lake.session() as session:
        staged = [session.stage(Batch(table.slice(i, 100))) for i in range(0, 1000, 100)]
        most = len(session._area.open_files())  # type: ignore[attr-defined]
        session.commit(lake.identity(1), staged)

    assert most == 3
    assert _by_id(lake.read()) == table


def test_memory_is_bounded_over_all_folders(lake: Lake) -> None:
    table = pa.table({"id": list(range(20000)), "key": [i % 10 for i in range(20000)]})
    lake = lake.having(options=by("key"), context={"buffer_bytes": 20_000})
    lake.publish(1, table)

    assert _by_id(lake.read()) == table
    assert max(lake.row_groups()) * 8 <= 20_000


def test_too_many_folders_are_refused(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_staging, "MAX_PARTITIONS", 10)
    table = pa.table({"id": list(range(11)), "key": list(range(11))})
    with pytest.raises(DataValidationError, match="more than 10 folders"):
        lake.having(options=by("key")).publish(1, table)


@pytest.mark.parametrize(
    ("value", "message"),
    [("x" * 300, "too long a folder name"), ("__HIVE_DEFAULT_PARTITION__", "stands for NULL")],
)
def test_values_that_cannot_name_a_folder_are_refused(lake: Lake, value: str, message: str) -> None:
    with pytest.raises(DataValidationError, match=message):
        lake.having(options=by("country")).publish(1, _orders([value]))


def test_a_date_without_exact_text_is_refused(lake: Lake) -> None:
    days = pa.array([10**7], pa.int32()).view(pa.date32())
    with pytest.raises(DataValidationError, match="without an exact text"):
        lake.having(options=by("d")).publish(1, pa.table({"id": [1], "d": days}))


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        (["nothing"], "there is no column 'nothing'"),
        (["created_at"], "only texts, integers, booleans and dates"),
        (["country:month"], "which has no month"),
        (["day:hour"], "which has no hour"),
        (["country", "country"], "the level 'country' occurs twice"),
        (["day:year"], "would hide the column of that name"),
        (["country", "created_at", "id"], "only texts"),
        (["price"], "only texts"),
        (["long" * 50], "too long a name"),
    ],
)
def test_levels_that_cannot_be_are_refused(lake: Lake, levels: list[str], message: str) -> None:
    table = _orders().append_column("day", pa.array([None] * 9, pa.date32()))
    table = table.append_column("day_year", pa.array([1] * 9))
    table = table.append_column("price", pa.array([1.5] * 9))
    table = table.append_column("long" * 50, pa.array([1] * 9))
    with pytest.raises(SchemaValidationError, match=message) as caught:
        lake.having(options=by(*levels)).publish(1, table)
    assert caught.value.exit_code == 10


def test_a_file_needs_a_column(lake: Lake) -> None:
    with pytest.raises(SchemaValidationError, match="no column would be left"):
        lake.having(options=by("id")).publish(1, ids(1))


def test_folders_do_not_change_between_epochs(lake: Lake) -> None:
    lake.having(options=by("country")).publish(1, _orders())
    other = lake.having(options=by("created_at:month"))
    with pytest.raises(InvalidConfigError, match="created_at_month, but the published data has c"):
        other.publish(2, _orders())
    with pytest.raises(InvalidConfigError, match="is none, but"):
        lake.publish(2, _orders())

    other.having(mode=WriteMode.REPLACE).publish(2, _orders())

    assert _by_id(lake.read()) == _orders()


def test_a_foreign_folder_is_noticed_when_reading(lake: Lake) -> None:
    lake = lake.having(options=by("country"))
    lake.publish(1, _orders(["DE"]))
    (lake.data / "epoch-0000000001/country=DE").rename(lake.data / "epoch-0000000001/x=DE")
    with pytest.raises(Exception, match="no folder of 'country'"):
        lake.read()
