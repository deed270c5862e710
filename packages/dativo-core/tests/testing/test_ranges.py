from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from dativo.testing._about_ranges import _ranges


def _shown(*values: Any, kind: pa.DataType | None = None) -> list[str]:
    return [str(one) for one in _ranges([pa.chunked_array([pa.array(values, kind)])])]


@pytest.mark.parametrize(
    ("values", "kind", "lower", "upper"),
    [
        ((3, 1, 2, None, 2), None, "2", "3"),
        ((Decimal("1.50"), Decimal("2.50"), Decimal("3.50")), None, "2.50", "3.50"),
        ((date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 3)), None, "2026-01-02", "2026-01-03"),
        (("2026-01", "2026-02", "2026-03"), None, "2026-02", "2026-03"),
        ((0, 1, 2), pa.timestamp("s"), "1970-01-01T00:00:01", "1970-01-01T00:00:02"),
        ((0, 1, 2), pa.timestamp("ms"), "1970-01-01T00:00:00.001", "1970-01-01T00:00:00.002"),
        ((0, 1, 2), pa.timestamp("s", "UTC"), "1970-01-01T00:00:01Z", "1970-01-01T00:00:02Z"),
        (
            tuple(datetime(2026, 7, day, 12, tzinfo=UTC) for day in (1, 2, 3)),
            pa.timestamp("us", "Europe/Berlin"),
            "2026-07-02T12:00:00Z",
            "2026-07-03T12:00:00Z",
        ),
    ],
)
def test_bounds_are_written_as_in_a_job(
    values: tuple[Any, ...], kind: pa.DataType | None, lower: str, upper: str
) -> None:
    ranges = [f"[{lower}, ...)", f"[..., {upper})", f"[{lower}, {upper})"]
    assert _shown(*values, kind=kind) == ranges


def test_of_two_values_each_is_a_bound_and_no_range_is_empty() -> None:
    assert _shown(1, 2) == ["[2, ...)", "[..., 2)"]


@pytest.mark.parametrize(
    "values", [(), (7, 7, None), ("north", "Süd", "west"), (b"a", b"b"), (True, False)]
)
def test_values_without_a_known_order_give_no_range(values: tuple[Any, ...]) -> None:
    assert not _shown(*values)
