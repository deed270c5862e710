from __future__ import annotations

import pyarrow as pa
import pytest

from dativo.testing._exact import changes, logical, values_by
from dativo.testing._matrix import samples

TEXT = pa.field("item", pa.string())
NEVER_NULL = pa.field("item", pa.int32(), nullable=False)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (pa.large_string(), "text"),
        (pa.string_view(), "text"),
        (pa.large_binary(), "bytes"),
        (pa.binary(3), "fixed_size_binary[3]"),
        (pa.int8(), "int8"),
        (pa.decimal128(5, -2), "decimal(5, -2)"),
        (pa.decimal256(5, -2), "decimal(5, -2)"),
        (pa.dictionary(pa.int8(), pa.large_string()), "text"),
        (pa.run_end_encoded(pa.int16(), pa.int64()), "int64"),
        (pa.list_(TEXT), "list<text>"),
        (pa.large_list_view(NEVER_NULL), "list<int32 not null>"),
        (pa.list_(pa.bool_(), 2), "list<bool>"),
        (pa.map_(pa.large_string(), pa.float32()), "map<text, float>"),
        (pa.map_(pa.int8(), NEVER_NULL), "map<int8, int32 not null>"),
        (pa.struct([NEVER_NULL.with_name("n"), TEXT]), "struct<'n': int32 not null, 'item': text>"),
        (pa.struct([]), "struct<>"),
        (pa.uuid(), "arrow.uuid<fixed_size_binary[16]>"),
        (pa.json_(pa.large_string()), "arrow.json<text>"),
    ],
)
def test_a_type_is_called_by_what_it_holds_and_not_by_its_layout(
    kind: pa.DataType, name: str
) -> None:
    assert logical(kind) == name


SAMPLES = [pytest.param(sample.table, id=sample.name) for sample in samples()]


@pytest.mark.parametrize("table", SAMPLES)
def test_records_are_told_apart_by_their_key_whatever_their_order(table: pa.Table) -> None:
    rows = table.num_rows
    parts = [table.slice(place, 1) for place in reversed(range(rows))]

    assert not changes(table, pa.concat_tables(parts))
    lost = changes(table, table.slice(1))
    assert lost[0] == "'id' of the record 0 is nothing in place of 0"
    assert lost[1].startswith("'value' of the record 0 is nothing in place of ")
    assert changes(table.slice(1), table)[0] == "'id' of the record 0 is 0 in place of nothing"


@pytest.mark.parametrize("table", [one for one in SAMPLES if one.id != "null"])
def test_a_value_in_the_place_of_another_one_is_told(table: pa.Table) -> None:
    texts = values_by(table, "id", "value")
    other = next(place for place, text in texts.items() if text != texts[0])
    moved = [table.slice(int(str(other)), 1), table.slice(1)]
    ids = pa.chunked_array([pa.array(range(table.num_rows), pa.int64())])

    found = pa.concat_tables(moved).set_column(0, table.schema.field("id"), ids)

    assert changes(table, found) == [
        f"'value' of the record 0 is {texts[other]} in place of {texts[0]}"
    ]
