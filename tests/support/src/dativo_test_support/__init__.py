"""What the tests of every package share: a PostgreSQL server, a shop database, plugin wheels."""
