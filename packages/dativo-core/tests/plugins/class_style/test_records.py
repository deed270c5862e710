from __future__ import annotations

from typing import Any

import pytest

from dativo.errors import ContractViolationError, DataValidationError
from dativo.plugins._class_style._kinds import kind_of
from dativo.plugins._class_style._records import Tables, infer, records_of


def rows(table: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = table.to_struct_array().combine_chunks().to_pylist()
    return found


def test_fields_come_in_the_order_in_which_they_appear_and_those_given_come_first() -> None:
    kinds, empty = infer(
        [{"b": 1, "a": None}, {"c": "x", "b": None, "d": 5}], {"d": kind_of("text")}
    )

    assert {name: kind.name for name, kind in kinds.items()} == {
        "d": "text",
        "b": "integer",
        "a": "text",
        "c": "text",
    }
    assert empty == ["a"]


def test_mixed_types_name_the_field_and_the_types() -> None:
    with pytest.raises(DataValidationError, match=r"'a'.*int, str") as raised:
        infer([{"a": 1}, {"a": "x"}], {})

    assert "schema: {a: json}" in raised.value.fix


def test_a_table_has_all_fields_and_counts() -> None:
    tables = Tables({"id": kind_of("integer"), "name": kind_of("text")})

    assert rows(tables.table([{"id": 1}, {"name": "x", "id": None}])) == [
        {"id": 1, "name": None},
        {"id": None, "name": "x"},
    ]
    assert rows(tables.table([])) == []
    assert tables.count == 2


def test_columns_are_kept_in_their_order() -> None:
    tables = Tables({"id": kind_of("integer"), "name": kind_of("text")}, ["name", "id"])

    assert tables.table([{"id": 1, "name": "x"}]).column_names == ["name", "id"]


@pytest.mark.parametrize(("name", "said"), [("nmae", "did you mean 'name'"), ("zzz", "id, name")])
def test_an_unknown_column_is_refused(name: str, said: str) -> None:
    with pytest.raises(DataValidationError, match=said):
        Tables({"id": kind_of("integer"), "name": kind_of("text")}, [name])


def test_a_late_field_is_never_dropped() -> None:
    tables = Tables({"id": kind_of("integer")})
    tables.table([{"id": 1}])

    with pytest.raises(DataValidationError, match=r"record 3 has the field 'late', 'm'") as raised:
        tables.table([{"id": 2}, {"id": 3, "m": 1, "late": 1}])

    assert raised.value.details == {"record": 3, "fields": ["late", "m"]}


def test_a_value_of_another_type_is_located_and_not_shown() -> None:
    with pytest.raises(DataValidationError, match=r"record 1 .*type str.*'id'.*integer") as raised:
        Tables({"id": kind_of("integer")}).table([{"id": "s3cret"}])

    assert "s3cret" not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("found", ["abc", {"a": 1}, None, [1], [{1: 2}]])
def test_other_things_than_records_are_refused(found: object) -> None:
    with pytest.raises(ContractViolationError, match="the class yielded"):
        records_of(found)


def test_records_are_lists_of_dictionaries() -> None:
    assert records_of(({"a": 1},)) == ({"a": 1},)
