"""A shop database: related tables with the types and the gaps that real ones have."""

from __future__ import annotations

from importlib.resources import files

from dativo_test_support.postgres import Address

__all__ = ["TABLES", "VIEWS", "change_orders", "count_rows", "load_shop"]

TABLES = (
    "addresses",
    "categories",
    "customers",
    "events",
    "inventory",
    "order_items",
    "orders",
    "payments",
    "products",
    "reviews",
)
"""The tables; events is partitioned."""

VIEWS = ("daily_sales", "open_orders")
"""A materialized view and a view."""


def load_shop(address: Address, *, orders: int = 60_000) -> dict[str, int]:
    """Load the shop into an empty database and return the number of rows of each table and view.

    Every order has four items on average.  Two loads of the same size are equal.
    """
    script = files("dativo_test_support").joinpath("shop.sql").read_text(encoding="utf-8")
    address.execute(f"SET shop.orders = '{orders:d}'; {script}")
    return count_rows(address)


def count_rows(address: Address) -> dict[str, int]:
    """Count the rows of each table and view of the shop."""
    names = (*TABLES, *VIEWS)
    counts = " UNION ALL ".join(f"SELECT '{name}', count(*) FROM {name}" for name in names)
    return {str(name): int(rows) for name, rows in address.execute(counts)}


def change_orders(address: Address, *, changed: int, added: int) -> None:
    """Change the first orders and add new ones; both get a later `updated_at` than any before."""
    address.execute(
        f"""
        CREATE TEMP TABLE latest AS
        SELECT max(id) AS id, max(updated_at) AS updated_at, max(ordered_at) AS ordered_at
        FROM orders;
        UPDATE orders SET
          status = 'delivered',
          updated_at = latest.updated_at + orders.id * interval '1 millisecond'
        FROM latest WHERE orders.id <= {changed:d};
        INSERT INTO orders
          (id, public_id, customer_id, status, total, currency, ordered_at, updated_at)
        SELECT
          latest.id + i, md5('order ' || (latest.id + i))::uuid, 1 + i % 10, 'open', i, 'EUR',
          latest.ordered_at + i * interval '1 minute', latest.updated_at + i * interval '1 minute'
        FROM latest, generate_series(1, {added:d}) AS i;
        """
    )
