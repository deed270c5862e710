from __future__ import annotations

import datetime as dt
import gzip
import json
import random
from collections.abc import Mapping
from typing import Any

import arro3.core as arro3
import msgspec
import pyarrow as pa
import pytest

from dativo.errors import DataValidationError, SchemaValidationError, ServiceUnavailableError
from dativo_connector_stripe._decode import (
    UNKNOWN,
    Columns,
    Page,
    decode_object,
    decode_page,
    integer_of,
    list_of,
    text_of,
)
from dativo_connector_stripe._streams import FieldType, StreamRow, streams

ROW = StreamRow(
    name="things",
    path="/v1/things",
    object="thing",
    fields={
        "id": FieldType.TEXT,
        "amount": FieldType.INTEGER,
        "created": FieldType.TIME,
        "customer": FieldType.TEXT,
        "is_paid": FieldType.BOOLEAN,
        "metadata": FieldType.JSON,
        "rate": FieldType.NUMBER,
    },
)


def page_of(*objects: str, has_more: bool = False) -> bytes:
    more = json.dumps(has_more)
    return f'{{"object":"list","data":[{",".join(objects)}],"has_more":{more}}}'.encode()


def read(*objects: str, wanted: tuple[str, ...] = ()) -> dict[str, list[Any]]:
    batch = Columns(ROW, wanted).batch(decode_page(page_of(*objects)).objects)
    return {name: batch.column(name).to_pylist() for name in batch.schema.names}


def one(field: str, written: str) -> Any:
    return read(f'{{"id":"a","{field}":{written}}}')[field][0]


# --- pages ---------------------------------------------------------------------------------------


def test_a_page_has_its_objects_in_order_and_says_whether_more_follow() -> None:
    page = decode_page(page_of('{"id":"b"}', '{"id":"a"}', has_more=True))

    assert [text_of(obj, "id") for obj in page.objects] == ["b", "a"]
    assert page.has_more is True


def test_an_empty_page_is_a_page() -> None:
    assert decode_page(page_of()) == Page((), has_more=False)


def test_white_space_goes_and_all_else_stays() -> None:
    written = b'{ "data" : [ {\n "a" : { "b c" : [ 1.10 , " x  y " ] }\n} ], "has_more" : false }'

    assert bytes(decode_page(written).objects[0]["a"]) == b'{"b c":[1.10," x  y "]}'


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"<html>502 Bad Gateway</html>", id="the page of a proxy"),
        pytest.param(b'{"data":[{"id":"a"}],"has_more":fal', id="cut in a word"),
        pytest.param(b'{"data":[{"id":"a"}', id="cut in a list"),
        pytest.param(b'{"data":[{"id":"a"}]}', id="without has_more"),
        pytest.param(b'{"data":null,"has_more":false}', id="without objects"),
        pytest.param(b'{"data":[null],"has_more":false}', id="a null for an object"),
        pytest.param(b'{"data":[],"has_more":"no"}', id="has_more as a text"),
        pytest.param(b'{"data":[],"has_more":false}{}', id="more than one document"),
        pytest.param(b'{"data":[{"a":NaN}],"has_more":false}', id="no JSON"),
        pytest.param(b'{"data":[{"a":"\xff"}],"has_more":false}', id="a text that is no UTF-8"),
        pytest.param(b'{"data":[{"\xff":1}],"has_more":false}', id="a name that is no UTF-8"),
        pytest.param(b'{"data":[{"a":"\xed\xa0\x80"}],"has_more":false}', id="half a character"),
        pytest.param(
            b'{"data":[{"a":%b%b}],"has_more":false}' % (b"[" * 9999, b"]" * 9999), id="too deep"
        ),
        pytest.param(b"[]", id="an array"),
        pytest.param(gzip.compress(b'{"data":[],"has_more":false}'), id="still compressed"),
    ],
)
def test_what_is_no_page_may_be_one_at_the_next_try(body: bytes) -> None:
    with pytest.raises(ServiceUnavailableError, match="no JSON list") as caught:
        decode_page(body)

    assert caught.value.retryable
    assert caught.value.details["size_bytes"] == len(body)
    assert len(str(caught.value.details["body"])) <= 103


