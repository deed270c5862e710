"""What an action makes of a field and of its values."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Any

import attrs
import pyarrow as pa
import pyarrow.compute

from dativo_extension_mask._config import Action, Rule

__all__ = ["Mask", "mask_of"]

_STARS = "****"

pc: Any = pyarrow.compute  # its functions come into being when it is imported


@attrs.frozen
class Mask:
    """What becomes of one field.

    Attributes:
        field: The field afterwards; what its metadata said of its values goes with them.
        apply: Makes the new column of the old one.
    """

    field: pa.Field
    apply: Callable[[pa.Array], pa.Array]


def mask_of(rule: Rule, field: pa.Field, key: bytes) -> Mask | str | None:
    """Return what becomes of *field*: ``None`` if it is dropped, a text if it cannot be masked."""
    return _ACTIONS[rule.action](rule, field, key)


def _drop(_rule: Rule, _field: pa.Field, _key: bytes) -> None:
    return None


def _redact(_rule: Rule, field: pa.Field, _key: bytes) -> Mask:
    if _is_text(field.type):
        kept = pa.field(field.name, pa.string(), field.nullable)
        return Mask(kept, lambda column: _stars(_plain(column)))
    storage = field.type.storage_type if _is_extension(field.type) else field.type
    nulls = pa.field(field.name, storage, nullable=True)
    return Mask(nulls, lambda column: pa.nulls(len(column), storage))


def _keep_last(rule: Rule, field: pa.Field, _key: bytes) -> Mask | str:
    if not _is_text(field.type):
        return f"is {field.type}, and keep_last takes texts only"
    kept = pa.field(field.name, pa.string(), field.nullable)
    return Mask(kept, lambda column: _ends(_plain(column), rule.keep))


def _hash(_rule: Rule, field: pa.Field, key: bytes) -> Mask | str:
    if not _has_one_text(field.type):
        return f"is {field.type}, whose values have no single text to hash"
    token = pa.field(field.name, pa.string(), field.nullable)
    return Mask(token, lambda column: _tokens(column, key))


_ACTIONS: dict[Action, Callable[[Rule, pa.Field, bytes], Mask | str | None]] = {
    Action.DROP: _drop,
    Action.REDACT: _redact,
    Action.KEEP_LAST: _keep_last,
    Action.HASH: _hash,
}


def _stars(texts: pa.Array) -> pa.Array:
    return pc.if_else(pc.is_null(texts), pa.scalar(None, pa.string()), pa.scalar(_STARS))


def _ends(texts: pa.Array, keep: int) -> pa.Array:
    """Keep the last characters; of a text less than twice as long that would be most of it."""
    ends = pc.binary_join_element_wise(_STARS, pc.utf8_slice_codeunits(texts, start=-keep), "")
    is_long = pc.greater_equal(pc.utf8_length(texts), 2 * keep)
    return pc.if_else(is_long, ends, _stars(texts))


def _tokens(column: pa.Array, key: bytes) -> pa.Array:
    """Hash each different value once."""
    encoded = _bytes(column).dictionary_encode()
    tokens = [
        None if value is None else hmac.digest(key, value, "sha256").hex()
        for value in encoded.dictionary.to_pylist()
    ]
    return pa.array(tokens, pa.string()).take(encoded.indices)


def _bytes(column: pa.Array) -> pa.Array:
    """Return the text of each value as UTF-8; bytes stand for themselves."""
    if isinstance(column.type, pa.UuidType):
        texts = [None if value is None else str(value) for value in column.to_pylist()]
        return pa.array(texts, pa.string()).cast(pa.large_binary())
    plain = _plain(column)
    if not any(check(plain.type) for check in _BYTES):
        plain = plain.cast(pa.string())
    return plain.cast(pa.large_binary())


def _plain(column: pa.Array) -> pa.Array:
    """Return *column* without dictionary and extension, its texts as one kind of text."""
    if _is_extension(column.type):
        column = column.storage
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    return column.cast(pa.string()) if _is_text(column.type) else column


def _is_extension(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.BaseExtensionType)


def _is_text(kind: pa.DataType) -> bool:
    if _is_extension(kind):
        kind = kind.storage_type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return any(check(kind) for check in _TEXTS)


def _has_one_text(kind: pa.DataType) -> bool:
    if isinstance(kind, pa.UuidType):
        return True
    if _is_extension(kind):
        kind = kind.storage_type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return any(check(kind) for check in (*_TEXTS, *_WHOLE))


_TEXTS = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
_BYTES = (
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
    pa.types.is_fixed_size_binary,
)
_WHOLE = (pa.types.is_integer, pa.types.is_decimal, pa.types.is_date, *_BYTES)
