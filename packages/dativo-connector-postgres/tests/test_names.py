from __future__ import annotations

from typing import Any

import pytest

from dativo.errors import SchemaValidationError
from dativo_connector_postgres._names import RelationName

PLAIN = [
    ("public", "orders"),
    ("Sales", "Order Lines"),
    ("public", "😀 naïve"),
    ("s", "it's %s %d {c} $1 \\ `x`"),
    ("a b", "line\nbreak"),
]
QUOTED = [("my.schema", "t"), ("s", 'say "hi"'), ('a"b.c', "d.e"), ("s", "."), ("s", '"')]


@pytest.mark.parametrize(("schema", "table"), PLAIN + QUOTED)
def test_name_survives_its_text_form(schema: str, table: str) -> None:
    name = RelationName(schema, table)

    assert RelationName.parse(str(name)) == name


def test_only_dots_and_quotes_are_quoted() -> None:
    assert str(RelationName("Sales", "Order Lines")) == "Sales.Order Lines"
    assert str(RelationName("my.schema", 'say "hi"')) == '"my.schema"."say ""hi"""'


def test_name_without_a_schema_is_looked_up_in_the_search_path() -> None:
    assert RelationName.parse("orders") == RelationName(None, "orders")
    assert RelationName.parse("orders").sql == '"orders"'
    assert str(RelationName(None, "orders")) == "orders"


@pytest.mark.parametrize(
    "name", ["", ".", "a.", ".a", "a.b.c", '"a', 'a"b', 'a."b"c', '""', "a..b"]
)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(SchemaValidationError, match="is not the name of a table or view") as caught:
        RelationName.parse(name)
    assert "schema.table" in caught.value.fix


def test_awkward_names_are_discovered_read_and_checked(source: Any) -> None:
    columns = ('a "b"', "c.d", "%s", "{c}", "😀", "it's", "SELECT", "x\\y")
    for number, (schema, table) in enumerate(PLAIN + QUOTED):
        name = RelationName(schema, table)
        quoted = [part.replace('"', '""') for part in (schema, *columns)]
        source.execute(f'CREATE SCHEMA IF NOT EXISTS "{quoted[0]}"')
        body = ", ".join(f'"{column}" int' for column in quoted[1:])
        source.execute(f"CREATE TABLE {name.sql} (id int PRIMARY KEY, {body}, n numeric(5,1)[])")
        values = ", ".join(["1"] * len(columns))
        source.execute(f"INSERT INTO {name.sql} VALUES ({number}, {values}, '{{1.5}}')")

    found = source.discover()

    assert set(found) == {str(RelationName(*parts)) for parts in PLAIN + QUOTED}
    for number, parts in enumerate(PLAIN + QUOTED):
        stream = str(RelationName(*parts))
        for column in columns[number % 4 :: 4]:
            table = source.read(stream, mode="incremental", cursor=column)
            assert table.schema == found[stream].schema
            assert table["id"].to_pylist() == [number]
        checked = source.check(source.request(stream, columns=columns, cursor="id"))
        item = checked[f"stream {stream}"]
        assert item.error is None
