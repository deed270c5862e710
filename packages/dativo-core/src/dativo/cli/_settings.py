"""Settings on the command line: ``--set port=5432 --set password='${env:PGPASSWORD}'``."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from dativo.config import Origin, ProblemList, Redactor, parse_yaml, structure
from dativo.contract import Role, Secret
from dativo.errors import DativoError, UsageError
from dativo.plugins import find_connector

__all__ = ["learn_secrets", "read_settings", "secret_names"]

_HOW = "Write --set key=value, such as --set host=localhost."


def read_settings(texts: Sequence[str], *, connector: str, role: str) -> dict[str, object]:
    """Return what a job file would have under ``config``.

    A value is read as YAML. ``tls.mode=off`` is a setting inside a section.

    Raises:
        UsageError: A text is no ``key=value``, is no YAML, or holds a secret in the clear: the
            arguments of a process are visible to everybody on the machine.
    """
    secrets = secret_names(connector, role)
    settings: dict[str, object] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not all(key.split(".")):
            raise UsageError(f"--set takes key=value, got {key!r}", fix=_HOW)
        if key in secrets and not ("${" in value and "}" in value):
            msg = f"the secret {key!r} must not stand on the command line"
            raise UsageError(msg, fix=f"Write --set {key}='${{env:NAME}}'.")
        _put(settings, key, _read(key, value))
    return settings


def secret_names(connector: str, role: str) -> frozenset[str]:
    """Return the settings that hold secrets, as far as the connector's manifest says so."""
    try:
        manifest = find_connector(connector).manifest
    except DativoError:  # told better by whoever loads it
        return frozenset()
    about = {} if manifest is None else manifest.roles.get(Role(role), {})
    return frozenset(_secrets(about.get("config", {})))


def learn_secrets(settings: Mapping[str, object], redactor: Redactor) -> None:
    """Let *redactor* learn what the references in *settings* stand for.

    Which settings are secrets is known for certain only when the connector is loaded, and it may
    print them while it loads; so the value behind every reference counts as one here.
    """
    texts = [text for text in _texts(settings) if "${" in text]
    data = json.dumps({f"s{at}": text for at, text in enumerate(texts)}).encode()
    fields = {f"s{at}": attrs.field(type=Secret) for at in range(len(texts))}
    problems = ProblemList()  # they are reported by whoever loads the connector
    node = parse_yaml(data, Origin("--set", Path.cwd(), redactor=redactor), problems)
    if node is not None:
        structure(node, attrs.make_class("References", fields), collect=problems)


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    return [text for item in value for text in _texts(item)] if isinstance(value, list) else []


def _secrets(schema: Mapping[str, object], prefix: str = "") -> set[str]:
    found: set[str] = set()
    properties = schema.get("properties", {})
    if not isinstance(properties, Mapping):
        return found
    for name, about in properties.items():
        if not isinstance(about, Mapping):
            continue
        options = about.get("anyOf", ())
        if about.get("writeOnly") or any(option.get("writeOnly") for option in options):
            found.add(prefix + name)
        found |= _secrets(about, f"{prefix}{name}.")
    return found


def _read(key: str, value: str) -> object:
    try:
        return YAML(typ="safe", pure=True).load(value)
    except (YAMLError, ValueError) as error:
        raise UsageError(f"the value of --set {key} is no YAML", fix=_HOW) from error


def _put(settings: dict[str, object], key: str, value: object) -> None:
    *sections, last = key.split(".")
    for section in sections:
        inner = settings.setdefault(section, {})
        if not isinstance(inner, dict):
            raise UsageError(f"--set {key}: {section!r} is a value already", fix=_HOW)
        settings = inner
    settings[last] = value
