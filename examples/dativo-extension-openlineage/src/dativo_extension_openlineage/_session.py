"""One run as OpenLineage tells it: START, RUNNING for each commit, then how it ended."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dativo.contract import (
    EpochCommitted,
    Event,
    RunFinished,
    RunOutcome,
    RunStarted,
    SchemaRead,
    System,
)
from dativo_extension_openlineage._config import LineageConfig
from dativo_extension_openlineage._facets import (
    PRODUCER,
    RUN_EVENT,
    Totals,
    dataset,
    engine_facet,
    error_facet,
)
from dativo_extension_openlineage._sinks import Sink

__all__ = ["LineageSession"]

_ENDS: Mapping[RunOutcome, str] = {
    RunOutcome.DONE: "COMPLETE",
    RunOutcome.PARTIAL: "FAIL",
    RunOutcome.FAILED: "FAIL",
    RunOutcome.INTERRUPTED: "ABORT",
}


class LineageSession:
    """Turns the events of a run into those of OpenLineage.

    Args:
        config: The settings.
        sink: Delivers one event, or raises.
        retry: Calls until it succeeds, or fails for good.
    """

    def __init__(
        self, config: LineageConfig, sink: Sink, *, retry: Callable[[Callable[[], None]], None]
    ) -> None:
        self._config = config
        self._sink = sink
        self._retry = retry
        self._started: RunStarted | None = None
        self._schemas: dict[str, SchemaRead] = {}
        self._totals: dict[str, Totals] = defaultdict(Totals)

    def tell(self, event: Event) -> None:
        """Take note of *event*, and deliver what it means."""
        match event:
            case RunStarted():
                self._started = event
                self._send("START", event, event.streams)
            case SchemaRead():
                self._schemas[event.stream] = event
            case EpochCommitted():
                self._add(event)
                if self._config.running:
                    self._send("RUNNING", event, (event.stream,))
            case RunFinished():
                self._finish(event)
            case _:
                pass

    def close(self) -> None:
        """Do nothing: each event is delivered when it comes."""

    def _add(self, event: EpochCommitted) -> None:
        totals = self._totals[event.stream]
        totals.rows += event.rows
        totals.size_bytes += event.size_bytes
        totals.files += event.files

    def _finish(self, event: RunFinished) -> None:
        facets = {} if event.error is None else {"errorMessage": error_facet(event.error)}
        streams: tuple[str, ...] = ()
        if self._started is None:
            # Each run has a START, also one that failed before its streams were known.
            self._send("START", event, streams)
        else:
            streams = self._started.streams
        self._send(_ENDS[event.outcome], event, streams, facets)

    def _send(
        self,
        kind: str,
        event: Event,
        streams: Sequence[str],
        facets: Mapping[str, Any] | None = None,
    ) -> None:
        told = {
            "eventType": kind,
            "eventTime": event.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "producer": PRODUCER,
            "schemaURL": RUN_EVENT,
            "run": {
                "runId": str(uuid.UUID(event.run_id)),
                "facets": {"processing_engine": engine_facet(), **(facets or {})},
            },
            "job": {"namespace": self._config.namespace, "name": event.job},
            "inputs": [self._input(stream) for stream in streams],
            "outputs": [self._output(stream) for stream in streams],
        }
        self._retry(lambda: self._sink(told))

    def _input(self, stream: str) -> dict[str, Any]:
        source = None if self._started is None else self._started.source
        schema = self._schemas.get(stream)
        return dataset(
            self._config.input_namespace or _namespace(source),
            stream,
            system=source,
            schema=None if schema is None else schema.source_schema,
        )

    def _output(self, stream: str) -> dict[str, Any]:
        writer = None if self._started is None else self._started.writer
        schema = self._schemas.get(stream)
        return dataset(
            self._config.output_namespace or _namespace(writer),
            stream,
            system=writer,
            schema=None if schema is None else schema.schema,
            totals=self._totals.get(stream),
        )


def _namespace(system: System | None) -> str:
    if system is None:
        return "unknown"
    place = "/".join(value for value in system.identity.values() if value)
    return f"{system.connector}://{place}" if place else system.connector
