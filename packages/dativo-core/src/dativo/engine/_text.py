"""Values as text for people; what moves between source and writer never comes here."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Sequence

import arro3.core as arro3

__all__ = ["column_texts"]


def column_texts(column: arro3.Array) -> list[str | None]:
    """Return each value of *column* as text, ``None`` for NULL."""
    extension = column.field.metadata_str.get("ARROW:extension:name")
    if _has_no_python_type(column.type):
        return [None if value is None else str(value) for value in _cast(column)]
    try:
        values = column.to_pylist()
    except Exception:  # noqa: BLE001 - beyond what Python's own types hold, such as the year 12345
        return [None if value is None else str(value) for value in _cast(column)]
    if extension == "arrow.uuid":
        return [None if value is None else str(uuid.UUID(bytes=value)) for value in values]
    return [None if value is None else _text(value) for value in values]


def _has_no_python_type(kind: arro3.DataType) -> bool:
    return any((arro3.DataType.is_interval(kind), arro3.DataType.is_duration(kind)))


def _cast(column: arro3.Array) -> Sequence[object]:
    texts: Sequence[object] = column.cast(arro3.DataType.utf8()).to_pylist()
    return texts


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, default=_text, ensure_ascii=False)
    return str(value)
