from __future__ import annotations

import pyarrow as pa
import pytest

from dativo.contract import Operation
from dativo.testing._about_shape import _differences, _faults
from dativo.testing._bench import Read

ID = pa.field("id", pa.int64(), nullable=False)
NOTE = pa.field("note", pa.string())
DECLARED = pa.schema([ID, NOTE])


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (DECLARED, []),
        (pa.schema([NOTE, ID]), ["the fields are ['note', 'id']"]),
        (pa.schema([ID]), ["the fields are ['id']"]),
        (
            pa.schema([ID, pa.field("note", pa.large_string())]),
            ["the field note is large_string; discovery declares string"],
        ),
        (
            pa.schema([ID.with_nullable(True), NOTE.with_nullable(False)]),
            [
                "the field id is int64; discovery declares int64 not null",
                "the field note is string not null; discovery declares string",
            ],
        ),
        (
            pa.schema([ID, NOTE.with_metadata({"unit": "m"})]),
            ["the field note is string with metadata {b'unit': b'm'}; discovery declares string"],
        ),
        (DECLARED.with_metadata({"of": "shop"}), ["its metadata is {b'of': b'shop'}"]),
    ],
)
def test_each_difference_from_what_is_declared_is_said(found: pa.Schema, said: list[str]) -> None:
    told = list(_differences(DECLARED, found))

    assert len(told) == len(said)
    assert all(text.startswith(start) for text, start in zip(told, said, strict=True)), told


def test_nothing_differs_from_what_is_not_declared() -> None:
    assert not list(_differences(None, DECLARED))


def _read(field: pa.Field, values: pa.Array | pa.ChunkedArray, op: Operation) -> Read:
    table = pa.Table.from_arrays([values], schema=pa.schema([field]))
    return Read(data=table, checkpoint=None, op=op, told=None)


INNER = pa.field("inner", pa.int32(), nullable=False)
HOLE = pa.array([1, None], pa.int32())
STRUCTS = pa.StructArray.from_arrays([HOLE], fields=[INNER])
ENTRIES = pa.map_(pa.string(), INNER.with_name("value"))
# By the place that must be said.
NESTED: dict[str, pa.Array] = {
    "v": HOLE,
    "v.inner": STRUCTS,
    "v.value": pa.MapArray.from_arrays([0, 2], pa.array(["a", "b"]), HOLE, type=ENTRIES),
    "v.item": pa.ListArray.from_arrays([0, 1, 2], HOLE, type=pa.list_(INNER)),
    "v.item.inner": pa.LargeListArray.from_arrays([0, 2], STRUCTS),
}


@pytest.mark.parametrize("place", NESTED)
def test_null_where_there_is_none_is_found_also_within_values(place: str) -> None:
    values = NESTED[place]
    field = pa.field("v", values.type, nullable=place != "v")
    column = pa.chunked_array([values.slice(0, 0), values, values.slice(0, 0)])

    told = list(_faults(_read(field, column, Operation.UPSERT)))

    assert told == [f"the field {place} has 1 NULL and is declared to have none"]


def test_null_of_another_row_of_a_map_is_not_of_the_slice() -> None:
    values = pa.MapArray.from_arrays([0, 1, 2], pa.array(["a", "b"]), HOLE, type=ENTRIES)
    field = pa.field("v", ENTRIES)

    assert not list(_faults(_read(field, values.slice(0, 1), Operation.UPSERT)))
    assert len(list(_faults(_read(field, values.slice(1, 1), Operation.UPSERT)))) == 1


@pytest.mark.parametrize("place", [name for name in NESTED if name != "v"])
def test_what_is_null_itself_has_nothing_within(place: str) -> None:
    kind = NESTED[place].type

    assert not list(_faults(_read(pa.field("v", kind), pa.nulls(2, kind), Operation.UPSERT)))


def test_damaged_data_is_said_and_nothing_else_is_asked_of_it() -> None:
    offsets, text = pa.array([0, 1], pa.int32()).buffers()[1], pa.py_buffer(b"\xff")
    damaged = pa.Array.from_buffers(pa.string(), 1, [None, offsets, text])

    (told,) = _faults(_read(NOTE, damaged, Operation.UPSERT))

    assert told.startswith("the Arrow data is damaged: ")
    assert "UTF8" in told.replace("-", "")


def test_a_batch_of_another_operation_is_said() -> None:
    (told,) = _faults(_read(ID, pa.array([1]), Operation.DELETE))

    assert told == "it is a batch of the operation delete, which was not asked for"
