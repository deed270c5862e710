"""Contract major 0, the class style, for code that is not moved to hooks yet; deprecated.

A class of this style is read by its methods, whatever its base is, so nothing has to be imported
from here. It serves who wants a base and results without another package.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from dativo.errors import DativoDeprecationWarning

__all__ = [
    "BaseReader",
    "BaseWriter",
    "ConnectionTestResult",
    "DiscoveryResult",
    "SourceConfig",
    "TargetConfig",
]


class SourceConfig(SimpleNamespace):
    """The settings of a reader as attributes; what a job does not say is ``None``."""


class TargetConfig(SimpleNamespace):
    """The settings of a writer as attributes; what a job does not say is ``None``."""


class ConnectionTestResult:
    """What ``check_connection`` returns."""

    def __init__(
        self,
        success: bool,  # noqa: FBT001 - the style has it so
        message: str,
        error_code: str | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        self.success = success
        self.message = message
        self.error_code = error_code
        self.details = dict(details or {})


class DiscoveryResult:
    """What ``discover`` returns: objects with at least a ``name``."""

    def __init__(
        self, objects: Sequence[Mapping[str, Any]], metadata: Mapping[str, Any] | None = None
    ) -> None:
        self.objects = list(objects)
        self.metadata = dict(metadata or {})


class BaseReader:
    """A reader; it may add ``check_connection``, ``discover`` and ``get_total_records_estimate``.

    There are no defaults for these: what is not there is not implemented.
    """

    __version__ = "1.0.0"

    def __init__(self, source_config: Any) -> None:
        self.source_config = source_config

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Warn where the class is defined."""
        super().__init_subclass__(**arguments)
        _warn(cls)

    def extract(self, state_manager: Any = None) -> Iterator[list[dict[str, Any]]]:
        """Yield lists of records."""
        raise NotImplementedError


class BaseWriter:
    """A writer; it may add ``check_connection`` and ``commit_files``."""

    __version__ = "1.0.0"

    def __init__(self, asset_definition: Any, target_config: Any, output_base: str) -> None:
        self.asset_definition = asset_definition
        self.target_config = target_config
        self.output_base = output_base

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Warn where the class is defined."""
        super().__init_subclass__(**arguments)
        _warn(cls)

    def write_batch(self, records: list[dict[str, Any]], file_counter: int) -> list[dict[str, Any]]:
        """Write *records* and return what was written, one mapping per file."""
        raise NotImplementedError


def _warn(cls: type) -> None:
    notice = DativoDeprecationWarning(
        f"The class style of {cls.__qualname__}",
        removed_in="dativo-core 1.0",
        instead="Move it to hooks, as docs/from-the-class-style.md shows.",
    )
    warnings.warn(notice, stacklevel=3)