def test_an_object_is_read_like_those_of_a_page() -> None:
    obj = decode_object(b'{ "id": "a", "nested": { "x": 1.0 } }')

    assert {name: bytes(raw) for name, raw in obj.items()} == {"id": b'"a"', "nested": b'{"x":1.0}'}


@pytest.mark.parametrize("body", [b"", b"[]", b'{"id":', b"null", b'{"id":"\xff"}'])
def test_what_is_no_object_may_be_one_at_the_next_try(body: bytes) -> None:
    with pytest.raises(ServiceUnavailableError, match="no JSON object"):
        decode_object(body)


def test_an_embedded_list_is_a_page() -> None:
    obj = decode_object(b'{"items":{"object":"list","data":[{"id":"si_1"}],"has_more":true}}')

    page = list_of(obj["items"])

    assert [text_of(item, "id") for item in page.objects] == ["si_1"]
    assert page.has_more


@pytest.mark.parametrize("written", [b"null", b"[]", b"{}", b'"li_1"'])
def test_what_is_no_embedded_list_is_refused(written: bytes) -> None:
    with pytest.raises(DataValidationError, match="embedded list"):
        list_of(msgspec.Raw(written))


# --- single values -------------------------------------------------------------------------------


def test_single_values_are_read_and_missing_ones_are_none() -> None:
    obj = decode_object(b'{"id":"a","created":7,"customer":{"id":"cus_1"},"none":null}')

    assert (text_of(obj, "id"), text_of(obj, "none"), text_of(obj, "else")) == ("a", None, None)
    assert (integer_of(obj, "created"), integer_of(obj, "none")) == (7, None)
    assert text_of(obj, "customer") == "cus_1"


def test_single_values_of_another_type_are_refused() -> None:
    obj = decode_object(b'{"id":"a","created":"yesterday","type":7}')

    with pytest.raises(DataValidationError, match="created of a is no integer") as caught:
        integer_of(obj, "created")
    with pytest.raises(DataValidationError, match="type of a is no text: 7"):
        text_of(obj, "type")
    assert caught.value.details == {"id": "a", "field": "created", "value": '"yesterday"'}


# --- columns: which ------------------------------------------------------------------------------


def test_the_columns_are_those_of_the_table_and_the_unknown_ones() -> None:
    schema = pa.schema(Columns(ROW).schema)

    time = pa.timestamp("us", "UTC")
    assert [(field.name, field.type, field.nullable) for field in schema] == [
        ("id", pa.string(), False),
        ("amount", pa.int64(), True),
        ("created", time, True),
        ("customer", pa.string(), True),
        ("is_paid", pa.bool_(), True),
        ("metadata", pa.json_(), True),
        ("rate", pa.float64(), True),
        (UNKNOWN, pa.json_(), True),
    ]


@pytest.mark.parametrize("row", streams().values(), ids=str)
def test_every_stream_has_columns(row: StreamRow) -> None:
    columns = Columns(row)

    assert columns.schema.names == [*row.fields, UNKNOWN]
    assert columns.batch([]).num_rows == 0


def test_wanted_columns_come_in_the_wanted_order() -> None:
    columns = read('{"id":"a","amount":1,"more":2}', wanted=("amount", UNKNOWN, "id"))

    assert list(columns.items()) == [("amount", [1]), (UNKNOWN, ['{"more":2}']), ("id", ["a"])]


def test_unknown_fields_are_left_out_like_others_that_are_not_wanted() -> None:
    assert read('{"id":"a","more":2}', wanted=("id",)) == {"id": ["a"]}


def test_a_field_that_is_known_but_not_wanted_is_not_unknown() -> None:
    assert read('{"id":"a","amount":1}', wanted=(UNKNOWN,)) == {UNKNOWN: [None]}


def test_a_wanted_column_that_there_is_not_is_named() -> None:
    with pytest.raises(SchemaValidationError, match="things has no column 'amuont'") as caught:
        Columns(ROW, ("id", "amuont"))

    assert caught.value.stream == "things"


def test_the_batch_has_the_schema() -> None:
    columns = Columns(ROW)
    batch = columns.batch(decode_page(page_of('{"id":"a","metadata":{}}')).objects)

    assert batch.schema.equals(columns.schema)


