"""Read tables, views and queries from PostgreSQL as Arrow streams."""

from dativo_connector_postgres._config import PostgresConfig, PostgresOptions
from dativo_connector_postgres._hooks import (
    check_connection,
    describe,
    discover,
    extract,
    plan_read,
)

__all__ = [
    "PostgresConfig",
    "PostgresOptions",
    "check_connection",
    "describe",
    "discover",
    "extract",
    "plan_read",
]
