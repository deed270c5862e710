"""A lake on an object store, for tests; the proxy in front of it fails as a test scripts it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar

import attrs
import pyarrow as pa
from parquet_lake import Lake

from dativo.contract import Secret, Url, WriteMode, WriteSession
from dativo.errors import DativoError
from dativo_test_support.context import FakeContext
from dativo_test_support.s3 import ACCESS_KEY, SECRET_KEY, FaultProxy, S3Server
from dativo_writer_parquet import ParquetConfig, StorageConfig, read_back, write
from dativo_writer_parquet._store._keys import Keys
from dativo_writer_parquet._store._log import Log
from dativo_writer_parquet._store._objects import Objects

__all__ = ["RetryingContext", "StoreLake"]

T = TypeVar("T")

_RETRIES = 4


@attrs.define(kw_only=True)
class RetryingContext(FakeContext):
    """Tries again at once, as often as the engine does by waiting."""

    retried: list[DativoError] = attrs.field(factory=list)

    def retry(self, call: Callable[[], T]) -> T:
        for _ in range(_RETRIES):
            try:
                return call()
            except DativoError as error:
                if not error.retryable:
                    raise
                self.retried.append(error)
        return call()


@attrs.frozen(kw_only=True)
class StoreLake(Lake):
    """A prefix of a bucket, and one stream in it; ``path`` is where files are staged."""

    url: str
    bucket: str
    proxy: FaultProxy
    server: S3Server
    storage: dict[str, Any] = attrs.field(factory=dict)

    @property
    def config(self) -> ParquetConfig:
        settings: dict[str, Any] = {
            "region": "us-east-1",
            "endpoint": self.proxy.url,
            "access_key_id": ACCESS_KEY,
            "secret_access_key": Secret(SECRET_KEY),
            "timeout_seconds": 2.0,
            **self.storage,
        }
        return ParquetConfig(path=Url(self.url), storage=StorageConfig(**settings), **self.settings)

    def asking(self, **context: Any) -> RetryingContext:
        """A context of the engine's."""
        return RetryingContext(**{"workdir": self.path, **self.context, **context})

    def open(self, **context: Any) -> WriteSession:
        return self.open_in(self.asking(**context))

    def open_in(self, context: RetryingContext) -> WriteSession:
        session = write(self.config, self.request, context)
        assert session is not None
        return session

    def read(self) -> pa.Table:
        context = self.asking()
        return context.read(read_back(self.config, self.request, context))

    def objects(self) -> Objects:
        return Objects(self.config, self.asking())

    def stored(self) -> list[str]:
        """Every object below the prefix."""
        return [one.key for one in self.objects().list("")]

    def data_keys(self) -> list[str]:
        """Every data file of the stream."""
        return [key for key in self.stored() if key.startswith(Keys(self.stream).data)]

    def log(self) -> Log:
        """The log as it is now."""
        log = Log(self.objects(), Keys(self.stream), self.asking())
        log.open()
        return log

    def staged(self) -> list[Path]:
        """What is left of staged files on the disk."""
        return [path for path in self.path.rglob("*") if path.is_file()]

    def merging(self) -> Self:
        """The same place, merged by id."""
        return attrs.evolve(self, mode=WriteMode.MERGE, primary_key=("id",))
