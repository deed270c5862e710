"""Settings on the command line, and the secrets among settings."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from dativo.config import Job, Node, Origin, ProblemList, Redactor, parse_yaml, structure
from dativo.contract import Role, Secret
from dativo.errors import DativoError, UsageError
from dativo.plugins import find_connector, find_extension

__all__ = ["is_secret", "learn_job", "learn_settings", "read_settings", "refuse_clear_secrets"]

_HOW = "Write --set key=value, such as --set host=localhost."


def read_settings(texts: Sequence[str], *, connector: str, role: Role) -> dict[str, object]:
    """Return what ``--set port=5432 --set tls.mode=off`` would be under ``config`` in a job file.

    A value is read as YAML; a dot leads into a section.

    Raises:
        UsageError: A text is no ``key=value``, is no YAML, or holds a secret in the clear: the
            arguments of a process are visible to everybody on the machine.
    """
    secrets = _secret_names(connector, role) or frozenset()
    settings: dict[str, object] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not all(key.split(".")):
            raise UsageError("--set takes key=value", fix=_HOW)
        if key in secrets and not _is_reference(value):
            raise _in_the_clear(key)
        _put(settings, key, _read(key, value))
    return settings


def refuse_clear_secrets(settings: Mapping[str, object], schema: Mapping[str, Any]) -> None:
    """See that the secrets of *schema* are references.

    Raises:
        UsageError: One holds its value.
    """
    for key in _secrets(schema):
        value: object = settings
        for part in key.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        if value is not None and not _is_reference(str(value)):
            raise _in_the_clear(key)


def learn_settings(
    settings: Mapping[str, object], redactor: Redactor, *, connector: str, role: Role
) -> None:
    """Let *redactor* learn the secrets that *settings* refer to, before the connector is loaded.

    Without a manifest nobody knows yet which settings are secrets, so that everything that comes
    by reference counts as one.
    """
    _learn(_texts(settings), _secret_names(connector, role), folder=Path.cwd(), redactor=redactor)


def learn_job(job: Job, redactor: Redactor) -> None:
    """Let *redactor* learn the secrets that *job* refers to, as :func:`learn_settings` does."""
    for role, use in ((Role.SOURCE, job.source), (Role.WRITER, job.writer)):
        names = _secret_names(use.connector, role)
        _learn(_node_texts(use.config), names, folder=job.folder, redactor=redactor)
    for extension in job.extensions:
        names = _extension_secret_names(extension.extension)
        _learn(_node_texts(extension.config), names, folder=job.folder, redactor=redactor)


def is_secret(schema: Mapping[str, Any]) -> bool:
    """Whether a setting with this JSON Schema holds a secret."""
    return bool(schema.get("writeOnly")) or any(map(is_secret, schema.get("anyOf", ())))


def _is_reference(text: str) -> bool:
    return "${" in text and "}" in text


def _in_the_clear(key: str) -> UsageError:
    msg = f"the secret {key!r} must not stand on the command line"
    return UsageError(msg, fix=f"Write --set {key}='${{env:NAME}}'.")


def _secret_names(connector: str, role: Role) -> frozenset[str] | None:
    """Return the settings that hold secrets; ``None`` if there is no manifest to tell."""
    try:
        manifest = find_connector(connector).manifest
    except DativoError:  # told better by whoever loads it
        return None
    if manifest is None:
        return None
    return frozenset(_secrets(manifest.roles.get(role, {}).get("config", {})))


def _extension_secret_names(extension: str) -> frozenset[str] | None:
    """Return what :func:`_secret_names` returns, of an extension."""
    try:
        manifest = find_extension(extension).manifest
    except DativoError:  # as above
        return None
    about = None if manifest is None else manifest.extension
    return None if about is None else frozenset(_secrets(about.get("config", {})))


def _secrets(schema: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for name, about in schema.get("properties", {}).items():
        if is_secret(about):
            yield prefix + name
        yield from _secrets(about, f"{prefix}{name}.")


def _learn(
    texts: Mapping[str, str], names: frozenset[str] | None, *, folder: Path, redactor: Redactor
) -> None:
    wanted = [
        text for name, text in texts.items() if "${" in text and (names is None or name in names)
    ]
    data = json.dumps({f"s{at}": text for at, text in enumerate(wanted)}).encode()
    fields = {f"s{at}": attrs.field(type=Secret) for at in range(len(wanted))}
    problems = ProblemList()  # they are reported by whoever loads the connector
    node = parse_yaml(data, Origin("", folder, redactor=redactor), problems)
    if node is not None:
        structure(node, attrs.make_class("References", fields), collect=problems)


def _texts(value: object, path: str = "") -> dict[str, str]:
    if isinstance(value, str):
        return {path: value}
    items: Iterator[tuple[object, object]] = iter(())
    if isinstance(value, Mapping):
        items = iter(value.items())
    elif isinstance(value, list):
        items = iter(enumerate(value))
    found: dict[str, str] = {}
    for key, item in items:
        found |= _texts(item, f"{path}.{key}" if path else str(key))
    return found


def _node_texts(node: Node, path: str = "") -> dict[str, str]:
    found = {path: node.text} if node.text else {}
    entries = [(entry.key, entry.value) for entry in node.entries]
    for key, value in (*entries, *((str(at), item) for at, item in enumerate(node.items))):
        found |= _node_texts(value, f"{path}.{key}" if path else key)
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
