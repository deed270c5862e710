"""The least that a command must do to see that a table has nothing new."""

from __future__ import annotations

import psycopg
import typer

app = typer.Typer()


@app.command()
def main() -> None:
    """Ask once."""
    query = b"SELECT count(*) FROM t00000 WHERE updated_at > now()"
    with psycopg.connect() as connection:
        typer.echo(connection.execute(query).fetchone())


if __name__ == "__main__":
    app()
