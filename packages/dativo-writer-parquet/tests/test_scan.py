"""scan: the published state as a lazy polars frame, compared with what read_back gives."""

from __future__ import annotations

import datetime as dt
import random
import subprocess
import sys
from typing import Any

import polars as pl
import pyarrow as pa
import pytest
from parquet_lake import Lake, by, ids
from polars.testing import assert_frame_equal

from dativo.contract import Batch, Operation, WriteMode
from dativo.errors import CapabilityMissingError, ResourceNotFoundError, StateUnreadableError
from dativo_test_support.context import FakeContext
from dativo_writer_parquet import compact, scan


def _same(lake: Lake, key: str = "id") -> pl.DataFrame:
    """Compare the scan with read_back, and return it."""
    frame = scan(lake.data).collect()
    expected = pl.DataFrame(lake.read())
    assert frame.columns == expected.columns
    assert_frame_equal(
        frame.sort(key, *frame.columns, nulls_last=True),
        expected.sort(key, *frame.columns, nulls_last=True),
        check_dtypes=False,
        categorical_as_str=True,
    )
    assert_frame_equal(scan(lake.path, stream=lake.stream).collect(), frame, check_row_order=False)
    return frame


@pytest.mark.parametrize("seed", range(6))
def test_merged_streams_agree_with_read_back(merged: Lake, seed: int) -> None:
    source = random.Random(seed)
    merged = merged.having(options=by("part") if seed % 2 else None, settings={"file_rows": 30})
    if seed % 3 == 0:
        first = pa.table({"id": range(20), "part": ["a"] * 20, "n": [0.0] * 20})
        merged.having(mode=WriteMode.REPLACE, versioned=True).publish(1, first)
    else:
        merged.publish(
            1, Batch(ids(5), op=Operation.DELETE), pa.table({"id": [1], "part": ["a"], "n": [0.5]})
        )
    for epoch in range(2, 6):
        keys = [source.randrange(60) for _ in range(50)]
        table = pa.table(
            {
                "id": keys,
                "part": [source.choice(["a", "b/ä", None]) for _ in keys],
                "n": [source.random() for _ in keys],
                **({"new": [source.choice("xy") for _ in keys]} if epoch > 2 else {}),
            }
        )
        merged.publish(epoch, table, Batch(ids(*keys[:9]), op=Operation.DELETE))
        if epoch == 3:
            compact(merged.config, merged.request, FakeContext())

        assert _same(merged).height > 0, f"seed {seed}"


@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.REPLACE], ids=str)
def test_appended_and_replaced_streams_come_as_they_are(lake: Lake, mode: WriteMode) -> None:
    lake = lake.having(mode=mode)
    lake.publish(1, ids(1, 1))
    lake.publish(2, pa.table({"id": [2], "new": ["x"]}))

    frame = scan(lake.data)
    assert isinstance(frame, pl.LazyFrame)
    assert _same(lake).rows() == (
        [(1, None), (1, None), (2, "x")] if mode is WriteMode.APPEND else [(2, "x")]
    )


def test_columns_of_folders_have_their_types_and_names(lake: Lake) -> None:
    table = pa.table(
        {
            "id": [1, 2, 3],
            "a b": ["x/y", None, "01"],
            "number": pa.array([1, -2, None], pa.int16()),
            "flag": [True, False, None],
            "day": pa.array([dt.date(2026, 1, 2), None, dt.date(1, 1, 1)]),
            "at": pa.array([0, 1, None], pa.timestamp("us", "UTC")),
            "code": pa.array(["k", "l", None]).dictionary_encode(),
        }
    )
    lake = lake.having(options=by("a b", "number", "flag", "day", "code", "at:month"))
    lake.publish(1, table)

    assert _same(lake).schema["day"] == pl.Date


def test_an_encoding_may_change(lake: Lake) -> None:
    lake.publish(1, pa.table({"id": [1], "text": ["x"]}))
    lake.publish(2, pa.table({"id": [2], "text": pa.array(["y"]).dictionary_encode()}))
    lake.publish(3, pa.table({"id": [3], "text": pa.array(["z"], pa.string_view())}))

    assert sorted(scan(lake.data).cast({"text": pl.String}).collect()["text"]) == ["x", "y", "z"]


KEYS: dict[str, Any] = {
    "uuid": pa.array([bytes(15) + bytes([n]) for n in range(4)], pa.uuid()),
    "decimal": pa.array([1, 2, 3, 4], pa.decimal128(10, 2)),
    "bytes": pa.array([b"a", b"b", b"c", b"\xff"]),
    "time": pa.array([1, 2, 3, 4], pa.timestamp("us", "UTC")),
    "date": pa.array([1, 2, 3, 4], pa.date32()),
    "bool": pa.array([True, False, True, False]),
    "dictionary": pa.array(["a", "b", "c", "d"]).dictionary_encode(),
}


@pytest.mark.parametrize("kind", KEYS)
def test_keys_of_many_types(merged: Lake, kind: str) -> None:
    merged.publish(1, pa.table({"id": KEYS[kind], "n": [1, 2, 3, 4]}))
    merged.publish(2, pa.table({"id": KEYS[kind].slice(1, 2), "n": [5, 6]}))

    assert sorted(scan(merged.data).collect()["n"]) == sorted(merged.read()["n"].to_pylist())


def test_an_empty_stream_has_its_columns(merged: Lake) -> None:
    merged.publish(1, ids())

    assert scan(merged.data).collect_schema() == {"id": pl.Int64}
    assert scan(merged.data).collect().height == 0


def test_what_is_no_stream_is_refused(lake: Lake) -> None:
    lake.publish(1, ids(1))
    with pytest.raises(ResourceNotFoundError, match="is not the folder of a stream") as caught:
        scan(lake.path)
    assert "the stream's name" in caught.value.fix
    with pytest.raises(ResourceNotFoundError):
        scan(lake.path / "nothing")
    with pytest.raises(ResourceNotFoundError, match="nothing is published of other"):
        scan(lake.path, stream="other")
    copy = lake.path / "elsewhere"
    lake.data.rename(copy)
    with pytest.raises(ResourceNotFoundError):
        scan(copy)
    next(copy.rglob("*.parquet")).write_bytes(b"")
    with pytest.raises(StateUnreadableError):
        scan(copy)


def test_without_polars_it_says_what_to_install(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "dativo_writer_parquet._frames", raising=False)
    monkeypatch.setitem(sys.modules, "polars", None)
    with pytest.raises(CapabilityMissingError) as caught:
        scan(lake.data)

    assert "dativo-writer-parquet[polars]" in caught.value.fix


def test_importing_the_writer_imports_neither_polars_nor_pyarrow() -> None:
    program = (
        "import sys, dativo_writer_parquet\n"
        "print(sorted({'polars', 'pyarrow', 'obstore'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout == "[]\n"
