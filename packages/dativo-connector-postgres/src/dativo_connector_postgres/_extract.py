"""Reading a stream: in full, split over several readers, or what is new since a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from dativo.contract import Batch, Checkpoint, Context, ReadMode, StreamRequest
from dativo_connector_postgres._config import PostgresConfig
from dativo_connector_postgres._incremental import read_new
from dativo_connector_postgres._lookup import locked
from dativo_connector_postgres._parts import parts_of
from dativo_connector_postgres._plan import plan_stream
from dativo_connector_postgres._ranges import Bounds
from dativo_connector_postgres._read import batch_of
from dativo_connector_postgres._snapshot import open_snapshot

__all__ = ["extract"]


def extract(
    config: PostgresConfig, request: StreamRequest, state: Checkpoint | None, context: Context
) -> Iterator[Batch]:
    """Yield lazy readers of one stream; those of a full read may be drained at once."""
    snapshot = open_snapshot(config, context)
    with snapshot.guarded(context, request.stream):
        with snapshot.planner() as connection:
            relation = snapshot.lookup.take(connection, request, context.streams)
            plan = plan_stream(connection, config, snapshot.facts, request, relation=relation)
            if relation is not None:
                # Only now, because the plan has said by what right.
                relation = locked(connection, relation)
                if relation is None:
                    plan = plan_stream(connection, config, snapshot.facts, request)
                else:
                    plan = attrs.evolve(plan, relation=relation)
            bounds = Bounds.of_request(connection, plan, request)
        if request.mode is ReadMode.INCREMENTAL and not bounds.is_backfill:
            yield from read_new(snapshot, plan, state, context)
            return
        for part in parts_of(snapshot, plan, context.parallelism):
            yield batch_of(snapshot, plan, context, bounds.sql, part)
