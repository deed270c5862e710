"""From rules to a transform: which field gets which action, and whether that can be."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

import attrs
import pyarrow as pa

from dativo.contract import ArrowArray, ArrowSchema, TransformRequest, matches_pattern
from dativo.errors import SchemaValidationError
from dativo_extension_mask._actions import Mask, mask_of
from dativo_extension_mask._config import Action, MaskConfig, Rule

__all__ = ["Masking", "masking"]


@attrs.frozen
class Masking:
    """What becomes of the batches of one stream.

    Attributes:
        schema: The schema of the result.
    """

    schema: pa.Schema
    _masks: Mapping[str, Mask | None]

    def apply(self, batch: ArrowArray) -> pa.RecordBatch:
        """Return *batch* without what the rules hide."""
        given = pa.record_batch(batch)
        columns = []
        for name, column in zip(given.schema.names, given.columns, strict=True):
            if name not in self._masks:
                columns.append(column)
            elif (mask := self._masks[name]) is not None:
                columns.append(mask.apply(column))
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)


def masking(config: MaskConfig, request: TransformRequest, schema: ArrowSchema) -> Masking | None:
    """Return what becomes of a stream; ``None`` if it passes as it is.

    Raises:
        SchemaValidationError: No rule is about the stream, a rule names a field that it lacks, or
            values that its action cannot mask.
    """
    rules = [rule for rule in config.rules if matches_pattern(request.stream, rule.streams)]
    if not rules:
        _require_left(config, request)
        return None
    given = pa.schema(schema)
    for rule in rules:
        _require_fields(rule, request, given.names)
    key = b"" if config.key is None else config.key.reveal().encode()
    masks: dict[str, Mask | None] = {}
    for name, rule in _deciding(rules).items():
        if name in given.names:
            if name in request.primary_key:
                _require_distinct(name, rule, request)
            mask = mask_of(rule, given.field(name), key)
            if isinstance(mask, str):
                raise _refused(f"the field {name!r} of {request.stream!r} {mask}", request)
            masks[name] = mask
    return _of(given, masks) if masks else None


def _of(given: pa.Schema, masks: Mapping[str, Mask | None]) -> Masking:
    fields = []
    for field in given:
        mask = masks.get(field.name)
        if mask is not None:
            fields.append(mask.field)
        elif field.name not in masks:
            fields.append(field)
    return Masking(pa.schema(fields, given.metadata), masks)


def _deciding(rules: Sequence[Rule]) -> dict[str, Rule]:
    """Return the rule of each field: the first that names it."""
    found: dict[str, Rule] = {}
    for rule in rules:
        for name in rule.fields:
            found.setdefault(name, rule)
    return found


def _require_left(config: MaskConfig, request: TransformRequest) -> None:
    if not any(matches_pattern(request.stream, pattern) for pattern in config.leave):
        raise SchemaValidationError(
            f"no rule is about the stream {request.stream!r}, and `leave` does not name it",
            fix="Add a rule, or add the stream to `leave` so that it passes as it is.",
        )


def _require_fields(rule: Rule, request: TransformRequest, names: Sequence[str]) -> None:
    if rule.if_present or request.partial:
        return
    for name in rule.fields:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise SchemaValidationError(
                f"the stream {request.stream!r} has no field {name!r}, which is to be masked{hint}",
                fix="Correct the rule, or say `if_present: true` where streams may lack the field.",
            )


def _require_distinct(name: str, rule: Rule, request: TransformRequest) -> None:
    if rule.action is not Action.HASH:
        what = f"is in the primary key of {request.stream!r}, so that {rule.action} would mix "
        raise _refused(f"the field {name!r} {what}records up", request, "Use the action hash.")


def _refused(
    message: str, request: TransformRequest, fix: str = "Use the action drop or redact."
) -> SchemaValidationError:
    return SchemaValidationError(message, fix=fix, stream=request.stream)
