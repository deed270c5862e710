from __future__ import annotations

import json
import random

import msgspec
import pytest

from dativo_connector_stripe._streams import FieldType
from dativo_connector_stripe._values import NULL, READERS, is_object, shortened

USUAL = {
    FieldType.TEXT: ['"a"', '""', '"\\u00e9 é"'],
    FieldType.INTEGER: ["0", "-1", "9223372036854775807", "-9223372036854775808"],
    FieldType.BOOLEAN: ["true", "false"],
    FieldType.NUMBER: ["0", "1.5", "-0.0", "1e-7", "12345678901234567890"],
    FieldType.TIME: ["0", "1700000000", "-62135596800", "253402300799"],
    FieldType.JSON: ["{}", "[1,null]", '"a"', "1.10"],
}

UNUSUAL = {
    FieldType.TEXT: ['{"id":"a"}'],
    FieldType.INTEGER: ["1.0", '"1"', "1e2"],
    FieldType.NUMBER: ['"1.5"'],
    FieldType.TIME: ["1.0", '"1"'],
}


def raws(*written: str) -> list[msgspec.Raw]:
    return [msgspec.Raw(text) for text in written]


@pytest.mark.parametrize("kind", FieldType)
def test_the_fast_way_reads_what_the_slow_one_reads(kind: FieldType) -> None:
    reader = READERS[kind]
    values = [NULL, *raws(*USUAL[kind])]

    fast = list(reader.many(values))
    assert list(map(repr, fast)) == [repr(reader.one(raw)) for raw in values]
    assert reader.array(fast).type == reader.arrow
    assert reader.array(fast).null_count == 1


@pytest.mark.parametrize("kind", UNUSUAL)
def test_the_fast_way_leaves_unusual_forms_to_the_slow_one(kind: FieldType) -> None:
    reader = READERS[kind]

    for raw in raws(*UNUSUAL[kind]):
        with pytest.raises(ValueError, match=r"."):
            reader.many([raw])
        assert reader.one(raw) is not None


@pytest.mark.parametrize("kind", FieldType)
def test_no_values_make_an_empty_column(kind: FieldType) -> None:
    assert len(READERS[kind].array(READERS[kind].many([]))) == 0


@pytest.mark.parametrize("kind", [kind for kind in FieldType if kind is not FieldType.JSON])
@pytest.mark.parametrize("seed", range(3))
def test_both_ways_refuse_the_same_values_or_the_slow_one_reads_more(
    kind: FieldType, seed: int
) -> None:
    dice = random.Random(seed)
    everything = [text for texts in [*USUAL.values(), *UNUSUAL.values()] for text in texts]
    reader = READERS[kind]

    for raw in raws(*(dice.choice(everything) for _ in range(100))):
        try:
            fast = reader.many([raw])[0]
        except ValueError:
            continue
        assert repr(fast) == repr(reader.one(raw)), (seed, bytes(raw))


def test_only_objects_are_objects() -> None:
    assert [is_object(raw) for raw in raws("{}", "[]", '"{"', "null", "1")] == [True, *[False] * 4]


def test_what_is_shown_is_short_and_readable() -> None:
    assert shortened(b'"a"') == '"a"'
    assert shortened(json.dumps("x" * 200).encode()) == '"' + "x" * 99 + "..."
    assert shortened(b"\xff") == "\ufffd"
