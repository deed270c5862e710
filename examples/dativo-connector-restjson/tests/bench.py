"""The engine's side of a hook call, as far as the connector asks for it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import pyarrow as pa
from dativo_connector_restjson import RestConfig, extract
from dativo_connector_restjson._auth_config import Auth
from dativo_connector_restjson._config import Incremental, StreamConfig
from dativo_connector_restjson._paging_config import Paging
from fake_api import TOKEN, FakeApi

from dativo.contract import Batch, Checkpoint, ReadMode, Secret, StreamRequest, Url
from dativo.errors import DativoError

LIST = {"records": "data.items"}


class Bench:
    """A context that retries three times without waiting."""

    batch_rows = 1000
    limit: int | None = None
    deadline: float | None = None
    patterns: tuple[str, ...] = ()
    streams: tuple[StreamRequest, ...] = ()
    workdir = Path()

    def __init__(self) -> None:
        self.stack = contextlib.ExitStack()
        self.resources: dict[str, Any] = {}
        self.waits: list[float | None] = []
        self.cancellation = threading.Event()
        self.on_stop: list[Callable[[], None]] = []

    def resource(self, key: str, factory: Callable[[], Any]) -> Any:
        if key not in self.resources:
            self.resources[key] = self.stack.enter_context(factory())
        return self.resources[key]

    def retry(self, call: Callable[[], Any]) -> Any:
        for _ in range(3):
            try:
                return call()
            except DativoError as error:
                if not error.retryable:
                    raise
                self.waits.append(error.retry_after)
        return call()

    def cancelled(self) -> bool:
        return self.cancellation.is_set()

    @contextlib.contextmanager
    def on_cancel(self, call: Callable[[], None]) -> Iterator[None]:
        self.on_stop.append(call)
        yield
        self.on_stop.remove(call)

    def cancel(self) -> None:
        self.cancellation.set()
        for call in list(self.on_stop):
            call()

    def progress(self, note: str = "") -> None:
        pass


def config_of(api: FakeApi, streams: Mapping[str, StreamConfig], **about: Any) -> RestConfig:
    about.setdefault("auth", Auth(bearer=Secret(TOKEN)))
    return RestConfig(base_url=Url(api.url), streams=streams, **about)


def stream(path: str, **about: Any) -> StreamConfig:
    if "paging" in about:
        about["paging"] = Paging(**about["paging"])
    if "incremental" in about:
        about["incremental"] = Incremental(**about["incremental"])
    return StreamConfig(path=path, **about)


@attrs.frozen
class Result:
    """What a read gave."""

    table: pa.Table
    checkpoints: list[Checkpoint]
    batches: list[Batch]

    def column(self, name: str) -> list[Any]:
        values: list[Any] = self.table.column(name).to_pylist()
        return values


def read(
    config: RestConfig,
    name: str = "things",
    state: Checkpoint | None = None,
    *,
    bench: Bench | None = None,
    **about: Any,
) -> Result:
    context: Any = bench or Bench()
    request = StreamRequest(stream=name, **about)
    with context.stack:
        batches = list(extract(config, request, state, context))
    tables = [pa.table(batch.data) for batch in batches]
    checkpoints = [
        Checkpoint.from_json(batch.checkpoint.to_json())
        for batch in batches
        if batch.checkpoint is not None
    ]
    return Result(pa.concat_tables(tables), checkpoints, batches)


def read_new(config: RestConfig, state: Checkpoint | None = None, **about: Any) -> Result:
    return read(config, state=state, mode=ReadMode.INCREMENTAL, **about)
