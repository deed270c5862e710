"""Mutants of the reference writer that break a rule about the package or its settings."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import ClassVar

import attrs
from reference_writer import FolderConfig, ReferenceWriter

from dativo.contract import ConnectorInfo, NoOptions, Secret, hookimpl, setting

__all__ = ["MANIFESTS", "MUTANTS"]


class WriterWithoutManifest(ReferenceWriter):
    """Was built without its manifest."""


class WriterDescribesTheMoment(ReferenceWriter):
    """Puts the time of the build into its description."""

    @hookimpl
    def describe(self) -> ConnectorInfo:
        return attrs.evolve(super().describe(), documentation=f"built at {time.time_ns()}")


class _OtherSettings(ReferenceWriter):
    config: ClassVar[type] = FolderConfig
    options: ClassVar[type] = NoOptions

    @hookimpl
    def describe(self) -> ConnectorInfo:
        known = super().describe()
        assert known.writer is not None
        writer = attrs.evolve(known.writer, config=self.config, options=self.options)
        return attrs.evolve(known, writer=writer)


@attrs.frozen(kw_only=True)
class _WithoutHelp(FolderConfig):
    level: int = 3


@attrs.frozen(kw_only=True)
class _OptionWithoutHelp:
    level: int = 3


@attrs.frozen(kw_only=True)
class _KeyIsText(FolderConfig):
    encryption_key: str | None = setting("What the files are encrypted with.", default=None)


@attrs.frozen(kw_only=True)
class _OptionWithSecret:
    key: str = setting("The name of the key.", default="main")
    passphrase: Secret = setting("What opens the key.", default=Secret("open-sesame-77"))


class WriterSettingWithoutHelp(_OtherSettings):
    """Adds a setting and no word about it."""

    config = _WithoutHelp


class WriterOptionWithoutHelp(_OtherSettings):
    """Documents the settings, and not what a stream may say."""

    options = _OptionWithoutHelp


class WriterKeyIsText(_OtherSettings):
    """Takes a key as plain text."""

    config = _KeyIsText


class WriterOptionWithSecret(_OtherSettings):
    """Ships a passphrase for all streams in the code."""

    options = _OptionWithSecret


MANIFESTS: Mapping[type, str | None] = {WriterWithoutManifest: None}
"""Mutants that have another manifest than their own."""

MUTANTS: Mapping[str, Mapping[type[ReferenceWriter], str]] = {
    "manifest.current": {WriterWithoutManifest: "has no manifest"},
    "describe.pure": {WriterDescribesTheMoment: '"documentation": "built at'},
    "config.documented": {
        WriterSettingWithoutHelp: "writer.config.level has no help text",
        WriterOptionWithoutHelp: "streams.writer_options.level has no help text",
    },
    "config.secrets": {
        WriterKeyIsText: "writer.config.encryption_key is a secret by its name",
        WriterOptionWithSecret: "streams.writer_options.passphrase is a secret with a default",
    },
}
