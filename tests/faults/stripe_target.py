"""What a writer makes of batches, in memory: merged by id, and appended."""

from __future__ import annotations

from collections import Counter

import attrs
import pyarrow as pa
from fault_frame import Damage
from stripe_account import Account, rows_of

from dativo.contract import Batch, Checkpoint, Operation
from dativo_test_support.stripe import KINDS, FakeStripe

__all__ = ["Target", "compare"]


@attrs.define
class Target:
    """Stores what a checkpoint covers, as the engine does; the rest of a run that fails is dropped.

    Attributes:
        state: The last checkpoint.
        stored: How many records were stored.
        tables: All that was stored, in its order.
    """

    state: Checkpoint | None = None
    stored: int = 0
    tables: list[tuple[Operation, pa.Table]] = attrs.field(factory=list)
    _pending: list[tuple[Operation, pa.Table]] = attrs.field(factory=list)

    def take(self, batch: Batch) -> None:
        """Take a batch; with a checkpoint all that came is stored."""
        self._pending.append((batch.op, _plain(pa.table(batch.data))))
        if batch.checkpoint is not None:
            self.state = batch.checkpoint
            self.stored += sum(table.num_rows for _, table in self._pending)
            self.tables += self._pending
            self._pending = []

    def abandon(self) -> None:
        """Drop what no checkpoint covers."""
        self._pending = []

    def merged(self) -> pa.Table:
        """Return what is there by id: the last state of each object that was not deleted."""
        place: dict[str, int] = {}
        written: list[pa.Table] = []
        count = 0
        for operation, table in self.tables:
            ids = table.column("id").to_pylist()
            if operation is Operation.DELETE:
                for name in ids:
                    place.pop(name, None)
                continue
            place.update(zip(ids, range(count, count + len(ids)), strict=True))
            written.append(table)
            count += len(ids)
        return pa.concat_tables(written).take(pa.array(list(place.values()), pa.int64()))

    def doubled(self) -> list[str]:
        """Return the ids of rows that were written twice although nothing in them has changed."""
        written = pa.concat_tables(
            [table for operation, table in self.tables if operation is not Operation.DELETE]
        )
        ids = written.column("id").to_pylist()
        often = {name for name, times in Counter(ids).items() if times > 1}
        places = [place for place, name in enumerate(ids) if name in often]
        again = written.take(pa.array(places, pa.int64())).to_pylist()
        rows = Counter(repr(row) for row in again)
        return [row for row, times in rows.items() if times > 1]


def compare(
    fake: FakeStripe, account: Account, target: Target, *, is_appended: bool = True
) -> None:
    """Compare what is in *target* with the objects of *fake*, value by value.

    With *is_appended* no row may have been written twice, even if merging would heal that.

    Raises:
        Damage: Objects are lost, doubled, foreign or not as they are in the account.
    """
    expected = _expected(fake, account)
    found = target.merged()
    doubled = target.doubled() if is_appended else []
    wanted, there = (set(table.column("id").to_pylist()) for table in (expected, found))
    lost, foreign = len(wanted - there), len(there - wanted)
    if lost or foreign or doubled:
        raise Damage(
            f"{found.num_rows} objects in place of {expected.num_rows}: "
            f"{sorted(wanted ^ there)[:3]} {doubled[:2]}",
            lost=lost,
            doubled=len(doubled),
            partial=foreign,
        )
    expected, found = expected.sort_by("id"), found.sort_by("id")
    if not found.equals(expected):
        wrong = [name for name in expected.column_names if found[name] != expected[name]]
        rows = [
            (one, other)
            for one, other in zip(
                found.select(["id", *wrong]).to_pylist(),
                expected.select(["id", *wrong]).to_pylist(),
                strict=True,
            )
            if one != other
        ]
        raise Damage(f"{rows[0][0]} in place of {rows[0][1]}", partial=len(rows))


def _expected(fake: FakeStripe, account: Account) -> pa.Table:
    kind = KINDS[account.row.object]
    with fake.store.lock:
        there = {record.id: record for record in fake.store.records(kind)}
    same = [place for place, record in enumerate(account.records) if there.get(record.id) is record]
    for place in same:
        del there[account.records[place].id]
    others = rows_of(account.row, [fake.read(name) for name in there])
    return pa.concat_tables([account.rows.take(pa.array(same, pa.int64())), others])


def _plain(table: pa.Table) -> pa.Table:
    """Return *table* with JSON as text, which is what it is stored as."""
    columns = [
        column.cast(pa.string()) if isinstance(column.type, pa.BaseExtensionType) else column
        for column in table.columns
    ]
    return pa.table(columns, names=table.column_names)
