"""The extensions of a job: loaded, configured, and given what their calls may ask for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum

import attrs

from dativo.config import ExtensionUse, ProblemList, structure
from dativo.contract import Secret, settings_of
from dativo.engine._context import EngineContext
from dativo.engine._control import RunControl
from dativo.engine._recover import HASHED
from dativo.engine._resources import Resources
from dativo.plugins import Extension, load_extension

__all__ = ["LoadedExtension", "fingerprint_of", "load_extensions"]

_ROUNDS = 100_000


@attrs.frozen(kw_only=True)
class LoadedExtension:
    """One extension of a job with its structured config and what its calls share in this run."""

    extension: Extension
    config: object
    resources: Resources = attrs.field(factory=Resources)

    @property
    def name(self) -> str:
        """The extension's address."""
        return self.extension.name

    def context(self, control: RunControl, *, stream: str = "", attempt: int = 1) -> EngineContext:
        """Make the context of one hook call."""
        return EngineContext(
            control=control,
            resources=self.resources,
            connector=self.name,
            part=f"extension-{self.name}",
            stream=stream,
            attempt=attempt,
            fence=control.fence,
            bystander=not self.extension.is_transformer,
        )


def load_extensions(
    uses: Sequence[ExtensionUse], problems: ProblemList
) -> tuple[LoadedExtension, ...]:
    """Load the extensions that a job names; what is wrong with settings goes to *problems*.

    Raises:
        PluginError: An extension is not installed or cannot be loaded.
    """
    loaded = []
    for use in uses:
        extension = load_extension(use.extension)
        config = structure(use.config, extension.info.config, collect=problems)
        loaded.append(LoadedExtension(extension=extension, config=config))
    return tuple(loaded)


def fingerprint_of(transformers: Sequence[LoadedExtension], *, job: str) -> Mapping[str, str]:
    """Return what published data depends on: which transformers there are, and each setting.

    Settings are hashed, secrets slowly: the result is stored beside the data, and must not help
    anybody to guess them. It is empty without transformers.
    """
    if not transformers:
        return {}
    found = {"transformers": ",".join(one.name for one in transformers)}
    for number, one in enumerate(transformers, 1):
        place = f"transformers.{number}.{one.name}"
        found[f"{place}.version"] = str(one.extension.info.version)
        for name, value in _settings(one.config):
            text = json.dumps(_plain(value, salt=f"{job}\n{one.name}"), sort_keys=True)
            found[f"{place}.{name}"] = HASHED + hashlib.sha256(text.encode()).hexdigest()[:16]
    return found


def _settings(config: object) -> Iterator[tuple[str, object]]:
    return ((name, getattr(config, name)) for name in settings_of(type(config)))


def _plain(value: object, *, salt: str) -> object:
    """Return *value*, of a type that a setting may have, as JSON values."""
    if isinstance(value, Secret):
        secret = value.reveal().encode()
        return hashlib.pbkdf2_hmac("sha256", secret, salt.encode(), _ROUNDS).hex()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {str(key): _plain(item, salt=salt) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_plain(item, salt=salt) for item in value]
    if attrs.has(type(value)):
        return {name: _plain(item, salt=salt) for name, item in _settings(value)}
    return value if value is None or isinstance(value, bool | int | float) else str(value)