def test_keys_are_ids_alone() -> None:
    batch = Columns(ROW, ("amount",)).keys(["a", "b"])

    assert arro3.Table.from_batches([batch]).column("id").to_pylist() == ["a", "b"]
    assert batch.schema.names == ["id"]
    assert not batch.schema.field("id").nullable


# --- columns: nothing is lost --------------------------------------------------------------------


def test_unknown_fields_are_kept_as_they_are_written() -> None:
    columns = read('{"id":"a","new":{"x":[1.10,null]},"newer":"\\u00e9"}', '{"id":"b"}')

    assert columns[UNKNOWN] == ['{"new":{"x":[1.10,null]},"newer":"\\u00e9"}', None]


def test_fields_that_come_late_are_kept() -> None:
    objects = [*(f'{{"id":"{i}"}}' for i in range(99)), '{"id":"z","amount":5,"new":true}']

    columns = read(*objects)

    assert columns["amount"] == [None] * 99 + [5]
    assert columns[UNKNOWN] == [None] * 99 + ['{"new":true}']


def test_missing_fields_and_nulls_are_null() -> None:
    columns = read('{"id":"a"}', json.dumps({"id": "b", **dict.fromkeys(list(ROW.fields)[1:])}))

    assert columns.pop("id") == ["a", "b"]
    assert columns == {name: [None, None] for name in columns}


def test_an_unknown_null_is_a_null_and_not_missing() -> None:
    assert read('{"id":"a","new":null}')[UNKNOWN] == ['{"new":null}']


def test_a_field_that_has_our_own_name_is_kept_too() -> None:
    assert read('{"id":"a","_unknown":1}')[UNKNOWN] == ['{"_unknown":1}']


def test_an_expanded_object_leaves_its_id_and_is_kept() -> None:
    columns = read(
        '{"id":"a","customer":{"id":"cus_1","balance":1.0},"new":1}',
        '{"id":"b","customer":"cus_2"}',
        '{"id":"c","customer":null}',
    )

    assert columns["customer"] == ["cus_1", "cus_2", None]
    assert columns[UNKNOWN] == ['{"customer":{"id":"cus_1","balance":1.0},"new":1}', None, None]


def test_other_forms_of_numbers_are_no_unknown_fields() -> None:
    columns = read('{"id":"a","amount":"7"}')

    assert (columns["amount"], columns[UNKNOWN]) == ([7], [None])


@pytest.mark.parametrize(
    "written",
    [
        '{"b":"1","a":"2"}',
        '{"a":"\\u00e9\\ud83d\\ude00 é😀","b":"\\"\\\\\\/\\n\\u0000"}',
        '{"n":12345678901234567890123,"x":1.10,"y":1e400,"z":-0.0}',
        '{"":"", " ":" "}',
        '{"a":1,"a":2}',
        "{}",
        "[]",
        '""',
        '"null"',
        "false",
        "0",
    ],
)
def test_json_is_kept_as_it_is_written(written: str) -> None:
    assert one("metadata", written) == written.replace(", ", ",")


# --- columns: each value exactly -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "written", "value"),
    [
        ("amount", "0", 0),
        ("amount", "-0", 0),
        ("amount", "9223372036854775807", 2**63 - 1),
        ("amount", "-9223372036854775808", -(2**63)),
        ("amount", "1.0", 1),
        ("amount", "1e3", 1000),
        ("amount", "9223372036854775807.0", 2**63 - 1),
        ("amount", "9007199254740993.0", 2**53 + 1),
        ("amount", '"9007199254740993"', 2**53 + 1),
        ("amount", '"-12"', -12),
        ("rate", "1", 1.0),
        ("rate", "0.1", 0.1),
        ("rate", "-0.0", -0.0),
        ("rate", "5e-324", 5e-324),
        ("rate", "1.7976931348623157e308", 1.7976931348623157e308),
        ("rate", '"1.5"', 1.5),
        ("rate", "123456789012345678901234567890", 123456789012345678901234567890.0),
        ("is_paid", "true", True),
        ("is_paid", "false", False),
        ("customer", '""', ""),
        ("customer", '"a_status_of_tomorrow"', "a_status_of_tomorrow"),
        ("customer", '"null"', "null"),
        ("customer", '"\\u00e9\\ud83d\\ude00\\u0000\\n"', "é😀\x00\n"),
        ("created", "0", dt.datetime(1970, 1, 1, tzinfo=dt.UTC)),
        ("created", "1700000000", dt.datetime(2023, 11, 14, 22, 13, 20, tzinfo=dt.UTC)),
        ("created", '"1700000000"', dt.datetime(2023, 11, 14, 22, 13, 20, tzinfo=dt.UTC)),
        ("created", "-1", dt.datetime(1969, 12, 31, 23, 59, 59, tzinfo=dt.UTC)),
        ("created", "253402300799", dt.datetime(9999, 12, 31, 23, 59, 59, tzinfo=dt.UTC)),
        ("created", "-62135596800", dt.datetime(1, 1, 1, tzinfo=dt.UTC)),
    ],
)
def test_values_arrive_exactly(field: str, written: str, value: object) -> None:
    found = one(field, written)

    assert found == value
    assert str(found) == str(value) or isinstance(value, dt.datetime)


