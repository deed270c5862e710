"""What a run would write to an object store, without touching it."""

from __future__ import annotations

from dativo.contract import Context, ReadPlan, WritePlan, WriteRequest
from dativo_writer_parquet._config import ParquetConfig
from dativo_writer_parquet._plan import expected_files
from dativo_writer_parquet._store._keys import Keys
from dativo_writer_parquet._store._log import Log
from dativo_writer_parquet._store._objects import Objects
from dativo_writer_parquet._store._read import state_of

__all__ = ["plan_prefix"]

_ASSUMPTIONS = (
    (
        "Readers go by the commit log (dativo cat, dativo_writer_parquet.scan); a plain glob can "
        "see files of an epoch that is not published yet, or not any more."
    ),
    "The store honours If-None-Match and is consistent when it is read after a write.",
)


def plan_prefix(
    config: ParquetConfig, request: WriteRequest, read: ReadPlan, context: Context
) -> WritePlan:
    """Return where the records of *read* would go, and in about how many files.

    Raises:
        StateUnreadableError: The log cannot be read.
    """
    log = Log(Objects(config, context), Keys(request.stream), context)
    log.open()
    state = None if log.commit is None else state_of(log)
    return WritePlan(
        place=log.objects.name(log.keys.data),
        files=expected_files(config, request, read, context=context, state=state),
        assumptions=_ASSUMPTIONS,
        knows_last_commit=True,
        last_commit=None if state is None else state.record,
    )
