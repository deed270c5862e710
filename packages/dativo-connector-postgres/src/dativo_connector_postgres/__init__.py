"""Read tables, views and queries from PostgreSQL as Arrow streams."""
