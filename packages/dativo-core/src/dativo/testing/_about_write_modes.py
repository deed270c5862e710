"""Rules about write modes: each does what the contract says, and no other is accepted."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from dativo.contract import Batch, Operation, Role, WriteMode
from dativo.testing._expect import Expecting, expecting, shown_error
from dativo.testing._rules import Evidence, NotApplicable, rule
from dativo.testing._subject import WriterSubject
from dativo.testing._target import Row, after, orders, refusal

__all__ = ["RULES"]

_TWO = ("id", "region", "note")


@rule("modes.append", Role.WRITER)
def append(subject: WriterSubject, evidence: Evidence) -> None:
    """Append adds the records of each epoch and keeps all others; undeclared it is refused."""
    look = expecting(subject, WriteMode.APPEND, evidence)
    target = look.target
    if not _is_declared(subject, look):
        return
    epochs = [
        pa.concat_tables([orders(range(10), "a"), orders([3, 3], "a"), orders([11], None)]),
        pa.concat_tables([orders(range(5), "a"), orders([12], "")]),
        orders(range(20, 25), "c"),
    ]
    for number, table in enumerate(epochs, start=1):
        target.publish(number, table[:4], table[4:])
        expected = after(WriteMode.APPEND, *epochs[:number])
        look.published(expected, f"after epoch {number}")
    look.looked("three epochs with equal records, NULL and empty texts")


@rule("modes.replace", Role.WRITER)
def replace(subject: WriterSubject, evidence: Evidence) -> None:
    """Replace exchanges all records, with their fields; undeclared it is refused."""
    look = expecting(subject, WriteMode.REPLACE, evidence)
    target = look.target
    if not _is_declared(subject, look):
        return
    other = pa.table({"id": pa.array([1, 2], pa.int64()), "total": [0.5, None]})
    for number, table in enumerate((orders(range(9), "a"), other, orders([4], "c")), start=1):
        target.publish(number, table[:1], table[1:])
        found = target.published()
        names = [] if found is None else list(found.schema.names)
        if not set(table.schema.names) <= set(names) or {"note", "total"} <= set(names):
            look.problem(
                f"after epoch {number} with the fields {', '.join(table.schema.names)} "
                f"readers see the fields {', '.join(names) or 'none'}"
            )
            continue
        expected = after(WriteMode.REPLACE, table, names=table.schema.names)
        what = f"after epoch {number}"
        look.published(expected, what, names=table.schema.names)
    look.looked("three epochs, the second with other fields")


@rule("empty.replace", Role.WRITER)
def empty_replace(subject: WriterSubject, evidence: Evidence) -> None:
    """A replace without records publishes an empty table with its schema."""
    if WriteMode.REPLACE not in subject.info.write_modes:
        raise NotApplicable("the writer does not declare replace")
    look = expecting(subject, WriteMode.REPLACE, evidence)
    target = look.target
    nothing = orders(()).append_column(pa.field("extra", pa.float64()), pa.array([], pa.float64()))
    for stream, epochs in (("kit_first", (nothing,)), ("kit_later", (orders([1]), nothing))):
        here = target.having(stream=stream)
        rows = [here.publish(n, table).record.rows for n, table in enumerate(epochs, start=1)]
        found = here.published()
        where = f"after a replace of {len(epochs) - 1} earlier epochs by no records"
        if found is None:
            look.problem(f"{where} nothing is published, not even a schema")
        elif found.num_rows:
            look.problem(f"{where} readers see {found.num_rows} records")
        elif not found.schema.equals(nothing.schema):
            look.problem(f"{where} readers see the schema {_fields(found.schema)}")
        if rows[-1]:
            look.problem(f"{where} the record tells {rows[-1]} rows")
        look.looked(f"no records after {len(epochs) - 1} epochs")


@rule("modes.merge", Role.WRITER)
def merge(subject: WriterSubject, evidence: Evidence) -> None:
    """Merge keeps the newest version of each key, by epoch, sequence and place."""
    look = expecting(subject, WriteMode.MERGE, evidence)
    target = look.target
    if not _is_declared(subject, look):
        return
    target.publish(1, orders(range(10), "a"))
    twice = pa.concat_tables([orders([6, 7], "older"), orders([6], "newer"), orders([7], None)])
    # Staged in another order than they come in.
    given = {3: twice, 2: orders([3, 4], "second"), 1: orders([4, 5, 10], "first")}
    with target.run() as run:
        staged = [run.stage(table, sequence=sequence) for sequence, table in given.items()]
        run.session.commit(run.identity(2), staged)
    known: dict[object, object] = dict.fromkeys(range(10), "a")
    known |= {3: "second", 4: "second", 5: "first", 6: "newer", 7: None, 10: "first"}
    look.published(_rows(known), "after upserts in one epoch of three batches")
    look.looked("versions of a key in two epochs, in two batches and within one")
    _merge_two_fields(look)
    if WriteMode.REPLACE in subject.info.write_modes:
        refresh = target.having(mode=WriteMode.REPLACE, versioned=True)
        refresh.publish(3, orders(range(4), "fresh"))
        target.publish(4, orders([3, 4], "on"))
        known = {0: "fresh", 1: "fresh", 2: "fresh", 3: "on", 4: "on"}
        what = "after a refresh by replace and another epoch"
        look.published(_rows(known), what)
        look.looked("a refresh by replace, and merging on")


@rule("modes.deletes", Role.WRITER)
def deletes(subject: WriterSubject, evidence: Evidence) -> None:
    """Deletions remove what is older than they are, and delete_missing all that has no key."""
    if not subject.info.deletes:
        raise NotApplicable("the writer does not declare deletes")
    look = expecting(subject, WriteMode.MERGE, evidence)
    target = look.target
    target.publish(1, orders(range(10), "a"))
    with target.run() as run:
        back, gone = orders([1], "back"), orders([2], "short")
        staged = [
            run.stage(_keys([2]), op=Operation.DELETE, sequence=4),
            run.stage(back, sequence=2),
            run.stage(_keys([0, 1, 777]), op=Operation.DELETE, sequence=1),
            run.stage(gone, sequence=3),
        ]
        run.session.commit(run.identity(2), staged)
    known: dict[object, object] = {1: "back", **dict.fromkeys(range(3, 10), "a")}
    what = "after deletions before and after upserts of the same key"
    look.published(_rows(known), what)
    _delete_missing(look, [3, 4, 5], expected=5, epoch=3)
    known = {3: "a", 4: "a", 5: "a", 30: "new in 3"}
    look.published(_rows(known), "after delete_missing with three keys")
    _delete_missing(look, [3, 4, 5, 30, 888], expected=0, epoch=4)
    known |= {40: "new in 4"}
    look.published(_rows(known), "after delete_missing with all keys")
    _delete_missing(look, [], expected=5, epoch=5)
    what = "after delete_missing without a key"
    look.published(_rows({50: "new in 5"}), what)
    target.publish(6, orders([3], "again"))
    what = "after a deleted key came again"
    look.published(_rows({3: "again", 50: "new in 5"}), what)
    look.looked("deletions in two orders, delete_missing with some, all and no keys")


def _is_declared(subject: WriterSubject, look: Expecting) -> bool:
    """Say whether the mode is declared; if not, see that it is refused."""
    if look.target.mode in subject.info.write_modes:
        return True
    error = refusal(lambda: look.target.publish(1, orders(range(3), "refuse me")))
    if error is None:
        look.problem("the mode is not declared, but a commit in it is accepted")
    if look.target.published() is not None:
        look.problem("the mode is not declared, but what was staged in it is published")
    look.looked(f"not declared; a commit ends with {shown_error(error)}")
    return False


def _merge_two_fields(look: Expecting) -> None:
    """Keys of two fields, whose texts differ by case, by a blank, or are empty."""
    two = look.having(stream="kit_merge_two", primary_key=("id", "region"))
    regions = ["eu", "EU", "eu ", "", "é", "e\u0301"]
    for epoch, changed in enumerate((regions, regions[:2]), start=1):
        columns = [[1] * len(changed), changed, [f"epoch {epoch}"] * len(changed)]
        two.target.publish(epoch, pa.table(dict(zip(_TWO, columns, strict=True))))
    expected: list[Row] = [(1, name, "epoch 2") for name in regions[:2]]
    expected += [(1, name, "epoch 1") for name in regions[2:]]
    when = "with a key of two fields, whose texts are alike,"
    two.published(sorted(expected, key=repr), when, names=_TWO)
    two.looked(f"{len(regions)} keys of two fields whose texts are alike")


def _delete_missing(look: Expecting, keys: Sequence[int], *, expected: int, epoch: int) -> None:
    """Upsert a new key and delete all published ones that are not among *keys*."""
    with look.target.run() as run:
        staged = [run.stage(orders([10 * epoch], f"new in {epoch}"), sequence=1)]
        staged.append(run.session.delete_missing(Batch(_keys(keys), op=Operation.DELETE)))
        run.session.commit(run.identity(epoch), staged)
    if staged[-1].rows != expected:
        look.problem(
            f"delete_missing with {len(keys)} keys tells {staged[-1].rows} deletions in place of "
            f"{expected}"
        )


def _keys(ids: Sequence[int]) -> pa.Table:
    return orders(ids).select(["id"])


def _rows(known: dict[object, object]) -> list[Row]:
    return sorted(known.items(), key=repr)


def _fields(schema: pa.Schema) -> str:
    return ", ".join(f"{f.name}: {f.type}{'' if f.nullable else ' not null'}" for f in schema)


RULES = (append, replace, empty_replace, merge, deletes)
