from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TypeAlias

import pyarrow as pa
import pytest

from dativo.testing._matrix import Sample, numbers_of, samples

Samples: TypeAlias = Mapping[str, Sample]

UNITS = ("s", "ms", "us", "ns")


@pytest.fixture
def known() -> Samples:
    return {sample.name: sample for sample in samples()}


def _numbers(sample: Sample) -> set[int | None]:
    """Return what the values of a sample are made of."""
    values = numbers_of(sample.table)["value"].combine_chunks()
    width = values.type.bit_width
    return {*values.view(pa.int32() if width == 32 else pa.int64()).to_pylist()}


@pytest.mark.parametrize("bits", [8, 16, 32, 64])
def test_integers_reach_the_limits_of_their_types(known: Samples, bits: int) -> None:
    signed = known[f"int{bits}"].table["value"].to_pylist()
    unsigned = known[f"uint{bits}"].table["value"].to_pylist()
    assert {-(2 ** (bits - 1)), 2 ** (bits - 1) - 1, 0, None} == {*signed}
    assert {0, 2**bits - 1, None} == {*unsigned}


@pytest.mark.parametrize(
    ("name", "limits"),
    [
        ("date32, extreme", {-(2**31), 2**31 - 1}),
        ("month_interval", {-(2**31), 2**31 - 1}),
        ("day_time_interval", {-(2**63), 2**63 - 1}),
        *((f"timestamp[{unit}], extreme", {-(2**63), 2**63 - 1}) for unit in UNITS),
        *((f"timestamp[{unit}] UTC, extreme", {-(2**63), 2**63 - 1}) for unit in UNITS),
        *((f"duration[{unit}]", {-(2**63), 2**63 - 1}) for unit in UNITS),
        *((f"time32[{unit}]", {0, 86_400 * 1000**n - 1}) for n, unit in enumerate(UNITS[:2])),
        *((f"time64[{unit}]", {0, 86_400 * 1000**n - 1}) for n, unit in enumerate(UNITS) if n > 1),
    ],
)
def test_times_reach_the_limits_of_their_types_and_are_null(
    known: Samples, name: str, limits: set[int]
) -> None:
    assert _numbers(known[name]) >= {*limits, None}


def test_dates_in_milliseconds_reach_the_last_whole_day(known: Samples) -> None:
    least, most = sorted(one for one in _numbers(known["date64, extreme"]) if one is not None)
    assert (least, most % 86_400_000) == (-most, 0)
    assert 2**63 - most <= 86_400_000


@pytest.mark.parametrize("unit", UNITS)
def test_moments_are_before_1970_and_between_two_seconds(known: Samples, unit: str) -> None:
    second = 1000 ** UNITS.index(unit)
    found = {one for one in _numbers(known[f"timestamp[{unit}] Berlin"]) if one is not None}
    assert {0, -1, -(10**9) * second} < found
    assert max(found) % second == second - 1


@pytest.mark.parametrize("kind", [pa.float16(), pa.float32(), pa.float64()])
def test_floats_have_both_zeros_and_what_is_no_number(known: Samples, kind: pa.DataType) -> None:
    name = {"halffloat": "halffloat", "float": "float", "double": "double"}[str(kind)]
    values = known[name].table["value"].combine_chunks()
    shown = [str(value) for value in values.cast(pa.float64()).to_pylist()]
    assert {"0.0", "-0.0", "nan", "inf", "-inf", "None"} < {*shown}
    given = [float(one) for one in values.cast(pa.float64()).to_pylist() if one is not None]
    finite = sorted({one for one in given if 0 < one < float("inf")})
    bits = {2: pa.uint16(), 4: pa.uint32(), 8: pa.uint64()}[kind.bit_width // 8]
    least = pa.array([finite[0]], pa.float64()).cast(kind, safe=False).view(bits)[0].as_py()
    most = pa.array([finite[-1]], pa.float64()).cast(kind, safe=False).view(bits)[0].as_py()
    infinity = pa.array([float("inf")], kind).view(bits)[0].as_py()
    assert (least, most) == (1, infinity - 1)


def test_decimals_have_all_their_digits(known: Samples) -> None:
    kinds = [sample.table["value"] for sample in known.values()]
    decimals = [column for column in kinds if pa.types.is_decimal(column.type)]
    assert len(decimals) == 7
    for column in decimals:
        values = {value for value in column.to_pylist() if value is not None}
        most = max(values)
        assert most.as_tuple().digits == (9,) * column.type.precision
        assert min(values) == most.copy_negate()
        assert Decimal(0) in values
        assert Decimal(1).scaleb(-column.type.scale) in values


def test_each_sample_has_numbered_records_and_null_where_it_may_be(known: Samples) -> None:
    for sample in known.values():
        table = numbers_of(sample.table)
        assert table["id"].to_pylist() == [*range(table.num_rows)]
        values = table["value"].combine_chunks()
        if pa.types.is_run_end_encoded(values.type):
            values = values.values
        assert bool(values.null_count) == table.schema.field("value").nullable, sample.name
