"""Lists of records as Arrow tables of one schema: exactly, or not at all."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import arro3.core as arro3

from dativo.errors import ContractViolationError, DataValidationError
from dativo.plugins._class_style._kinds import Kind, kind_of_value

__all__ = ["Record", "Tables", "infer", "records_of"]

Record = Mapping[str, Any]


class Tables:
    """Makes tables of one schema of the records of one stream, and counts them.

    Args:
        kinds: The type of each field, in order; every field may be missing or ``None``.
        columns: The fields to keep, in this order; empty for all.

    Raises:
        DataValidationError: One of *columns* is none of the fields.
    """

    def __init__(self, kinds: Mapping[str, Kind], columns: Sequence[str] = ()) -> None:
        self.kinds = dict(kinds)
        self._read = 0
        self._names = tuple(columns) or tuple(kinds)
        for name in self._names:
            if name not in kinds:
                near = difflib.get_close_matches(name, list(kinds), n=1)
                hint = f"; did you mean {near[0]!r}?" if near else f": {', '.join(kinds)}"
                msg = f"the stream has no field {name!r} among its fields{hint}"
                raise DataValidationError(msg, fix="Mend `columns` in the job file.")
        fields = [arro3.Field(name, kinds[name].arrow, nullable=True) for name in self._names]
        self._schema = arro3.Schema(fields)

    @property
    def count(self) -> int:
        """How many records were taken."""
        return self._read

    def table(self, records: Sequence[Record]) -> arro3.Table:
        """Return *records* as a table.

        Raises:
            DataValidationError: A value is not of its field's type, or a field is not known; the
                message says which record and which field.
        """
        stored: dict[str, list[object]] = {name: [] for name in self.kinds}
        for record in records:
            self._read += 1
            if not record.keys() <= stored.keys():
                raise _unknown(record.keys() - stored.keys(), self._read, list(self.kinds))
            for name, kind in self.kinds.items():
                value = record.get(name)
                try:
                    stored[name].append(None if value is None else kind.take(value))
                except ValueError as error:
                    raise _misfit(name, kind, error, self._read) from None
        arrays = [_array(self.kinds[name], stored[name]) for name in self._names]
        batch = arro3.RecordBatch.from_arrays(arrays, schema=self._schema)
        return arro3.Table.from_batches([batch], schema=self._schema)


def infer(
    records: Iterable[Record], given: Mapping[str, Kind]
) -> tuple[dict[str, Kind], list[str]]:
    """Return the type of each field of *records*, and which fields have no value to tell by.

    What is *given* is not inferred, and comes first.

    Raises:
        DataValidationError: The values of a field are of different types, or of one that no field
            can have.
    """
    values: dict[str, list[Any]] = {}
    for record in records:
        for name, value in record.items():
            seen = values.setdefault(name, [])
            if value is not None and name not in given:
                seen.append(value)
    kinds = dict(given)
    empty = [name for name, seen in values.items() if not seen and name not in given]
    for name, seen in values.items():
        if name not in given:
            kinds[name] = _inferred(name, seen or [""])
    return kinds, empty


def records_of(found: object) -> Sequence[Record]:
    """Return what a class yielded as records.

    Raises:
        ContractViolationError: It is no list of dictionaries whose keys are texts.
    """
    if not isinstance(found, list | tuple):
        msg = f"the class yielded a {type(found).__name__} where a list of records is due"
        raise ContractViolationError(msg)
    for record in found:
        if not isinstance(record, Mapping) or not all(isinstance(key, str) for key in record):
            what = type(record).__name__
            msg = f"the class yielded a {what} where a record with named fields is due"
            raise ContractViolationError(msg)
    return found


def _inferred(name: str, values: list[Any]) -> Kind:
    kind = kind_of_value(values)
    if kind is not None:
        return kind
    types = ", ".join(sorted({type(value).__name__ for value in values}))
    msg = f"no one type fits the values of the field {name!r}, which are of type {types}"
    fix = (
        f"Declare it in the stream's options, such as schema: {{{name}: json}}, or mend the class."
    )
    raise DataValidationError(msg, fix=fix, details={"field": name, "types": types})


def _array(kind: Kind, values: list[object]) -> arro3.Array:
    array = arro3.Array(values, kind.storage)
    return array if kind.storage == kind.arrow else array.cast(kind.arrow)


def _unknown(names: Iterable[str], record: int, known: list[str]) -> DataValidationError:
    listed = ", ".join(repr(name) for name in sorted(names))
    first = min(names)
    return DataValidationError(
        f"record {record} has the field {listed}, which no earlier record had; known are: "
        f"{', '.join(known)}",
        fix=f"Declare it in the stream's options, such as schema: {{{first}: text}}.",
        details={"record": record, "fields": sorted(names)},
    )


def _misfit(name: str, kind: Kind, error: ValueError, record: int) -> DataValidationError:
    return DataValidationError(
        f"record {record} holds {error} in the field {name!r}, which is {kind.name}",
        fix=f"Declare the type that fits all in the stream's options: schema: {{{name}: ...}}.",
        details={"record": record, "field": name, "type": kind.name},
    )
