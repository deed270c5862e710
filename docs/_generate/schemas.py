"""Settings as tables, from the JSON Schemas that editors and the loader use."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from _generate.markdown import code, table

__all__ = ["settings_table", "type_text"]

JsonSchema = Mapping[str, Any]

_WORDS = {
    "string": "text",
    "integer": "integer",
    "number": "number",
    "boolean": "true or false",
    "array": "list",
    "object": "mapping",
    "null": "nothing",
}
_FORMATS = {"path": "path", "uri": "URL"}


def settings_table(schema: JsonSchema, *, limits: Mapping[str, str] | None = None) -> str:
    """Return one row per key of *schema*: type, default and meaning."""
    required = schema.get("required", ())
    rows = (
        (code(key), *_row(about, is_required=key in required, limit=(limits or {}).get(key, "")))
        for key, about in schema.get("properties", {}).items()
    )
    return table(("key", "type", "default", "meaning"), rows)


def type_text(schema: JsonSchema) -> str:
    """Return the type of a setting in words."""
    if "enum" in schema:
        return ", ".join(code(value) for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_plain_options(schema)))
    if schema.get("type") == "array":
        return f"list of {_plural(schema['items'])}"
    return _word(schema)


def _word(schema: JsonSchema) -> str:
    if schema.get("writeOnly"):
        return "secret text"
    if schema.get("format") in _FORMATS:
        return _FORMATS[schema["format"]]
    kind = schema.get("type", "object")
    kinds = [kind] if isinstance(kind, str) else kind
    return " or ".join(_WORDS[one] for one in kinds if one != "null")


def _row(about: JsonSchema, *, is_required: bool, limit: str) -> tuple[str, str, str]:
    words = " ".join([type_text(about), *_limits(about), *([limit] if limit else [])])
    default = "required" if is_required else _default(about)
    meaning = about.get("description", "")
    if about.get("examples"):
        shown = ", ".join(code(_yaml(value)) for value in about["examples"])
        meaning = f"{meaning} For example {shown}."
    return words, default, meaning


def _default(about: JsonSchema) -> str:
    if "default" not in about:
        return ""
    return code(_yaml(about["default"]))


def _limits(about: JsonSchema) -> Iterator[str]:
    one = next(iter(_single(about)), about)
    if "minimum" in one and "maximum" in one:
        yield f"from {one['minimum']:,} to {one['maximum']:,}"
    elif "minimum" in one:
        yield f"of at least {one['minimum']:,}"


def _single(about: JsonSchema) -> Iterator[JsonSchema]:
    yield from (one for one in about.get("anyOf", ()) if not _is_reference(one))


def _plain_options(schema: JsonSchema) -> Iterator[str]:
    for option in schema["anyOf"]:
        if not _is_reference(option) and option.get("type") != "null":
            yield type_text(option)


def _is_reference(schema: JsonSchema) -> bool:
    return str(schema.get("pattern", "")).startswith(r"^\$\{(env|file)")


def _plural(schema: JsonSchema) -> str:
    word = type_text(schema)
    return {"text": "texts", "mapping": "mappings", "path": "paths"}.get(word, word)


def _yaml(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
