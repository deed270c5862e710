"""What permissions such as ``${config.host}`` stand for, and settings with another host."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from dativo.contract import Permissions

__all__ = ["filled", "led_to"]

_REFERENCE = re.compile(r"\$\{config\.([A-Za-z0-9_.]+)\}")


def filled(texts: tuple[str, ...], config: object) -> list[str]:
    """Return *texts* with the settings that they refer to; without those that are not set.

    A setting that is a list gives one text for each item.
    """
    found: list[str] = []
    for text in texts:
        paths = _REFERENCE.findall(text)
        if not paths:
            found.append(text)
        else:
            values = _values(config, paths[0])
            found += [text.replace(f"${{config.{paths[0]}}}", value) for value in values]
    return found


def led_to(
    address: tuple[str, int],
    settings: Mapping[str, object],
    *,
    config: object,
    permissions: Permissions,
) -> dict[str, object] | None:
    """Return *settings* with *address* in place of the host that they name.

    Which settings name it follows from *permissions*; ``None`` if none does.
    """
    host, port = address
    hosts = [path for text in permissions.hosts for path in _REFERENCE.findall(text)]
    ports = [path for text in permissions.ports for path in _REFERENCE.findall(text)]
    changed = copy.deepcopy(dict(settings))
    is_led = False
    for path in hosts:
        value = next(iter(_values(config, path)), "")
        if "://" in value:
            url = urlsplit(value)
            user = f"{url.netloc.rpartition('@')[0]}@" if "@" in url.netloc else ""
            _put(changed, path, urlunsplit(url._replace(netloc=f"{user}{host}:{port}")))
            is_led = True
        elif value and ports:
            _put(changed, path, host)
            is_led = True
    for path in ports if is_led else ():
        _put(changed, path, port)
    return changed if is_led else None


def _values(config: object, path: str) -> list[str]:
    value: Any = config
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else getattr(value, part, None)
    if isinstance(value, tuple | list):
        return [str(item) for item in value]
    return [] if value is None else [str(value)]


def _put(settings: dict[str, Any], path: str, value: object) -> None:
    *sections, last = path.split(".")
    for section in sections:
        settings = settings.setdefault(section, {})
    settings[last] = value