@pytest.mark.parametrize(
    ("field", "written", "kind"),
    [
        ("amount", "1.5", "integer"),
        ("amount", '"1.5"', "integer"),
        ("amount", "1e-1", "integer"),
        ("amount", "9223372036854775808", "integer"),
        ("amount", "-9223372036854775809", "integer"),
        ("amount", "1e999999999", "integer"),
        ("amount", '"1e9999999999999999999"', "integer"),
        ("amount", "true", "integer"),
        ("amount", "false", "integer"),
        ("amount", '""', "integer"),
        ("amount", '"null"', "integer"),
        ("amount", '" 1"', "integer"),
        ("amount", '"1_000"', "integer"),
        ("amount", '"٣"', "integer"),
        ("amount", '"NaN"', "integer"),
        ("amount", '{"id":"a"}', "integer"),
        ("amount", "[1]", "integer"),
        ("rate", "1e400", "number"),
        ("rate", '"inf"', "number"),
        ("rate", '"-1e400"', "number"),
        ("rate", "true", "number"),
        ("rate", '""', "number"),
        ("is_paid", "1", "boolean"),
        ("is_paid", '"true"', "boolean"),
        ("customer", "1", "text"),
        ("customer", "true", "text"),
        ("customer", '["cus_1"]', "text"),
        ("customer", "{}", "text"),
        ("customer", '{"id":null}', "text"),
        ("customer", '{"id":7}', "text"),
        ("created", "253402300800", "time"),
        ("created", "-62135596801", "time"),
        ("created", "1700000000000", "time"),
        ("created", "1700000000.5", "time"),
        ("created", '"2023-11-14T22:13:20Z"', "time"),
        ("created", "true", "time"),
    ],
)
def test_a_value_that_is_not_of_its_type_is_named(field: str, written: str, kind: str) -> None:
    good = '{"id":"good"}'

    with pytest.raises(DataValidationError, match=f"{field} of bad is no {kind}: ") as caught:
        read(good, f'{{"id":"bad","{field}":{written}}}', good)

    error = caught.value
    assert error.stream == "things"
    assert error.details == {"id": "bad", "field": field, "value": written}
    assert not error.retryable


@pytest.mark.parametrize("written", ["{}", '{"id":null}', '{"id":7}'])
def test_an_object_without_an_id_is_refused(written: str) -> None:
    with pytest.raises(DataValidationError, match="the field id of"):
        read('{"id":"a"}', written)


def test_an_id_may_be_long_and_in_any_script() -> None:
    names = ["x" * 5000, "plan é😀", "1"]

    assert read(*(json.dumps({"id": name}) for name in names))["id"] == names


def test_a_long_value_is_shortened_in_the_error() -> None:
    with pytest.raises(DataValidationError) as caught:
        one("amount", json.dumps("x" * 100_000))

    assert len(caught.value.message) < 200
    assert len(str(caught.value.details["value"])) == 103


# --- at random -----------------------------------------------------------------------------------

ALPHABET = 'ab"\\/\b\f\n\r\t\x00\x1f \x7fé€😀\u2028{}[],:'


def some_text(dice: random.Random) -> str:
    return "".join(dice.choice(ALPHABET) for _ in range(dice.randint(0, 12)))


