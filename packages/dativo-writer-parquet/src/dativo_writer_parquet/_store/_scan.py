"""The published state of a stream on an object store, for ``scan``."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TypeVar

from dativo.contract import Url
from dativo.errors import DativoError
from dativo_writer_parquet._config import ParquetConfig, StorageConfig
from dativo_writer_parquet._state import DataFile, State
from dativo_writer_parquet._store._objects import allows_http, store_settings
from dativo_writer_parquet._store._read import require_log, state_and_keys

__all__ = ["options_for_polars", "state_in_store"]

T = TypeVar("T")

_WAITS_SECONDS = (0.2, 1.0, 3.0)


class _Alone:
    """What calls the store where there is no engine; see :class:`Caller`."""

    def retry(self, call: Callable[[], T]) -> T:
        for wait in _WAITS_SECONDS:
            try:
                return call()
            except DativoError as error:
                if not error.retryable:
                    raise
                time.sleep(error.retry_after or wait)
        return call()

    def progress(self) -> None:
        pass


def state_in_store(
    url: Url, stream: str, storage: StorageConfig
) -> tuple[State, Callable[[DataFile], str]]:
    """Return what is published of *stream* below *url*, and where each file of it lies.

    Raises:
        ResourceNotFoundError: Nothing is.
        StateUnreadableError: The log cannot be read.
    """
    config = ParquetConfig(path=url, storage=storage)
    log = require_log(config, stream, _Alone())
    state, files = state_and_keys(log)
    return state, lambda file: log.objects.name(files[file].key)


def options_for_polars(storage: StorageConfig) -> Mapping[str, str]:
    """Return the settings as polars takes them; they hold secrets in the clear."""
    options = dict(store_settings(storage))
    if allows_http(storage):
        options["allow_http"] = "true"
    return options
