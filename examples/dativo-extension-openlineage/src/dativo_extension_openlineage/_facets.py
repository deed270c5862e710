"""Facets and datasets as the OpenLineage specification has them."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import arro3.core as arro3
import attrs

from dativo.contract import ArrowSchema, System
from dativo.errors import DativoError

__all__ = ["PRODUCER", "RUN_EVENT", "Totals", "dataset", "engine_facet", "error_facet"]

Json = dict[str, Any]

PRODUCER = "pkg:pypi/dativo-extension-openlineage"
RUN_EVENT = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"

_FACETS = "https://openlineage.io/spec/facets"


@attrs.define
class Totals:
    """What was published of a stream so far."""

    rows: int = 0
    size_bytes: int = 0
    files: int = 0


def dataset(
    namespace: str,
    name: str,
    *,
    system: System | None,
    schema: ArrowSchema | None,
    totals: Totals | None = None,
) -> Json:
    """Return a dataset; with *totals* it is one that is written."""
    facets: Json = {}
    if system is not None:
        facets["dataSource"] = _facet("1-0-1/DatasourceDatasetFacet", name=system.connector)
        if ":" in namespace:
            facets["dataSource"]["uri"] = namespace
    if schema is not None:
        facets["schema"] = _facet("1-1-1/SchemaDatasetFacet", fields=list(_fields(schema)))
    found: Json = {"namespace": namespace, "name": name, "facets": facets}
    if totals is not None:
        found["outputFacets"] = {
            "outputStatistics": _facet(
                "1-0-2/OutputStatisticsOutputDatasetFacet",
                rowCount=totals.rows,
                size=totals.size_bytes,
                fileCount=totals.files,
            )
        }
    return found


def engine_facet() -> Json:
    """Return which Dativo this is."""
    return _facet(
        "1-1-1/ProcessingEngineRunFacet",
        version=version("dativo-core"),
        name="Dativo",
        openlineageAdapterVersion=version("dativo-extension-openlineage"),
    )


def error_facet(error: DativoError) -> Json:
    """Return what went wrong; there is no stack in it, which could hold values."""
    place = ", ".join(part for part in (error.connector, error.stream, error.phase) if part)
    text = f"{error.code}: {error.message}" + (f" ({place})" if place else "")
    return _facet("1-0-1/ErrorMessageRunFacet", message=text, programmingLanguage="PYTHON")


def _facet(path: str, **content: object) -> Json:
    name = path.partition("/")[2]
    return {
        "_producer": PRODUCER,
        "_schemaURL": f"{_FACETS}/{path}.json#/$defs/{name}",
        **content,
    }


def _fields(schema: ArrowSchema) -> Iterator[Json]:
    given = arro3.Schema.from_arrow(schema)
    for field in (given.field(at) for at in range(len(given.names))):
        kind = field.metadata_str.get("ARROW:extension:name") or repr(field.type).strip()
        text = kind.removeprefix("arro3.core.DataType<").removesuffix(">").lower()
        yield {"name": field.name, "type": text}
