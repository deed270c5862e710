"""Reading: from one SELECT to finished batches, with values that cannot be located by row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs
import psycopg
import pyarrow as pa

from dativo.contract import Batch, Checkpoint, Context
from dativo.errors import DataFormatError, RunInterruptedError
from dativo_connector_postgres._errors import DriverError, sqlstate_of, tidy
from dativo_connector_postgres._fields import BadColumnError, Field
from dativo_connector_postgres._names import quote
from dativo_connector_postgres._plan import StreamPlan
from dativo_connector_postgres._readers import describe
from dativo_connector_postgres._rewritten import refuse_rewritten
from dativo_connector_postgres._session import Limits, Session
from dativo_connector_postgres._snapshot import Snapshot

__all__ = ["batch_of"]

_LARGEST_BATCH_BYTES = 4 << 20
"""Larger batches take memory and gain no speed."""


@attrs.define
class _Counted:
    """How many rows there were: delivered by the driver, and sent by the server if that is told."""

    delivered: int = 0
    sent: int | None = None


def batch_of(
    snapshot: Snapshot,
    plan: StreamPlan,
    context: Context,
    *conditions: str | None,
    checkpoint: Checkpoint | None = None,
) -> Batch:
    """Return a lazy reader of the plan's rows that meet *conditions*; it opens nothing yet.

    Its own count is what the server says that it sent. Where the driver does not pass that on the
    server counts a table once more; of a view or a query it is what the driver delivered, because
    counting there may take as long as reading.
    """
    counted = _Counted()
    data = context.reader(
        plan.schema, _batches(snapshot, plan, context, conditions, counted=counted)
    )

    def rows() -> int:
        if counted.sent is not None:
            return counted.sent
        return _count(snapshot, plan, context, conditions) if plan.is_table else counted.delivered

    return Batch(data, checkpoint, rows=rows, note=describe(snapshot.reader))


def _count(
    snapshot: Snapshot, plan: StreamPlan, context: Context, conditions: tuple[str | None, ...]
) -> int:
    with snapshot.guarded(context, plan.name):
        _stop_if_cancelled(context, plan)
        context.progress(f"counting {plan.name}")
        (rows,) = snapshot.row(plan.select(*conditions, expressions="count(*)"), plan)
        return int(rows)


def _batches(
    snapshot: Snapshot,
    plan: StreamPlan,
    context: Context,
    conditions: tuple[str | None, ...],
    *,
    counted: _Counted,
) -> Iterator[pa.RecordBatch]:
    with snapshot.guarded(context, plan.name):
        _stop_if_cancelled(context, plan)
        try:
            with snapshot.session() as session:
                limits = Limits(
                    rows=context.batch_rows,
                    size_bytes=min(context.batch_bytes, _LARGEST_BATCH_BYTES),
                )
                for batch in session.read(plan, conditions, limits):
                    _stop_if_cancelled(context, plan)
                    counted.delivered += batch.num_rows
                    yield from _cut(_finished(session, plan, batch), limits.rows)
                refuse_rewritten(session.rewritten(plan))
                counted.sent = session.sent
        except BadColumnError as error:
            text = str(error)
            raise _located(
                snapshot, plan, [error.field], conditions=conditions, text=text
            ) from None
        except (psycopg.Error, DriverError) as error:
            if not _is_about_data(error):
                raise
            text = tidy(str(error), snapshot.config.password)
            raise _located(snapshot, plan, plan.fields, conditions=conditions, text=text) from None


def _finished(session: Session, plan: StreamPlan, batch: pa.RecordBatch) -> pa.RecordBatch:
    return session.finish(plan, batch)


def _cut(batch: pa.RecordBatch, rows: int) -> Iterator[pa.RecordBatch]:
    for start in range(0, batch.num_rows, rows):
        yield batch.slice(start, rows)


def _stop_if_cancelled(context: Context, plan: StreamPlan) -> None:
    if context.cancelled():
        raise RunInterruptedError("the read was stopped", stream=plan.name)


def _is_about_data(error: psycopg.Error | DriverError) -> bool:
    state = sqlstate_of(error)
    return state.startswith("22") if state else "ReadRecord failed" in str(error)


def _located(
    snapshot: Snapshot,
    plan: StreamPlan,
    fields: Sequence[Field],
    *,
    conditions: tuple[str | None, ...],
    text: str,
) -> DataFormatError:
    for field in fields:
        row = _find(snapshot, plan, field, conditions)
        if row is not None:
            value, place = row
            return _error(plan, field, f"holds {value}", place)
    if len(fields) == 1 and fields[0].bad is not None:
        return _error(plan, fields[0], f"holds what cannot be represented ({text})", {})
    return DataFormatError(f"{plan.name}: {text}", stream=plan.name)


def _error(plan: StreamPlan, field: Field, what: str, place: dict[str, str]) -> DataFormatError:
    name = field.column.name
    where = ", ".join(f"{key} = {value}" for key, value in place.items())
    return DataFormatError(
        f"{plan.name}: the column {name!r} of type {field.column.type_text} {what}"
        f"{f' in the row with {where}' if where else ''}, which {field.encoding.arrow} cannot hold",
        fix=f"Mend the value; or set options of the stream: `text_columns: [{name}]` delivers the "
        "column as text, `unrepresentable: nullify` delivers such values as NULL.",
        details={"column": name, "row": place},
        stream=plan.name,
    )


def _find(
    snapshot: Snapshot, plan: StreamPlan, field: Field, conditions: tuple[str | None, ...]
) -> tuple[str, dict[str, str]] | None:
    if field.bad is None:
        return None
    keys = plan.primary_key or (("ctid",) if plan.is_table else ())
    shown = [field.column.name, *keys]
    expressions = ", ".join(
        f"left({name if name == 'ctid' else quote(name)}::text, 100)" for name in shown
    )
    sql = plan.select(*conditions, field.bad, expressions=expressions)
    try:
        rows = snapshot.query(f"{sql} LIMIT 1")
    except psycopg.Error:
        return None
    if not rows:
        return None
    value, *place = rows[0]
    return str(value), dict(zip(keys, map(str, place), strict=True))
