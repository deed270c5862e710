"""Rules about streams that change or lie side by side, and about much data in one."""

from __future__ import annotations

import attrs
import pyarrow as pa

from dativo.contract import Role, WriteMode
from dativo.errors import ConfigurationError, DataError, DativoError
from dativo.testing._bench import Bench
from dativo.testing._child import in_child
from dativo.testing._expect import (
    Expecting,
    expecting_each,
    shown_error,
    shown_record,
)
from dativo.testing._rules import Evidence, NotApplicable, NotVerified, rule
from dativo.testing._subject import WriterSubject
from dativo.testing._target import (
    NAMES,
    Target,
    after,
    contents,
    difference,
    next_fence,
    orders,
    refusal,
    targets,
)

__all__ = ["RULES"]

_MIB = 1 << 20
_MUCH_BYTES = 192 * _MIB
_BOUND_BYTES = 96 * _MIB
_BUDGET_BYTES = 32 * _MIB
_SEED = 20261123
_AWKWARD = (
    *("a", "A", "a/b", "a_b", "a b", "a%2Fb", "a.b", ".", "..", "../a", "a/../b", "/a", ".a"),
    *("\\", "ä", "a\u0308", "😀", "x' OR '1'='1", 'q"q', "select", "_", "con", "s" * 120),
)


@rule("schema.changes", Role.WRITER)
def schema_changes(subject: WriterSubject, evidence: Evidence) -> None:
    """A new nullable field is taken; what published records cannot follow is refused."""
    looks = [
        look
        for look in expecting_each(subject, evidence)
        if look.target.mode is not WriteMode.REPLACE
    ]
    if not looks:
        raise NotApplicable("the writer declares replace only, which takes any schema")
    for look in looks:
        first = orders(range(4), "a")
        # In the middle and of the type of the one behind it: who goes by places mixes them up.
        more = orders(range(4, 7), "b").add_column(1, "extra", pa.array(["x", None, ""]))
        look.target.publish(1, first)
        error = refusal(lambda: look.target.publish(2, more))  # noqa: B023
        if error is not None:
            look.problem(f"a new nullable field ends with {shown_error(error)}")
            continue
        old = first.append_column("extra", pa.nulls(first.num_rows, pa.string()))
        names = (*NAMES, "extra")
        expected = after(look.target.mode, old, more, names=names)
        look.published(expected, "after a new nullable field", names=names)
        for what, table in _refused(more).items():
            _expect_refused(look, what, table)
            look.published(expected, f"after {what}", names=names)
        look.looked(f"a new nullable field, and {', '.join(_refused(more))}")


@rule("streams.separate", Role.WRITER)
def separate(subject: WriterSubject, evidence: Evidence) -> None:
    """Streams do not touch each other, whatever they are called."""
    target = next(targets(subject))
    with target.bench(fence=next_fence()) as bench:
        taken = {
            name: number
            for number, name in enumerate(_AWKWARD)
            if _is_taken(target.having(stream=name), bench, number, evidence=evidence)
        }
        for name, number in taken.items():
            here = target.having(stream=name)
            wrong = difference([(number, name)], contents(here.look(bench)))
            if wrong:
                evidence.problem(f"readers of the stream {name!r} see {wrong}")
            with here.on(bench) as run:
                record = run.session.last_commit()
            given = None if record is None else record.commit.stream
            if given != name:
                evidence.problem(f"last_commit of the stream {name!r} is of the stream {given!r}")
    if len(taken) < 2:  # noqa: PLR2004
        evidence.problem(f"{len(taken)} of {len(_AWKWARD)} streams can be written")
    evidence.looked(f"{len(taken)} streams side by side: {', '.join(map(repr, taken))}")


@rule("memory.bounded_writing", Role.WRITER, seconds=300)
def bounded_writing(subject: WriterSubject, evidence: Evidence) -> None:
    """Staging takes memory by its budget, not by the size of what is staged."""
    target = next(targets(subject)).having(memory_bytes=_BUDGET_BYTES)
    request = {"target": attrs.asdict(target), "size_bytes": _MUCH_BYTES, "seed": _SEED}
    end = in_child("_writing_child:peak", request, seconds=240)
    if not end.has_ended:
        raise NotVerified(f"the child process that stages a large reader failed: {end.reason}")
    grown, rows = end.answer["grown_bytes"], end.answer["rows"]
    size, bound, took = (f"{n // _MIB} MiB" for n in (_MUCH_BYTES, _BOUND_BYTES, grown))
    evidence.looked(
        f"{rows} records of together {size} in one batch, with a budget of "
        f"{_BUDGET_BYTES // _MIB} MiB: the memory grew by {took}"
    )
    if grown > _BOUND_BYTES:
        evidence.problem(
            f"staging {size} in one batch made the memory grow by {took}; at most {bound} is "
            f"allowed with a budget of {_BUDGET_BYTES // _MIB} MiB, whatever the size"
        )


def _is_taken(target: Target, bench: Bench, number: int, *, evidence: Evidence) -> bool:
    """Write one record into *target*; a name that the system cannot have may be refused."""
    try:
        with target.on(bench) as run:
            run.publish(1, orders([number], target.stream))
    except (ConfigurationError, DataError) as error:
        evidence.looked(f"the name {target.stream!r}: refused, {error.code}")
        return False
    except DativoError as error:
        evidence.problem(f"writing the stream {target.stream!r} ends with {shown_error(error)}")
        return False
    return True


def _refused(known: pa.Table) -> dict[str, pa.Table]:
    """Return what cannot follow records with the fields of *known*, by what is wrong with it."""
    table = known.slice(0, 2)
    required = pa.field("must", pa.int64(), nullable=False)
    note = pa.field("note", pa.string(), nullable=False)
    place = table.schema.get_field_index("note")
    return {
        "a changed type": table.set_column(place, "note", pa.array([1, 2])),
        "a dropped field": table.drop_columns(["note"]),
        "a field that is newly required": table.set_column(place, note, table["note"]),
        "a new field that is required": table.append_column(required, pa.array([1, 2])),
    }


def _expect_refused(look: Expecting, what: str, table: pa.Table) -> None:
    error = refusal(lambda: look.target.publish(3, table))
    if not isinstance(error, DataError):
        look.problem(f"{what} ends with {shown_error(error)}, not with an error of exit code 30")
    record = look.target.last_commit()
    if record is None or record.commit.epoch != 2:  # noqa: PLR2004
        look.problem(f"after {what} last_commit gives {shown_record(record)}")


RULES = (schema_changes, separate, bounded_writing)