def some_json(dice: random.Random, depth: int = 3) -> Any:
    kind = dice.randint(0, 8 if depth else 6)
    if kind == 7:
        return [some_json(dice, depth - 1) for _ in range(dice.randint(0, 4))]
    if kind == 8:
        return {some_text(dice): some_json(dice, depth - 1) for _ in range(dice.randint(0, 4))}
    integer = dice.randint(-(10**25), 10**25)
    return [None, True, False, integer, some_float(dice), some_text(dice), {}][kind]


def some_float(dice: random.Random) -> float:
    return dice.choice([dice.uniform(-1, 1), dice.gauss(0, 1) * 10.0 ** dice.randint(-300, 300)])


def some_value(dice: random.Random, kind: FieldType) -> Any:
    values: Mapping[FieldType, Any] = {
        FieldType.TEXT: some_text(dice),
        FieldType.INTEGER: dice.choice([dice.randint(-(2**63), 2**63 - 1), dice.randint(0, 99)]),
        FieldType.BOOLEAN: dice.random() < 0.5,
        FieldType.NUMBER: some_float(dice),
        FieldType.TIME: dice.randint(0, 2**32),
        FieldType.JSON: some_json(dice),
    }
    return values[kind]


def some_object(dice: random.Random, row: StreamRow) -> dict[str, Any]:
    obj = {name: some_value(dice, kind) for name, kind in row.fields.items()}
    obj |= {name: None for name in row.fields if dice.random() < 0.1 and name != "id"}
    obj |= {f"new {some_text(dice)}": some_json(dice) for _ in range(dice.choice([0, 0, 3]))}
    items = [(name, one) for name, one in obj.items() if dice.random() < 0.9 or name == "id"]
    dice.shuffle(items)
    return dict(items)


def expected_value(obj: Mapping[str, Any], name: str, kind: FieldType) -> Any:
    value = obj.get(name)
    if value is None:
        return None
    if kind is FieldType.TIME:
        return dt.datetime.fromtimestamp(value, dt.UTC)
    return value


@pytest.mark.parametrize("seed", range(12))
def test_random_objects_arrive_as_the_standard_library_reads_them(seed: int) -> None:
    dice = random.Random(seed)
    row = dice.choice(list(streams().values()))
    objects = [some_object(dice, row) for _ in range(dice.randint(0, 40))]
    is_ascii = dice.random() < 0.5
    page = {"object": "list", "data": objects, "has_more": True, "url": row.path}
    body = json.dumps(page, indent=dice.choice([None, 2]), ensure_ascii=is_ascii).encode()

    batch = Columns(row).batch(decode_page(body).objects)

    for name, kind in row.fields.items():
        found = batch.column(name).to_pylist()
        if kind is FieldType.JSON:
            # Not only the same value but the same text.
            written = [
                None
                if obj.get(name) is None
                else json.dumps(obj[name], separators=(",", ":"), ensure_ascii=is_ascii)
                for obj in objects
            ]
            assert found == written, (seed, row.name, name)
        else:
            values = [expected_value(obj, name, kind) for obj in objects]
            assert list(map(repr, found)) == list(map(repr, utc(found, values))), (seed, name)
    rest = [{k: v for k, v in obj.items() if k not in row.fields} or None for obj in objects]
    found = [None if text is None else json.loads(text) for text in column(batch, UNKNOWN)]
    assert found == rest, (seed, row.name)


def utc(found: list[Any], values: list[Any]) -> list[Any]:
    """Return *values* with the time zone object of what was found, where they are equal."""
    return [
        a if isinstance(a, dt.datetime) and a == b else b
        for a, b in zip(found, values, strict=True)
    ]


def column(batch: arro3.RecordBatch, name: str) -> list[Any]:
    return list(batch.column(name).to_pylist())


@pytest.mark.parametrize("seed", range(12))
def test_a_page_that_is_cut_anywhere_is_no_page(seed: int) -> None:
    dice = random.Random(seed)
    objects = [some_object(dice, streams()["charges"]) for _ in range(3)]
    body = json.dumps({"object": "list", "data": objects, "has_more": False}).encode()

    for _ in range(50):
        end = dice.randrange(len(body))
        with pytest.raises(ServiceUnavailableError):
            decode_page(body[:end])
