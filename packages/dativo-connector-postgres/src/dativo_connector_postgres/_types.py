"""THE table of rules: what each Postgres type becomes, and what of it cannot be represented.

Everything that reads values, describes schemas or documents types goes through :data:`RULES`.
"""

from __future__ import annotations

import attrs
import pyarrow as pa

from dativo_connector_postgres import _convert, _encodings
from dativo_connector_postgres._encodings import (
    OUTPUT,
    TEXT,
    Encode,
    Encoding,
    Policy,
    TypeInfo,
    array,
    fixed,
    range_text,
    same,
    text_from,
)

__all__ = ["RULES", "Encoding", "Policy", "Rule", "TypeInfo", "encode", "rule_of", "text_encoding"]


@attrs.frozen(kw_only=True)
class Rule:
    """One row of the table.

    Attributes:
        types: Names in ``pg_catalog``, or what is said of kinds of types.
        kinds: The ``typtype`` letters it is for, where it goes by kind.
        arrow: The Arrow type in words.
        parquet: The Parquet type in words.
        notes: What is exact, and how.
        special: The values that cannot be represented.
        cursor: The rank as a cursor, 0 the best; ``None`` where it cannot be one.
    """

    types: tuple[str, ...]
    arrow: str
    parquet: str
    encode: Encode
    kinds: str = ""
    notes: str = ""
    special: str = ""
    cursor: int | None = None


_JSON = Encoding(arrow=pa.json_(), wire=pa.json_())
_JSONB = Encoding(arrow=pa.json_(), wire=pa.json_(), format="jsonb")

