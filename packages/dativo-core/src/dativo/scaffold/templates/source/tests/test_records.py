"""Values from JSON become exactly what the schema says, or an error."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from dativo.errors import DataValidationError

from dativo_connector_sample_system._catalog import find_endpoint
from dativo_connector_sample_system._records import to_arrow

ORDER = {
    "id": "order-1",
    "updated_at": "2026-01-31T12:00:00Z",
    "customer": "customer-1",
    "quantity": 2,
    "total": "12.50",
}


def test_values_keep_all_their_digits() -> None:
    [row] = to_arrow([ORDER], find_endpoint("orders").schema).to_pylist()

    assert row["total"] == Decimal("12.50")
    assert row["updated_at"] == dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC)
    assert row["note"] is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("quantity", 1.5),
        ("quantity", True),
        ("quantity", "2"),
        ("quantity", 2**63),
        ("total", "12.505"),
        ("total", 12.5),
        ("updated_at", "yesterday"),
        ("customer", None),
    ],
)
def test_a_value_that_does_not_fit_is_refused(name: str, value: Any) -> None:
    with pytest.raises(DataValidationError, match=name):
        to_arrow([{**ORDER, name: value}], find_endpoint("orders").schema)
