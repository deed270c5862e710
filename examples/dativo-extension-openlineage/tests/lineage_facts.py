"""What the OpenLineage specification (2-0-2) demands of a run event, as far as we send it."""

from __future__ import annotations

import re
import uuid
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

__all__ = ["require_run_event"]

_TYPES = ("START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER")
_FACETS = {
    "dataSource": {"name": str, "uri": str},
    "schema": {"fields": list},
    "outputStatistics": {"rowCount": int, "size": int, "fileCount": int},
    "errorMessage": {"message": str, "programmingLanguage": str, "stackTrace": str},
    "processing_engine": {"version": str, "name": str, "openlineageAdapterVersion": str},
}
_REQUIRED = {
    "outputStatistics": {"rowCount"},
    "errorMessage": {"message", "programmingLanguage"},
    "processing_engine": {"version"},
}
_SCHEMA_URL = re.compile(r"https://openlineage\.io/spec/facets/\d-\d-\d/(\w+)\.json#/\$defs/(\w+)")


def require_run_event(event: dict[str, Any]) -> None:
    """See that *event* is what the specification calls a RunEvent."""
    assert {"eventTime", "producer", "schemaURL", "run", "job"} <= set(event)
    assert event["eventType"] in _TYPES
    assert datetime.fromisoformat(event["eventTime"]).tzinfo is not None
    assert urlsplit(event["producer"]).scheme == "pkg"
    assert event["schemaURL"].endswith("/2-0-2/OpenLineage.json#/$defs/RunEvent")
    assert str(uuid.UUID(event["run"]["runId"])) == event["run"]["runId"]
    assert event["job"]["namespace"]
    assert event["job"]["name"]
    _require_facets(event["run"].get("facets", {}))
    for dataset in (*event.get("inputs", ()), *event.get("outputs", ())):
        assert dataset["namespace"]
        assert dataset["name"]
        _require_facets(dataset.get("facets", {}))
    for dataset in event.get("outputs", ()):
        _require_facets(dataset.get("outputFacets", {}))


def _require_facets(facets: dict[str, Any]) -> None:
    for name, facet in facets.items():
        known = _FACETS[name]
        content = {key: value for key, value in facet.items() if not key.startswith("_")}
        assert set(content) <= set(known)
        assert _REQUIRED.get(name, set()) <= set(content)
        assert all(isinstance(value, known[key]) for key, value in content.items())
        assert urlsplit(facet["_producer"]).scheme == "pkg"  # any URI will do
        match = _SCHEMA_URL.fullmatch(facet["_schemaURL"])
        assert match is not None
        assert match[1] == match[2]
        for field in content.get("fields", ()):
            assert set(field) <= {"name", "type", "description"}
            assert field["name"]
