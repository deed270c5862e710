"""Connectors, as they describe themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from _generate.markdown import code, table
from _generate.schemas import settings_table
from dativo.contract import Manifest, Role
from dativo.plugins import build_manifest

__all__ = ["CONNECTOR_BLOCKS"]

_ABILITIES = {
    "read_modes": "read modes",
    "write_modes": "write modes",
    "replay": "replay",
    "atomicity": "atomicity",
    "parallel": "several readers per stream",
    "queries": "`query` as a stream",
    "filters": "`where`",
    "ranges": "ranges of the cursor (backfill)",
    "hooks": "hooks",
}


def _abilities(name: str, role: Role) -> str:
    about = build_manifest(name).roles[role]
    rows = [(title, _shown(about[key])) for key, title in _ABILITIES.items() if key in about]
    return table(("what", "value"), rows)


def _settings(name: str, role: Role, section: str) -> str:
    schema = build_manifest(name).roles[role][section]
    return "\n\n".join(_tables(schema, ""))


def _tables(schema: Mapping[str, Any], title: str) -> Iterator[str]:
    yield (f"Each entry of `{title}`:\n\n" if title else "") + settings_table(schema)
    for key, about in schema.get("properties", {}).items():
        items = about.get("items", {})
        if items.get("properties"):
            yield from _tables(items, key)


def _errors(name: str) -> str:
    manifest = build_manifest(name)
    rows = ((code(error.code), error.cause, error.fix) for error in manifest.errors)
    return table(("code", "cause", "fix"), rows)


def _permissions(name: str) -> str:
    manifest: Manifest = build_manifest(name)
    needs = manifest.permissions
    rows = [
        ("hosts", ", ".join(map(code, needs.hosts)) or "none"),
        ("ports", ", ".join(map(code, needs.ports)) or "none"),
        ("paths", ", ".join(map(code, needs.paths)) or "none"),
        ("starts programs", "yes" if needs.subprocess else "no"),
    ]
    return table(("needs", "value"), rows)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(code, value)) if isinstance(value, list) else code(value)


CONNECTOR_BLOCKS: Mapping[str, Callable[[], str]] = {
    "postgres.abilities": partial(_abilities, "postgres", Role.SOURCE),
    "postgres.config": partial(_settings, "postgres", Role.SOURCE, "config"),
    "postgres.options": partial(_settings, "postgres", Role.SOURCE, "options"),
    "postgres.errors": partial(_errors, "postgres"),
    "postgres.permissions": partial(_permissions, "postgres"),
    "parquet.abilities": partial(_abilities, "parquet", Role.WRITER),
    "parquet.config": partial(_settings, "parquet", Role.WRITER, "config"),
    "parquet.options": partial(_settings, "parquet", Role.WRITER, "options"),
    "parquet.errors": partial(_errors, "parquet"),
    "parquet.permissions": partial(_permissions, "parquet"),
}