RULES: tuple[Rule, ...] = (
    Rule(types=("bool",), arrow="bool", parquet="BOOLEAN", encode=same(pa.bool_(), "bool")),
    Rule(
        types=("int2",),
        arrow="int16",
        parquet="INT32 (INT 16)",
        encode=same(pa.int16(), "int2"),
        cursor=2,
    ),
    Rule(
        types=("int4",), arrow="int32", parquet="INT32", encode=same(pa.int32(), "int4"), cursor=2
    ),
    Rule(
        types=("int8",), arrow="int64", parquet="INT64", encode=same(pa.int64(), "int8"), cursor=2
    ),
    Rule(
        types=("oid",),
        arrow="int64",
        parquet="INT64",
        encode=same(pa.int64(), "oid", sql="{c}::int8", copied="{c}"),
        notes="Unsigned 32 bits in Postgres.",
    ),
    Rule(
        types=("float4",),
        arrow="float32",
        parquet="FLOAT",
        encode=same(pa.float32(), "float4"),
        notes="Bit for bit; NaN and infinities are kept.",
    ),
    Rule(
        types=("float8",),
        arrow="float64",
        parquet="DOUBLE",
        encode=same(pa.float64(), "float8"),
        notes="Bit for bit; NaN and infinities are kept.",
    ),
    Rule(
        types=("numeric",),
        arrow="decimal128(p, s) to p = 38, decimal256(p, s) to p = 76, else string",
        parquet="DECIMAL(p, s) or STRING",
        encode=_encodings.numeric,
        notes="Exact. A negative scale becomes 0 with a wider precision, a scale above the "
        "precision widens it. Without a precision it is the exact text, or what "
        "`unconstrained_numeric` says.",
        special="NaN in decimals; under `unconstrained_numeric` also infinities and what does not "
        "fit. As text all are kept.",
        cursor=3,
    ),
    Rule(
        types=("money",),
        arrow="decimal128(19, s)",
        parquet="DECIMAL(19, s)",
        encode=_encodings.money,
        notes="Exact; s is the number of digits that the database's lc_monetary has (mostly 2). "
        "The currency is not part of the value.",
    ),
    Rule(
        types=("text", "varchar", "bpchar"),
        arrow="string",
        parquet="STRING",
        encode=same(pa.string(), "text"),
        notes="As stored; char(n) keeps its padding.",
        cursor=3,
    ),
    Rule(
        types=("name", "char"),
        arrow="string",
        parquet="STRING",
        encode=lambda type_, *_: text_from("text") if type_.name == "name" else TEXT,
    ),
    Rule(types=("bytea",), arrow="binary", parquet="BYTE_ARRAY", encode=same(pa.binary(), "bytea")),
    Rule(
        types=("date",),
        arrow="date32",
        parquet="DATE",
        encode=same(pa.date32(), "date", finish=_convert.dates, bad="NOT isfinite({c})"),
        notes="4713 BC to the year 5874897, in the proleptic Gregorian calendar.",
        special="infinity, -infinity",
        cursor=1,
    ),
    Rule(
        types=("timestamp",),
        arrow="timestamp[us]",
        parquet="TIMESTAMP(MICROS, local)",
        encode=same(
            pa.timestamp("us"),
            "timestamp",
            finish=_convert.timestamps,
            bad="(NOT isfinite({c}) OR {c} > timestamp '294247-01-10 04:00:54.775807')",
        ),
        notes="4713 BC to the year 294247.",
        special="infinity, -infinity, after 294247-01-10",
        cursor=0,
    ),
    Rule(
        types=("timestamptz",),
        arrow="timestamp[us, UTC]",
        parquet="TIMESTAMP(MICROS, UTC)",
        encode=same(
            pa.timestamp("us", "UTC"),
            "timestamptz",
            finish=_convert.timestamps,
            bad="(NOT isfinite({c}) OR {c} > timestamptz '294247-01-10 04:00:54.775807+00')",
        ),
        notes="The instant; Postgres stores no zone. 4713 BC to the year 294247.",
        special="infinity, -infinity, after 294247-01-10",
        cursor=0,
    ),
    Rule(
        types=("time",),
        arrow="time64[us]",
        parquet="TIME(MICROS, local)",
        encode=same(pa.time64("us"), "time", finish=_convert.times, bad="{c} = time '24:00'"),
        special="24:00",
    ),
    Rule(
        types=("timetz",),
        arrow="string",
        parquet="STRING",
        encode=fixed(text_from("timetz")),
        notes="With its zone: 12:34:56+02.",
    ),
    Rule(
        types=("interval",),
        arrow="month_day_nano_interval",
        parquet="depends on the writer",
        encode=same(
            pa.month_day_nano_interval(),
            "interval",
            bad=_encodings.WIDE_INTERVAL,
        ),
        notes="Months, days and microseconds stay apart, as in Postgres.",
        special="infinity, -infinity (PostgreSQL 17), more than 2562047 hours",
    ),
    Rule(
        types=("uuid",),
        arrow="arrow.uuid over fixed_size_binary(16)",
        parquet="UUID",
        encode=same(pa.uuid(), "uuid"),
    ),
    Rule(
        types=("json", "jsonb"),
        arrow="arrow.json over string",
        parquet="JSON",
        encode=lambda type_, *_: _JSONB if type_.name == "jsonb" else _JSON,
        notes="The server's text, number for number: json as written, jsonb as printed.",
    ),
    Rule(
        types=("inet", "cidr"),
        arrow="string",
        parquet="STRING",
        encode=fixed(text_from("inet", OUTPUT)),
        notes="As Postgres prints it: no /32 behind the address of a host.",
    ),
    Rule(
        types=("enumerated types",),
        kinds="e",
        arrow="string",
        parquet="STRING",
        encode=fixed(text_from("text")),
        notes="The labels are in the field's metadata, `postgres:labels`, in their order.",
    ),
    Rule(
        types=("ranges", "multiranges"),
        kinds="rm",
        arrow="string",
        parquet="STRING",
        encode=range_text,
        notes="As Postgres prints it, bounds included: [1,5), empty, (,2024-01-01].",
    ),
    Rule(
        types=("composite types",),
        kinds="c",
        arrow="arrow.json over string",
        parquet="JSON",
        encode=same(pa.json_(), "text", sql="to_json({c})"),
        notes="An object with the fields in their order, as to_json prints it; numbers keep all "
        "their digits. A row of NULLs and a NULL are different.",
    ),
    Rule(
        types=("domains",),
        kinds="d",
        arrow="as the base type",
        parquet="as the base type",
        encode=lambda *of: _domain(*of),  # noqa: PLW0108 - defined below
        notes="`postgres:type` in the field's metadata names the domain.",
    ),
    Rule(
        types=("arrays",),
        arrow="list of the element's type",
        parquet="LIST",
        encode=lambda *of: _array(*of),  # noqa: PLW0108 - defined below
        notes="Arrays of composite types are arrow.json. `text_columns` delivers every array.",
        special="more than one dimension, a lower bound other than 1, and what its elements cannot",
    ),
    Rule(
        types=("everything else",),
        arrow="string",
        parquet="STRING",
        encode=fixed(OUTPUT),
        notes="As Postgres prints it: bit, xml, geometric types, macaddr, tsvector, pg_lsn, xid8, "
        "hstore, types of extensions.",
    ),
)

_BY_NAME = {name: rule for rule in RULES if not rule.kinds for name in rule.types}
_BY_KIND = {kind: rule for rule in RULES for kind in rule.kinds}


def rule_of(type_: TypeInfo) -> Rule:
    """Return the row of the table that *type_* falls under."""
    if type_.kind in _BY_KIND:
        return _BY_KIND[type_.kind]
    if type_.element is not None:
        return _BY_NAME["arrays"]
    fallback = _BY_NAME["everything else"]
    return _BY_NAME.get(type_.name, fallback) if type_.system else fallback


def encode(type_: TypeInfo, typmod: int, policy: Policy) -> Encoding:
    """Return how the values of a column of this type travel."""
    return rule_of(type_).encode(type_, typmod, policy)


def text_encoding(type_: TypeInfo) -> Encoding:
    """Return how a column travels whose job asks for the text form of Postgres."""
    return TEXT if type_.element is not None else OUTPUT


def _domain(type_: TypeInfo, _typmod: int, policy: Policy) -> Encoding:
    assert type_.base is not None
    return encode(type_.base, type_.base_typmod, policy)


def _array(type_: TypeInfo, typmod: int, policy: Policy) -> Encoding:
    assert type_.element is not None
    element, item_typmod = type_.element, typmod
    while element.base is not None:
        element, item_typmod = element.base, element.base_typmod
    if element.kind == "c" or element.element is not None:
        return Encoding(arrow=pa.json_(), wire=pa.json_(), sql="to_json({c})")
    return array(element, encode(element, item_typmod, policy))
