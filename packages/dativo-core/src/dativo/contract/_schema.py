"""JSON Schema of a settings class, for manifests, editors and docs.

The types that a settings class may use: ``str``, ``int``, ``float``, ``bool``, ``Secret``,
``Path``, ``Url``, a ``StrEnum``, ``Literal``, ``X | None``, ``tuple[X, ...]``,
``Mapping[str, X]`` and further settings classes.
"""

from __future__ import annotations

import enum
import functools
import pathlib
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any, Literal, Union, get_args, get_origin

import attrs

from dativo.contract._secret import Secret
from dativo.contract._url import Url

__all__ = ["config_schema", "settings_of"]

_PLAIN: Mapping[object, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    Secret: {"type": "string", "writeOnly": True},
    pathlib.Path: {"type": "string", "format": "path"},
    Url: {"type": "string", "format": "uri"},
    types.NoneType: {"type": "null"},
    Any: {},
}


def config_schema(settings: type) -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of the frozen attrs class *settings*.

    Raises:
        TypeError: A field has a type that a settings class may not use.
    """
    fields = settings_of(settings)
    properties = {name: _property(field, hint) for name, (field, hint) in fields.items()}
    required = [name for name, (field, _) in fields.items() if field.default is attrs.NOTHING]
    schema: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        schema["required"] = required
    schema["additionalProperties"] = False
    return schema


def settings_of(settings: type) -> Mapping[str, tuple[attrs.Attribute[Any], Any]]:
    """Return the fields of *settings* by name, each with its resolved type.

    Raises:
        TypeError: It is no attrs class.
    """
    if not attrs.has(settings):
        msg = f"{settings.__qualname__} is not an attrs class"
        raise TypeError(msg)
    return _resolved(settings)


@functools.cache
def _resolved(settings: type) -> Mapping[str, tuple[attrs.Attribute[Any], Any]]:
    hints = typing.get_type_hints(settings)
    found = {field.name: (field, hints[field.name]) for field in attrs.fields(settings)}
    return types.MappingProxyType(found)


def _property(field: attrs.Attribute[Any], hint: Any) -> dict[str, Any]:
    schema = _of_type(hint)
    about: dict[str, Any] = field.metadata.get("dativo", {})
    names: dict[str, str] = {"help": "description", "identity": "x-identity"}
    if about.get("examples"):
        about = {**about, "examples": list(about["examples"])}
    if "pattern" in about:
        # A setting matches as a whole, JSON Schema searches.
        about = {**about, "pattern": f"^(?:{about['pattern']})$"}
    for key, value in about.items():
        schema[names.get(key, key)] = value
    default = field.default
    if isinstance(default, str | int | float | bool):
        schema["default"] = default
    return schema


def _of_type(hint: Any) -> dict[str, Any]:
    if hint in _PLAIN:
        return dict(_PLAIN[hint])
    make = _GENERIC.get(get_origin(hint))
    if make is not None:
        return make(get_args(hint))
    if isinstance(hint, type) and issubclass(hint, enum.StrEnum):
        return {"enum": [member.value for member in hint]}
    if isinstance(hint, type) and attrs.has(hint):
        return config_schema(hint)
    msg = f"a setting cannot have the type {hint!r}"
    raise TypeError(msg)


def _of_union(arguments: tuple[Any, ...]) -> dict[str, Any]:
    options = [_of_type(argument) for argument in arguments]
    plain = [option["type"] for option in options if set(option) == {"type"}]
    if len(plain) == len(options):
        return {"type": plain}
    return {"anyOf": options}


_GENERIC: Mapping[object, Callable[[tuple[Any, ...]], dict[str, Any]]] = {
    Union: _of_union,
    types.UnionType: _of_union,
    Literal: lambda arguments: {"enum": list(arguments)},
    tuple: lambda arguments: {"type": "array", "items": _of_type(arguments[0])},
    Mapping: lambda arguments: {"type": "object", "additionalProperties": _of_type(arguments[1])},
}
