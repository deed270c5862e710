"""The JSON Schema of job files, for editors."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

import attrs

from dativo.config._document import (
    SCHEMA,
    ExtensionDocument,
    JobDocument,
    RunDocument,
    SourceDocument,
    StreamDocument,
    WriterDocument,
)
from dativo.config._job import Deletes
from dativo.config._node import Node
from dativo.contract import Guarantee, ReadMode, WriteMode, settings_of

__all__ = ["job_schema"]

JsonSchema = dict[str, Any]

_REFERENCE: JsonSchema = {"type": "string", "pattern": r"^\$\{(env|file):[^{}]+\}$"}
_TEXTS: JsonSchema = {"type": "array", "items": {"type": "string"}}
_TYPES: Mapping[object, JsonSchema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    tuple[str, ...]: _TEXTS,
    ReadMode: {"enum": [mode.value for mode in ReadMode]},
    WriteMode: {"enum": [mode.value for mode in WriteMode]},
    Guarantee: {"enum": [guarantee.value for guarantee in Guarantee]},
    Deletes: {"enum": [way.value for way in Deletes]},
    Node: {"type": "object"},
}
_SECTIONS = (SourceDocument, WriterDocument, RunDocument)
_LIMITS = ("minimum", "maximum", "pattern")


def job_schema(
    connectors: Mapping[str, Mapping[str, Any]],
    extensions: Mapping[str, Mapping[str, Any]] | None = None,
) -> JsonSchema:
    """Return the JSON Schema (2020-12) of a job file.

    *connectors* are the ``roles`` of the manifests by connector name, *extensions* the
    ``extension`` of theirs. The settings of a plugin that is among them are checked too; references
    are allowed in place of any single value.
    """
    schema = _section(JobDocument)
    streams = {"type": "array", "minItems": 1, "items": _section(StreamDocument)}
    schema["properties"]["streams"] = {**schema["properties"]["streams"], **streams}
    entry = {**_section(ExtensionDocument), **_all_of(_extension_settings(extensions or {}))}
    listed = {"type": "array", "items": entry}
    schema["properties"]["extensions"] = {**schema["properties"]["extensions"], **listed}
    for role in ("source", "writer"):
        schema["properties"][role] |= _all_of(_settings(connectors, role))
    options = (
        *_options(connectors, "source", "options"),
        *_options(connectors, "writer", "writer_options"),
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Dativo job",
        **schema,
        **_all_of(options),
    }


def _all_of(rules: Iterable[JsonSchema]) -> JsonSchema:
    found = list(rules)
    return {"allOf": found} if found else {}


def _section(section: type) -> JsonSchema:
    fields = settings_of(section)
    required = [name for name, (field, _) in fields.items() if field.default is attrs.NOTHING]
    return {
        "type": "object",
        "properties": {name: _property(field, hint) for name, (field, hint) in fields.items()},
        "required": required,
        "additionalProperties": False,
    }


def _property(field: attrs.Attribute[Any], hint: Any) -> JsonSchema:
    about = field.metadata["dativo"]
    members = [member for member in get_args(hint) if member is not type(None)]
    kind = members[0] if type(None) in get_args(hint) else hint
    if kind in _SECTIONS:
        return {**_section(kind), "description": about["help"]}
    limits = {key: about[key] for key in _LIMITS if key in about}
    if "pattern" in limits:
        limits["pattern"] = _whole(limits["pattern"])
    schema = {**field.metadata.get(SCHEMA, _TYPES.get(kind, {})), **limits}
    if kind in (int, bool) and SCHEMA not in field.metadata:
        schema = {**_or_reference(schema), "default": field.default}
    return {**schema, "description": about["help"]}


def _settings(connectors: Mapping[str, Mapping[str, Any]], role: str) -> Iterator[JsonSchema]:
    for name, about in _playing(connectors, role):
        yield _settings_of("connector", name, about["config"])


def _extension_settings(extensions: Mapping[str, Mapping[str, Any]]) -> Iterator[JsonSchema]:
    for name, about in sorted(extensions.items()):
        yield _settings_of("extension", name, about["config"])


def _settings_of(key: str, name: str, config: Mapping[str, Any]) -> JsonSchema:
    then: JsonSchema = {"properties": {"config": _or_reference(config)}}
    if config.get("required"):
        then["required"] = ["config"]
    return {"if": _named(key, name), "then": then}


def _options(
    connectors: Mapping[str, Mapping[str, Any]], role: str, key: str
) -> Iterator[JsonSchema]:
    for name, about in _playing(connectors, role):
        entry = {"properties": {key: _or_reference(about["options"])}}
        yield {
            "if": {"properties": {role: _named("connector", name)}, "required": [role]},
            "then": {"properties": {"streams": {"items": entry}}},
        }


def _playing(
    connectors: Mapping[str, Mapping[str, Any]], role: str
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    return ((name, roles[role]) for name, roles in sorted(connectors.items()) if role in roles)


def _named(key: str, name: str) -> JsonSchema:
    return {"properties": {key: {"const": name}}, "required": [key]}


def _or_reference(schema: Mapping[str, Any]) -> JsonSchema:
    """Allow a reference wherever a single value stands."""
    found = dict(schema)
    if "pattern" in found:
        found["pattern"] = _whole(found["pattern"])
    if "properties" in found:
        found["properties"] = {k: _or_reference(v) for k, v in found["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(found.get(key), Mapping):
            found[key] = _or_reference(found[key])
    if found.get("type") in ("object", "array", "string") and not set(found) & {"pattern", "enum"}:
        return found
    described: JsonSchema = {k: found.pop(k) for k in ("description", "default") if k in found}
    return {"anyOf": [found, _REFERENCE], **described}


def _whole(pattern: str) -> str:
    """Anchor *pattern*: a setting must match as a whole, JSON Schema searches."""
    return f"^(?:{pattern})$"
