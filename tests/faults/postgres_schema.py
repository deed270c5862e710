"""Rows: tables that are dropped, altered, renamed, emptied or closed in the middle of a run."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import attrs
from fault_frame import Row, Workspace
from fault_postgres import ITEMS, OTHERS, Bench, bench
from fault_servers import READER

__all__ = ["ROWS"]

_PATIENCE_SECONDS = 20
_KEEP = "CREATE TABLE kept (LIKE {0} INCLUDING ALL); INSERT INTO kept SELECT * FROM {0};"


@attrs.frozen(kw_only=True)
class _Change:
    """What is done to a table, and how it is undone; `{0}` is the table's name.

    Where rows are written anew only replace is tried: to an increment a row that is written again
    is a changed one.
    """

    what: str
    about: str
    do: tuple[str, ...]
    undo: str = ""
    kind: str | None = None
    keeps_rows: bool = True


_CHANGES = (
    _Change(
        what="drop",
        about="a table is dropped",
        do=(f"{_KEEP} DROP TABLE {{0}}",),
        undo="ALTER TABLE kept RENAME TO {1}",
        kind="replace",
    ),
    _Change(
        what="rename",
        about="a table or a column is renamed",
        do=("ALTER TABLE {0} RENAME TO gone", "ALTER TABLE {0} RENAME COLUMN label TO other"),
        undo="""
            DO $$ BEGIN
              IF to_regclass('gone') IS NOT NULL THEN ALTER TABLE gone RENAME TO {1};
              ELSE ALTER TABLE {0} RENAME COLUMN other TO label; END IF;
            END $$;""",
    ),
    _Change(
        what="alter_type",
        about="a column gets another type, which rewrites the table",
        do=(
            "ALTER TABLE {0} ALTER COLUMN id TYPE numeric(20, 0)",
            "ALTER TABLE {0} ALTER COLUMN label TYPE bytea USING label::bytea",
        ),
        undo="""
            ALTER TABLE {0} ALTER COLUMN id TYPE {2};
            ALTER TABLE {0} ALTER COLUMN label TYPE text
              USING CASE pg_typeof(label)::text WHEN 'bytea' THEN
                convert_from(label::text::bytea, 'UTF8') ELSE label::text END;""",
        kind="replace",
    ),
    _Change(
        what="add_column",
        about="a column is added",
        do=("ALTER TABLE {0} ADD COLUMN extra int",),
    ),
    _Change(
        what="rewrite",
        about="a column is added with a value for each row, which rewrites the table",
        do=("ALTER TABLE {0} ADD COLUMN extra float DEFAULT random()",),
        kind="replace",
    ),
    _Change(
        what="drop_column",
        about="a column is dropped",
        do=("ALTER TABLE {0} DROP COLUMN note",),
        undo="ALTER TABLE {0} ADD COLUMN note text",
    ),
    _Change(
        what="truncate",
        about="a table is emptied, and filled again in the same transaction or not",
        do=(
            "TRUNCATE {0}",
            f"{_KEEP} TRUNCATE {{0}}; INSERT INTO {{0}} SELECT * FROM kept WHERE id % 2 = 0",
        ),
        kind="replace",
        keeps_rows=False,
    ),
    _Change(
        what="permission",
        about="a right is taken away",
        do=(f"REVOKE SELECT ON {{0}} FROM {READER}", f"ALTER ROLE {READER} NOLOGIN"),
        undo=f"GRANT SELECT ON {{0}} TO {READER}; ALTER ROLE {READER} LOGIN",
    ),
)


def _case(change: _Change) -> Callable[[int, Workspace], None]:
    def case(number: int, workspace: Workspace) -> None:
        with bench(f"postgres.{change.what}", number, workspace, kind=change.kind) as found:
            table, text = found.dice.choice((ITEMS, OTHERS)), found.dice.choice(change.do)
            found.write_job(lock_timeout=1, run={"retries": 1})
            before, rows = found.now(), found.source(table)
            with _in_the_background(found, text.format(table)) as begin:
                ended = found.disturbed(lambda _: begin(0.2))
            found.ends_well(ended, before, {table: rows})
            found.execute(change.undo.format(table, table.partition(".")[2], _ID_TYPES[table]))
            found.execute(f"GRANT SELECT ON {table} TO {READER}")
            if change.keeps_rows:
                assert len(found.source(table)) == len(rows)
            found.recovers()

    return case


_ID_TYPES = {ITEMS: "bigint", OTHERS: "int"}


@contextmanager
def _in_the_background(found: Bench, text: str) -> Iterator[Callable[[float], None]]:
    """Run *text* when the block asks for it; at the end of the block it must have run.

    It waits for our readers where they hold the table, as any change of a table does.
    """
    thread = threading.Thread(target=lambda: found.execute(text), daemon=True)

    def begin(seconds: float) -> None:
        thread.start()
        thread.join(seconds)

    yield begin
    thread.join(_PATIENCE_SECONDS)
    assert not thread.is_alive(), f"our sessions keep the table from: {text}"


ROWS = tuple(
    Row(
        name=f"postgres.{change.what}",
        about=f"PostgreSQL: {change.about}, at a random byte",
        demanded=20,
        case=_case(change),
        sampled=4,
        quick=1 if change.what == "truncate" else 0,
    )
    for change in _CHANGES
)
