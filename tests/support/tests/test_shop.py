from __future__ import annotations

import pytest

from dativo_test_support.postgres import Address, EmbeddedPostgres
from dativo_test_support.shop import TABLES, VIEWS, change_orders, load_shop

pytestmark = pytest.mark.postgres

DIGEST = "SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM {} AS t"


def test_the_largest_table_of_the_full_shop_has_200_000_rows(postgres_database: Address) -> None:
    rows = load_shop(postgres_database)

    assert set(rows) == {*TABLES, *VIEWS}
    assert rows["order_items"] >= 200_000


def test_two_loads_are_equal(postgres_server: EmbeddedPostgres, shop_template: str) -> None:
    other = postgres_server.create_database("second_load")
    load_shop(other, orders=2_000)
    first = postgres_server.address_of(shop_template)

    for table in (*TABLES, "daily_sales"):
        assert other.execute(DIGEST.format(table)) == first.execute(DIGEST.format(table))
    postgres_server.drop_database("second_load")


def test_the_shop_has_every_kind_of_relation_and_key(shop_database: Address) -> None:
    kinds = shop_database.execute(
        "SELECT DISTINCT relkind::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    )
    keys = shop_database.execute("SELECT DISTINCT contype::text FROM pg_constraint")

    assert {kind for (kind,) in kinds} >= {"r", "p", "v", "m"}
    assert {key for (key,) in keys} >= {"p", "f", "u"}


def test_changed_and_added_orders_are_later_than_all_before(shop_database: Address) -> None:
    before = shop_database.execute("SELECT max(updated_at) FROM orders")[0][0]

    change_orders(shop_database, changed=7, added=3)

    later = shop_database.execute("SELECT count(*) FROM orders WHERE updated_at > %s", [before])
    assert later == [(10,)]
