"""Signatures as people write them, the same on every Python."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable

__all__ = ["parameter_names", "returned", "signature_text", "type_words"]

_PREFIX = re.compile(r"\b(?:dativo\.\w+(?:\.\w+)*|collections\.abc|typing|pathlib|contextlib)\.")


def signature_text(function: Callable[..., object]) -> str:
    """Return parameters with types and defaults, and what comes back."""
    parts: list[str] = []
    is_keyword_only = False
    for parameter in _parameters(function):
        if parameter.kind is parameter.KEYWORD_ONLY and not is_keyword_only:
            parts.append("*")
            is_keyword_only = True
        parts.append(_parameter(parameter))
    return f"({', '.join(parts)}) -> {returned(function)}"


def parameter_names(function: Callable[..., object]) -> tuple[str, ...]:
    """Return the names of the parameters, without ``self``."""
    return tuple(parameter.name for parameter in _parameters(function))


def returned(function: Callable[..., object]) -> str:
    """Return the type of what comes back."""
    return type_words(inspect.signature(function).return_annotation)


def type_words(annotation: object) -> str:
    """Return a type without the modules that it lives in."""
    text = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    return _PREFIX.sub("", text.strip("'"))


def _parameters(function: Callable[..., object]) -> list[inspect.Parameter]:
    found = inspect.signature(function).parameters.values()
    return [parameter for parameter in found if parameter.name != "self"]


def _parameter(parameter: inspect.Parameter) -> str:
    stars = "**" if parameter.kind is parameter.VAR_KEYWORD else ""
    default = "" if parameter.default is parameter.empty else f" = {_default(parameter.default)}"
    return f"{stars}{parameter.name}: {type_words(parameter.annotation)}{default}"


def _default(value: object) -> str:
    # attrs marks "no default" with an enumeration.
    return str(getattr(value, "name", repr(value)))
