"""The checkpoint of an incremental read, and the rows that it leaves to read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from dativo.contract import Checkpoint, Context
from dativo.errors import DataValidationError, StateError
from dativo_connector_postgres._config import Ties
from dativo_connector_postgres._history import Point
from dativo_connector_postgres._names import quote, quote_list, quote_literal
from dativo_connector_postgres._plan import StreamPlan
from dativo_connector_postgres._ranges import base_of, compare
from dativo_connector_postgres._relations import Column
from dativo_connector_postgres._snapshot import Snapshot

__all__ = ["CHECKPOINT_VERSION", "Position", "checkpoint_of", "says_the_same"]

CHECKPOINT_VERSION = 1

_MOST_KEYS = 1000
_MOST_KEY_BYTES = 32 * 1024

Keys = tuple[tuple[str, ...], ...]


@attrs.frozen(kw_only=True)
class Position:
    """How far the rows are delivered, in the order of the cursor.

    Attributes:
        value: A value of the cursor, as text. All rows below it are delivered.
        writers: Of a table the transactions that wrote the delivered rows at ``value``; empty if
            none is. They had ended, so that they write no more, and a row that is written again
            gets another writer.
        keys: In their place, of views and queries: the delivered rows by primary key.
        digest: The number of rows at ``value`` and a sum over them: beside ``writers``, which a
            restored or rewritten table has not kept, and in the place of either, where they are
            many.
    """

    value: str
    writers: tuple[str, ...] = ()
    keys: Keys = ()
    digest: tuple[int, str] | None = None

    @classmethod
    def before(cls, value: str) -> Position:
        """All below *value* is delivered, and nothing at it."""
        return cls(value=value)

    @classmethod
    def through(cls, value: str, snapshot: Snapshot, plan: StreamPlan) -> Position:
        """All up to *value* and every row at it in the snapshot is delivered."""
        assert plan.cursor is not None
        here = compare(plan.cursor, "=", value)
        if _is_written(plan):
            wanted = f"xmin::text, {_sum_of(_content(plan))}"
            sql = f"{plan.select(here, expressions=wanted)} GROUP BY 1 LIMIT {_MOST_KEYS + 1}"
            found = snapshot.query(sql)
            if len(found) <= _MOST_KEYS:
                writers = tuple(sorted(writer for writer, _, _ in found))
                total = sum(int(part) for _, _, part in found)
                digest = (sum(rows for _, rows, _ in found), str(total))
                return cls(value=value, writers=writers, digest=digest)
        if plan.primary_key:
            wanted = ", ".join(_version(plan))
            sql = f"{plan.select(here, expressions=wanted)} LIMIT {_MOST_KEYS + 1}"
            keys: Keys = tuple(sorted(tuple(map(str, row)) for row in snapshot.query(sql)))
            if len(keys) <= _MOST_KEYS and len(json.dumps(keys)) <= _MOST_KEY_BYTES:
                return cls(value=value, keys=keys)
        return cls(value=value, digest=_digest(snapshot, plan, here))

    @classmethod
    def of_state(cls, state: Checkpoint, plan: StreamPlan) -> Position | None:
        """Read a committed checkpoint; ``None`` if it is one from before the first row.

        Raises:
            StateError: It is of another cursor or key.
        """
        assert plan.cursor is not None
        found: Mapping[str, Any] = state.value
        expected = _identity(plan, plan.cursor)
        changed = [name for name, value in expected.items() if found.get(name) != value]
        if changed:
            raise StateError(
                f"{plan.name}: the checkpoint was made with another {' and '.join(changed)}: "
                + ", ".join(f"{found.get(name)!r} is now {expected[name]!r}" for name in changed),
                stream=plan.name,
            )
        if found["value"] is None:
            return None
        digest = found.get("digest")
        return cls(
            value=str(found["value"]),
            writers=tuple(map(str, found.get("writers", ()))),
            keys=tuple(tuple(map(str, key)) for key in found.get("keys", ())),
            digest=None if digest is None else (int(digest["rows"]), str(digest["sum"])),
        )

    def to_json(self) -> dict[str, Any]:
        """Return what a checkpoint says of it."""
        value: dict[str, Any] = {"value": self.value}
        if self.writers:
            value["writers"] = list(self.writers)
        if self.keys:
            value["keys"] = [list(key) for key in self.keys]
        if self.digest is not None:
            value["digest"] = {"rows": self.digest[0], "sum": self.digest[1]}
        return value

    def rest(self, snapshot: Snapshot, plan: StreamPlan, context: Context) -> str:
        """Return the condition for all rows that are not delivered.

        Raises:
            DataValidationError: A large group of ties has changed, and the job wants each row once.
        """
        assert plan.cursor is not None
        from_here = compare(plan.cursor, ">=", self.value)
        after = compare(plan.cursor, ">", self.value)
        if self.writers:
            if self._is_restored(snapshot, plan):
                return after
            return f"{from_here} AND ({after} OR {self._is_by_writers('NOT IN')})"
        if self.keys:
            return f"{from_here} AND ({after} OR ({_is_one_of(plan, self.keys)}) IS NOT TRUE)"
        if self.digest is None:
            return from_here
        if self.digest == _digest(snapshot, plan, compare(plan.cursor, "=", self.value)):
            return after
        self._report_changed_ties(plan, context)
        return from_here

    def _is_by_writers(self, operator: str) -> str:
        return f"xmin::text {operator} ({', '.join(map(quote_literal, self.writers))})"

    def _is_restored(self, snapshot: Snapshot, plan: StreamPlan) -> bool:
        """Say whether other transactions have written the same rows again, all of them."""
        assert plan.cursor is not None
        here = compare(plan.cursor, "=", self.value)
        delivered = plan.select(here, self._is_by_writers("IN"), expressions="1")
        if self.digest is None or snapshot.row(f"SELECT EXISTS ({delivered})", plan)[0]:
            return False
        return self.digest == _asked(snapshot, plan, here, _content(plan))

    def _report_changed_ties(self, plan: StreamPlan, context: Context) -> None:
        assert plan.cursor is not None
        assert self.digest is not None
        text = (
            f"{plan.name}: {self.digest[0]} rows with {plan.cursor.name} = {self.value} were "
            "delivered, and this group has changed since"
        )
        if plan.options.ties is Ties.ERROR:
            raise DataValidationError(
                text,
                fix="Choose a finer cursor; or set the option `ties: redeliver`, which delivers "
                "the group again (exact in merge mode); or run with --full-refresh.",
                stream=plan.name,
            )
        context.log(f"{text}; it is delivered again", level="warning", stream=plan.name)


def checkpoint_of(
    plan: StreamPlan,
    position: Position | None,
    pending: Sequence[Mapping[str, Any]],
    *,
    until: Point,
) -> Checkpoint:
    """Return what is stored: how far the rows are delivered, and what is not settled beyond.

    Args:
        plan: The stream's.
        position: How far the rows are delivered.
        pending: What is not settled beyond.
        until: Where the server was when all of this was seen.
    """
    assert plan.cursor is not None
    reached = {"value": None} if position is None else position.to_json()
    value: dict[str, Any] = {**_identity(plan, plan.cursor), **reached}
    if pending:
        value["pending"] = list(pending)
    value |= until.to_json()
    return Checkpoint(value, CHECKPOINT_VERSION)


def says_the_same(one: Checkpoint, other: Checkpoint) -> bool:
    """Say whether two checkpoints differ by nothing but the point at which they were made."""
    shorter = [{**each.value, "server": None} for each in (one, other)]
    return shorter[0] == shorter[1] and one.version == other.version


def _identity(plan: StreamPlan, cursor: Column) -> dict[str, Any]:
    return {"cursor": cursor.name, "type": base_of(cursor).sql, "key": list(plan.primary_key)}


def _is_one_of(plan: StreamPlan, keys: Keys) -> str:
    names = ", ".join(_version(plan)[: len(keys[0])])
    rows = ", ".join(f"({', '.join(map(quote_literal, key))})" for key in keys)
    return f"({names}) IN ({rows})"


def _version(plan: StreamPlan) -> list[str]:
    """Return what tells a row from others and from what it was before, as expressions."""
    keys = [f"{quote(name)}::text" for name in plan.primary_key]
    return [*keys, "xmin::text"] if _is_written(plan) else keys


def _is_written(plan: StreamPlan) -> bool:
    # A refresh of a materialized view writes every row anew.
    return plan.relation is not None and plan.relation.kind in "rp"


def _digest(snapshot: Snapshot, plan: StreamPlan, here: str) -> tuple[int, str]:
    told_apart_by = ", ".join(_version(plan)) if plan.primary_key else _content(plan)
    return _asked(snapshot, plan, here, told_apart_by)


def _asked(snapshot: Snapshot, plan: StreamPlan, here: str, columns: str) -> tuple[int, str]:
    rows, total = snapshot.row(plan.select(here, expressions=_sum_of(columns)), plan)
    return int(rows), str(total)


def _content(plan: StreamPlan) -> str:
    return quote_list(tuple(field.column.name for field in plan.fields))


def _sum_of(columns: str) -> str:
    """Return expressions for the number of rows and a sum over *columns* of each."""
    return f"count(*), coalesce(sum(hashtextextended(ROW({columns})::text, 0)), 0)::text"
