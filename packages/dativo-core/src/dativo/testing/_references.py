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
    hosts = [path for text in permissions.hosts for path in _REFERENCE.findall(text)]
    ports = [path for text in permissions.ports for path in _REFERENCE.findall(text)]
    # What names the host as a whole brings its port along, even if it is declared as a port, too.
    whole = {path for path in hosts if any(_is_whole(value) for value in _values(config, path))}
    free = [path for path in ports if path not in whole and _takes_a_port(config, path)]
    changed = copy.deepcopy(dict(settings))
    is_led = False
    for path in hosts:
        value = next(iter(_values(config, path)), "")
        if value and (path in whole or free):
            led = _led(value, address) if path in whole else address[0]
            _put(changed, path, led, config=config)
            is_led = True
    for path in free if is_led else ():
        is_text = isinstance(_value(config, path), str)
        _put(changed, path, str(address[1]) if is_text else address[1], config=config)
    return changed if is_led else None


def _is_whole(value: str) -> bool:
    """Whether a text names host and port: a URL or ``host:port``."""
    return "://" in value or re.fullmatch(r"[^:]+:\d+", value) is not None


def _led(value: str, address: tuple[str, int]) -> str:
    place = f"{address[0]}:{address[1]}"
    if "://" not in value:
        return place
    url = urlsplit(value)
    user = f"{url.netloc.rpartition('@')[0]}@" if "@" in url.netloc else ""
    return urlunsplit(url._replace(netloc=f"{user}{place}"))


def _takes_a_port(config: object, path: str) -> bool:
    """Whether a setting can hold a port here: its section is there, and it holds no URL."""
    section, _, _ = path.rpartition(".")
    is_there = not section or _value(config, section) is not None
    return is_there and not any("://" in value for value in _values(config, path))


def _value(config: object, path: str) -> Any:
    value: Any = config
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else getattr(value, part, None)
    return value


def _values(config: object, path: str) -> list[str]:
    value = _value(config, path)
    if isinstance(value, tuple | list):
        return [str(item) for item in value]
    return [] if value is None else [str(value)]


def _put(settings: dict[str, Any], path: str, value: object, *, config: object) -> None:
    *sections, last = path.split(".")
    for section in sections:
        settings = settings.setdefault(section, {})
    is_list = isinstance(_value(config, path), tuple | list)
    settings[last] = [value] if is_list else value
