"""What rules make of records, and what they refuse."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import uuid
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from dativo_extension_mask import Action, MaskConfig, Rule, transform

from dativo.contract import Secret, TransformRequest
from dativo.errors import SchemaValidationError

KEY = "a-key-of-the-tests"


def mask(
    table: pa.Table, *rules: Rule, key: str | None = KEY, leave: tuple[str, ...] = (), **about: Any
) -> pa.Table:
    """Mask a table as the engine would, batch by batch."""
    config = MaskConfig(rules=rules, key=None if key is None else Secret(key), leave=leave)
    request = TransformRequest(**{"stream": "public.people", **about})
    change = transform(config, request, table.schema)
    if change is None:
        return table
    parts = [change.apply(batch) for batch in table.to_batches()]
    return pa.Table.from_batches(
        [pa.record_batch(part) for part in parts], pa.schema(change.schema)
    )


def rule(action: Action, *fields: str, **more: Any) -> Rule:
    return Rule(**{"streams": "public.*", "fields": fields, "action": action, **more})


def token(value: bytes) -> str:
    return hmac.new(KEY.encode(), value, hashlib.sha256).hexdigest()


def one(values: list[Any], kind: pa.DataType, *, nullable: bool = True) -> pa.Table:
    field = pa.field("a", kind, nullable=nullable, metadata={"says": "much"})
    return pa.table([pa.array(values, kind)], schema=pa.schema([field]))


def test_fields_without_a_rule_stay_what_they_are() -> None:
    table = pa.table({"id": [1, 2], "email": ["a@b.c", None], "note": ["x", "y"]})

    masked = mask(table, rule(Action.DROP, "email"))

    assert masked.equals(table.drop_columns(["email"]))


@pytest.mark.parametrize(
    ("values", "kind", "texts"),
    [
        (["ann", None, "ann", "ärm🎉"], pa.string(), [b"ann", None, b"ann", "ärm🎉".encode()]),
        (["ann"], pa.large_string(), [b"ann"]),
        (["ann"], pa.string_view(), [b"ann"]),
        (["ann", None], pa.dictionary(pa.int8(), pa.string()), [b"ann", None]),
        ([b"\xff\x00", None], pa.binary(), [b"\xff\x00", None]),
        ([b"\xff\x00"], pa.large_binary(), [b"\xff\x00"]),
        ([b"\xff\x00"], pa.binary_view(), [b"\xff\x00"]),
        ([b"\xff\x00"], pa.binary(2), [b"\xff\x00"]),
        ([-5, None], pa.int64(), [b"-5", None]),
        ([2**64 - 1], pa.uint64(), [b"18446744073709551615"]),
        ([Decimal("5.10")], pa.decimal128(9, 2), [b"5.10"]),
        ([Decimal("5.10")], pa.decimal256(50, 2), [b"5.10"]),
        ([dt.date(2026, 11, 23)], pa.date32(), [b"2026-11-23"]),
        ([], pa.string(), []),
        ([None], pa.string(), [None]),
    ],
)
def test_a_hash_is_that_of_the_text_under_the_key(
    values: list[Any], kind: pa.DataType, texts: list[bytes | None]
) -> None:
    masked = mask(one(values, kind), rule(Action.HASH, "a"))

    expected = [None if text is None else token(text) for text in texts]
    assert masked.schema == pa.schema([("a", pa.string())])
    assert masked["a"].to_pylist() == expected


def test_a_uuid_and_its_text_have_one_hash() -> None:
    value = uuid.UUID("12345678-1234-5678-1234-567812345678")
    storage = pa.array([value.bytes, None], pa.binary(16))
    table = pa.table({"a": pa.ExtensionArray.from_storage(pa.uuid(), storage)})

    masked = mask(table, rule(Action.HASH, "a"))

    assert masked["a"].to_pylist() == [token(str(value).encode()), None]


def test_another_key_gives_other_tokens() -> None:
    table = one(["ann"], pa.string())

    first = mask(table, rule(Action.HASH, "a"))
    second = mask(table, rule(Action.HASH, "a"), key="another-key-of-tests")

    assert first["a"] != second["a"]


def test_a_hashed_field_that_must_not_be_null_stays_so() -> None:
    masked = mask(one(["ann"], pa.string(), nullable=False), rule(Action.HASH, "a"))

    assert masked.schema.field("a").nullable is False


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("4111111111111111", "****1111"),
        ("12345678", "****5678"),
        ("1234567", "****"),
        ("1234", "****"),
        ("", "****"),
        ("ärztin🎉", "****"),
        ("eine ärztin🎉", "****tin🎉"),
        (None, None),
    ],
)
@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
def test_only_the_end_of_a_long_text_stays(
    text: str | None, shown: str | None, kind: pa.DataType
) -> None:
    masked = mask(one([text], kind), rule(Action.KEEP_LAST, "a"))

    assert masked["a"].to_pylist() == [shown]


def test_how_much_stays_can_be_said() -> None:
    masked = mask(one(["abcdef"], pa.string()), rule(Action.KEEP_LAST, "a", keep=1))

    assert masked["a"].to_pylist() == ["****f"]


@pytest.mark.parametrize(
    ("values", "kind", "expected", "result"),
    [
        (["ann", None], pa.string(), ["****", None], pa.string()),
        (["ann"], pa.dictionary(pa.int8(), pa.string()), ["****"], pa.string()),
        ([1, None], pa.int64(), [None, None], pa.int64()),
        ([[1, 2]], pa.list_(pa.int8()), [None], pa.list_(pa.int8())),
        ([{"b": "ann"}], pa.struct([("b", pa.string())]), [None], pa.struct([("b", pa.string())])),
    ],
)
def test_what_is_redacted_shows_nothing_but_whether_a_text_is_there(
    values: list[Any], kind: pa.DataType, expected: list[Any], result: pa.DataType
) -> None:
    masked = mask(one(values, kind, nullable=False), rule(Action.REDACT, "a"))

    assert masked["a"].to_pylist() == expected
    assert masked.schema.field("a").type == result
    assert masked.schema.field("a").metadata is None


def test_redacted_json_and_uuids_are_no_longer_of_these_types() -> None:
    identity = pa.ExtensionArray.from_storage(pa.uuid(), pa.array([b"a" * 16], pa.binary(16)))
    document = pa.ExtensionArray.from_storage(pa.json_(), pa.array(['{"a": 1}']))
    table = pa.table({"u": identity, "j": document})

    masked = mask(table, rule(Action.REDACT, "u", "j"))

    assert masked.schema == pa.schema([("u", pa.binary(16)), ("j", pa.string())])
    assert masked.to_pylist() == [{"u": None, "j": "****"}]


def test_slices_of_batches_are_masked_at_their_place() -> None:
    table = one(["a@b.c", "d@e.f", None, "g@h.i"], pa.string()).slice(1, 2)

    masked = mask(table, rule(Action.HASH, "a"))

    assert masked["a"].to_pylist() == [token(b"d@e.f"), None]


def test_the_first_rule_that_names_a_field_decides() -> None:
    masked = mask(one(["ann"], pa.string()), rule(Action.DROP, "a"), rule(Action.HASH, "a"))

    assert masked.schema.names == []


def test_the_metadata_of_the_schema_stays() -> None:
    table = one(["ann"], pa.string()).replace_schema_metadata({"made": "by"})

    assert mask(table, rule(Action.HASH, "a")).schema.metadata == {b"made": b"by"}


@pytest.mark.parametrize(
    ("rules", "says"),
    [
        ([rule(Action.HASH, "b")], "has no field 'b', which is to be masked"),
        ([rule(Action.HASH, "nmae")], "has no field 'nmae', .* did you mean 'name'"),
        ([rule(Action.KEEP_LAST, "n")], "is int64, and keep_last takes texts only"),
        ([rule(Action.HASH, "f")], "is double, whose values have no single text to hash"),
        ([rule(Action.HASH, "s")], "is struct<x: string>, whose values have no single text"),
        ([rule(Action.HASH, "a", streams="public.peple")], "no rule is about the stream"),
    ],
)
def test_a_rule_that_cannot_be_kept_is_refused(rules: list[Rule], says: str) -> None:
    table = pa.table({"a": ["x"], "n": [1], "f": [1.5], "s": [{"x": "y"}], "name": ["ann"]})

    with pytest.raises(SchemaValidationError, match=says) as caught:
        mask(table, *rules)

    assert caught.value.fix
    assert caught.value.exit_code == 10


def test_a_stream_without_a_rule_passes_only_if_it_may() -> None:
    table = one(["ann"], pa.string())

    masked = mask(table, rule(Action.HASH, "a", streams="other"), leave=("public.*",))

    assert masked is table


def test_a_field_may_be_missing_where_a_rule_says_so() -> None:
    table = one(["ann"], pa.string())

    assert mask(table, rule(Action.HASH, "b", if_present=True)) is table


def test_of_keys_alone_only_what_is_there_is_masked_and_as_ever() -> None:
    table = pa.table({"id": ["7"], "email": ["a@b.c"]})
    rules = (rule(Action.HASH, "id", "email"),)

    whole = mask(table, *rules, primary_key=("id",))
    keys = mask(table.select(["id"]), *rules, primary_key=("id",), partial=True)

    assert keys["id"] == whole["id"]


@pytest.mark.parametrize("action", [Action.REDACT, Action.KEEP_LAST, Action.DROP])
def test_a_key_may_only_be_hashed(action: Action) -> None:
    with pytest.raises(SchemaValidationError, match="would mix records up"):
        mask(one(["7"], pa.string()), rule(action, "a"), primary_key=("a",))


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: MaskConfig(rules=()), "there is no rule"),
        (lambda: MaskConfig(rules=(rule(Action.HASH, "a"),)), "needs a key"),
        (
            lambda: MaskConfig(rules=(rule(Action.HASH, "a"),), key=Secret("short")),
            "at least 16 characters",
        ),
        (lambda: rule(Action.DROP), "at least one field"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        make()


def test_the_key_never_shows() -> None:
    assert KEY not in repr(MaskConfig(rules=(rule(Action.HASH, "a"),), key=Secret(KEY)))
