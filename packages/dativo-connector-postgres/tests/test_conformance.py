from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, ClassVar

from dativo.testing import Denied, Inapplicable, SourceCases, SourceConformance, Waiting
from dativo_test_support.postgres import Address
from dativo_test_support.shared import postgres_server

_SCHEMA = """
CREATE SCHEMA shop;
CREATE TABLE shop.orders (id bigint PRIMARY KEY, updated_at timestamptz NOT NULL,
                          total numeric(12, 2), note text, tags text[]);
INSERT INTO shop.orders SELECT n, '2026-01-01'::timestamptz + n % 7 * interval '1 hour', n / 7.0,
                               'order ' || n, ARRAY['a', NULL] FROM generate_series(1, 100) AS n;
CREATE TABLE shop.customers (region text, number int, name text, PRIMARY KEY (region, number));
INSERT INTO shop.customers SELECT 'north', n, 'customer ' || n FROM generate_series(1, 50) AS n;
CREATE TABLE shop.refunds (id bigint PRIMARY KEY, at date);
CREATE TABLE shop.archive (id bigint PRIMARY KEY, body text);
INSERT INTO shop.archive SELECT n, repeat('x', 10000) FROM generate_series(1, 4000) AS n;
CREATE ROLE conformance_reader LOGIN PASSWORD 'few rights';
GRANT USAGE ON SCHEMA shop TO conformance_reader;
GRANT SELECT ON shop.archive, shop.customers, shop.refunds TO conformance_reader;
"""
_CHANGE = """
UPDATE shop.orders SET note = 'changed', updated_at = (SELECT max(updated_at) FROM shop.orders)
                   WHERE id = (SELECT min(id) FROM shop.orders WHERE note <> 'changed');
INSERT INTO shop.orders (id, updated_at) SELECT max(id) + 1, max(updated_at) FROM shop.orders;
"""
_ELSEWHERE = (
    "AUTHENTICATION CONFIGURATION CONNECT_TIMEOUT DATABASE_LOCK DATA_FORMAT DATA_VALIDATION "
    "RESOURCE_UNAVAILABLE SCHEMA_VALIDATION SERVICE_UNAVAILABLE STATE"
)


class TestPostgres(SourceConformance):
    connector = "postgres"
    not_verified: ClassVar = {"hosts.declared": "libpq opens its own sockets"}

    def cases(self) -> Iterator[SourceCases]:
        shop, locked = _databases()
        good = _settings(shop)
        with locked.connect(autocommit=False) as session:
            session.execute("LOCK TABLE shop.orders")
            yield self.situations(good, locked)

    def situations(self, good: dict[str, Any], locked: Address) -> SourceCases:
        return SourceCases(
            good=good,
            bad_credentials={**good, "password": "wrong password"},
            unreachable={**good, "port": 1},
            check_seconds=5.0,
            missing_privilege=Denied(
                config={**good, "user": "conformance_reader", "password": "few rights"},
                stream="shop.orders",
            ),
            errors=dict.fromkeys(_ELSEWHERE.split(), Inapplicable("see the other tests")),
            streams=("shop.archive", "shop.customers", "shop.orders", "shop.refunds"),
            selections={
                "shop.orders": {"cursor": "updated_at", "options": {"partitions": 3}},
                "shop.refunds": {"cursor": "at"},
            },
            conditions={"shop.orders": "id % 2 = 0"},
            query="SELECT id, note FROM shop.orders",
            change=self.change,
            large="shop.archive",
            empty="shop.refunds",
            waiting=Waiting(config=_settings(locked), stream="shop.orders"),
        )

    def change(self, stream: str) -> object:
        if stream != "shop.orders":
            return Inapplicable("it has no record that could change")
        return _databases()[0].execute(_CHANGE)


@functools.cache
def _databases() -> tuple[Address, Address]:
    """Make the shop, and one like it, once; they go with the server."""
    server = postgres_server()
    shop = server.create_database("conformance")
    shop.execute(_SCHEMA)
    return shop, server.create_database("conformance_locked", template="conformance")


def _settings(address: Address) -> dict[str, Any]:
    return {
        "host": address.host,
        "port": address.port,
        "database": address.database,
        "user": address.user,
        "password": address.password,
    }
