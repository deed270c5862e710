"""The table of streams, `streams.toml`: what there is to read, where, and with which fields.

There is no code per stream; another stream is another row.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import attrs

__all__ = ["PARENT", "FieldType", "StreamRow", "listed_of", "streams"]

PARENT = "{parent}"


class FieldType(StrEnum):
    """What a field of an object holds, and so what its column becomes.

    A reference to another object is text. Amounts are integers, in the minor unit of the currency.
    Times are whole seconds since 1970 in the answer.
    """

    TEXT = "text"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    NUMBER = "number"
    TIME = "time"
    JSON = "json"


@attrs.frozen(kw_only=True)
class StreamRow:
    """One row of the table.

    Attributes:
        name: The stream's name in a job.
        path: Where it is listed; ``{parent}`` stands for the id of the parent.
        object_path: Where one of its objects is, before its id; ``path`` if empty.
        object: What its objects say of themselves in ``object``.
        fields: The fields with their types, in the order of the columns.
        params: Parameters that each request for the list has; the value ``{parent}`` stands for
            the id of the parent.
        passes: Walks of the list that together give all of it, each with these parameters as well
            and no object in two of them at one time. Empty: one walk is enough.
        parent: The stream whose objects are walked for this one.
        embedded: The field of the parent that has the first children, a list of Stripe with
            ``data`` and ``has_more``. Empty: the children of each parent are asked for.
        parent_field: The text column that has the parent's id, also where the object lacks it.
        events: Types of events that tell changes, with ``*`` at the end; those count whose payload
            is such an object, or the parent where children are embedded. Empty: objects do not
            change.
        deletions: Types among them that tell that the object is gone.
        events_except: Types among them whose payload is no object of the list.
        cursor: The field that says when an object was created; empty where none does.
        has_created: Whether the list can be filtered by the time of creation.
        kept_days: For how many days Stripe keeps the objects; 0 for ever.
        notes: What a reader of the stream should know.
    """

    name: str
    path: str
    object: str
    fields: Mapping[str, FieldType]
    object_path: str = ""
    description: str = ""
    params: Mapping[str, str] = attrs.field(factory=dict)
    passes: tuple[Mapping[str, str], ...] = ()
    parent: str = ""
    embedded: str = ""
    parent_field: str = ""
    events: tuple[str, ...] = ()
    deletions: tuple[str, ...] = ()
    events_except: tuple[str, ...] = ()
    cursor: str = "created"
    has_created: bool = True
    kept_days: int = 0
    notes: str = ""


@cache
def streams() -> Mapping[str, StreamRow]:
    """Return the rows by the names of their streams, in the order of the table."""
    text = files("dativo_connector_stripe").joinpath("streams.toml").read_text(encoding="utf-8")
    return MappingProxyType({name: _row(name, row) for name, row in tomllib.loads(text).items()})


def listed_of(row: StreamRow) -> StreamRow:
    """Return the stream whose list is walked for the stream *row*: its parent's, or its own."""
    return streams()[row.parent] if row.parent else row


def _row(name: str, row: dict[str, Any]) -> StreamRow:
    fields = {field: FieldType(kind) for field, kind in row.pop("fields").items()}
    lists = {key: tuple(value) for key, value in row.items() if isinstance(value, list)}
    return StreamRow(name=name, fields=fields, **{**row, **lists})
