"""Transformers between the source's reader and the writer: checked, in order, failing closed."""

from __future__ import annotations

from collections.abc import Sequence

import arro3.core as arro3
import attrs

from dativo.contract import ArrowArray, Operation, TransformRequest
from dativo.engine._arrow import changed_fields, read_schema
from dativo.engine._control import RunControl
from dativo.engine._extensions import LoadedExtension
from dativo.plugins import GuardedTransform

__all__ = ["Change", "Changes", "Transforming"]


@attrs.frozen
class _Step:
    """One transformer with the schema that it declared."""

    transform: GuardedTransform
    schema: arro3.Schema

    def apply(self, batch: arro3.RecordBatch) -> arro3.RecordBatch:
        place = self.transform.place
        result = self.transform.apply(batch)
        found = place.call(lambda: arro3.RecordBatch.from_arrow(result))
        if found.num_rows != batch.num_rows:
            raise place.violation(f"made {found.num_rows} records of {batch.num_rows}")
        if not found.schema.equals(self.schema):
            names = changed_fields(self.schema, found.schema)
            raise place.violation(f"gave a batch of another schema than it declared: {names}")
        return found


@attrs.frozen
class Change:
    """What becomes of records of one schema; usable in several threads at once.

    Attributes:
        schema: The schema of the result.
    """

    schema: arro3.Schema
    _steps: tuple[_Step, ...]

    def apply(self, batch: ArrowArray) -> arro3.RecordBatch:
        """Return *batch* after all transformers.

        Raises:
            DativoError: A transformer failed or broke the contract; it is located.
        """
        found = arro3.RecordBatch.from_arrow(batch)
        for step in self._steps:
            found = step.apply(found)
        return found


@attrs.frozen(kw_only=True)
class Transforming:
    """The transformers of a job for one try at a stream.

    Attributes:
        transformers: The extensions, in the order of the job.
        control: The run.
        source: The source's address.
        stream: The stream.
        primary_key: The fields that must not get lost.
        attempt: Counts the tries.
    """

    transformers: Sequence[LoadedExtension]
    control: RunControl
    source: str
    stream: str
    primary_key: tuple[str, ...] = ()
    attempt: int = 1

    def change(self, schema: arro3.Schema, *, partial: bool = False) -> Change | None:
        """Return what becomes of records of *schema*; ``None`` if they stay as they are.

        With *partial* they may be nothing but keys.

        Raises:
            DativoError: A transformer failed or broke the contract; it is located.
        """
        steps: list[_Step] = []
        for one in self.transformers:
            step = self._step(one, schema, partial=partial)
            if step is not None:
                steps.append(step)
                schema = step.schema
        return Change(schema, tuple(steps)) if steps else None

    def _step(self, one: LoadedExtension, schema: arro3.Schema, *, partial: bool) -> _Step | None:
        request = TransformRequest(
            stream=self.stream, source=self.source, primary_key=self.primary_key, partial=partial
        )
        context = one.context(self.control, stream=self.stream, attempt=self.attempt)
        transform = one.extension.transform(one.config, request, schema, context)
        if transform is None:
            return None
        declared = transform.read_schema()
        result = transform.place.call(lambda: read_schema(declared))
        names = result.names
        if len(set(names)) != len(names):
            raise transform.place.violation(f"declared two fields of the same name: {names}")
        lost = [name for name in self.primary_key if name in schema.names and name not in names]
        if lost:
            raise transform.place.violation(
                f"dropped {', '.join(lost)}, which is in the primary key"
            )
        return _Step(transform, result)


@attrs.define
class Changes:
    """What becomes of records and of deletions: asked once for each, for all readers of a try."""

    _transforming: Transforming
    _known: dict[Operation, Change | None] = attrs.field(factory=dict, init=False)

    def of(self, schema: arro3.Schema, op: Operation) -> Change | None:
        """Return what becomes of records that do *op*; they all have *schema*."""
        if op not in self._known:
            partial = op is Operation.DELETE
            self._known[op] = self._transforming.change(schema, partial=partial)
        return self._known[op]
