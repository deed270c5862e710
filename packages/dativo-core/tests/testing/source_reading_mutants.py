"""Mutants that break a rule about readers, cancellation, what is left open, or memory."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import attrs
from reference_client import Client
from reference_source import ReferenceConfig, ReferenceSource

from dativo.contract import (
    Batch,
    Context,
    Stream,
    StreamRequest,
)
from dativo.errors import DativoError

if TYPE_CHECKING:
    import http.client

    import pyarrow as pa

__all__ = ["MUTANTS"]


class ConnectionOfTheGenerator(ReferenceSource):
    """Reads lazily over something that ends with the generator."""

    def parts(self, client: Client, *arguments: Any) -> Iterator[Batch]:
        shared = _EndingClient(client.config, client.context)
        try:
            for batch in super().parts(shared, *arguments):
                yield attrs.evolve(batch, checkpoint=None)
        finally:
            shared.is_over = True


class LateBinding(ReferenceSource):
    """Makes its readers of a variable that the generator goes on changing."""

    def parts(
        self, client: Client, request: StreamRequest, stream: Stream, after: list[Any] | None, /
    ) -> Iterator[Batch]:
        now: dict[str, Any] = {}
        for batch, cut in zip(
            super().parts(client, request, stream, after),
            self.cuts(client, stream, after) or [{"upto": None}],
            strict=True,
        ):
            now.update(after=after, upto=cut["upto"])

            def pages() -> Iterator[pa.RecordBatch]:
                yield from self.part(client, request, stream, **now)

            data = client.context.reader(self.columns(request, stream), pages())
            yield attrs.evolve(batch, data=data) if cut["upto"] else batch
            after = cut["upto"]


class DeafClient(ReferenceSource):
    """Waits for the API until its own time is over, whatever the run does."""

    def client(self, config: ReferenceConfig, context: Context) -> Client:
        return _DeafClient(config, context)


class ReadsOnWhenCancelled(ReferenceSource):
    """Reads the pages ahead and yields them all, whatever the run does."""

    def increment(self, *arguments: Any, **options: Any) -> Iterator[Batch]:
        yield from list(super().increment(*arguments, **options))


class KeepsConnections(ReferenceSource):
    """Keeps its connections in a global list and never closes them."""

    def client(self, config: ReferenceConfig, context: Context) -> Client:
        return _KeepingClient(config, context)


class ThreadPerRead(ReferenceSource):
    """Starts a thread that refreshes the token, and never ends it."""

    def client(self, config: ReferenceConfig, context: Context) -> Client:
        threading.Thread(target=threading.Event().wait, args=(60,), daemon=True).start()
        return super().client(config, context)


class ClosesOnlyAtTheEnd(ReferenceSource):
    """Closes its log file after the last page, and not when it is stopped before."""

    def increment(self, *arguments: Any, **options: Any) -> Iterator[Batch]:
        client = arguments[0]
        log = (client.context.workdir / "pages.log").open("a")
        _OPEN_LOGS.append(log)
        yield from super().increment(*arguments, **options)
        _OPEN_LOGS.remove(log)
        log.close()


class AllPagesInMemory(ReferenceSource):
    """Gathers all pages before it yields the first."""

    def parts(self, client: Client, request: StreamRequest, *arguments: Any) -> Iterator[Batch]:
        batches = list(super().parts(client, request, *arguments))
        yield from [attrs.evolve(batch, data=_table(batch)) for batch in batches]


class RemembersRecords(ReferenceSource):
    """Remembers all records to drop doubled ones."""

    def part(self, *arguments: Any, **bounds: Any) -> Iterator[pa.RecordBatch]:
        for batch in super().part(*arguments, **bounds):
            _SEEN.update(str(row) for row in batch.to_pylist())
            yield batch


_OPEN_LOGS: list[Any] = []


_KEPT: list[socket.socket] = []


_SEEN: set[str] = set()


class _EndingClient(Client):
    is_over = False

    def send(self, target: str) -> Any:
        if self.is_over:
            raise OSError("the session is closed")
        return super().send(target)


class _DeafClient(Client):
    def send(self, target: str) -> Any:
        import urllib.request

        address = f"http://{self.config.host}:{self.config.port}{target}"
        wanted = urllib.request.Request(address, headers=self.headers())
        with urllib.request.urlopen(wanted, timeout=self.config.timeout_seconds) as answer:
            return answer.status, answer.headers, answer.read()


class _KeepingClient(Client):
    def send(self, target: str) -> Any:
        _KEPT.append(socket.create_connection((self.config.host, self.config.port)))
        return super().send(target)


def _table(batch: Batch) -> pa.Table:
    import pyarrow as pa

    return pa.RecordBatchReader.from_stream(batch.data).read_all()


class ReadersOfOneThread(ReferenceSource):
    """Has a driver whose connections are of the thread that made them."""

    def client(self, config: ReferenceConfig, context: Context) -> Client:
        return _ClientOfOneThread(config, context)


class SleepsWhenThrottled(ReferenceSource):
    """Waits by itself where the API asks for fewer requests, and hears nothing meanwhile."""

    def client(self, config: ReferenceConfig, context: Context) -> Client:
        return _SleepingClient(config, context)


class _ClientOfOneThread(Client):
    def __init__(self, config: ReferenceConfig, context: Context) -> None:
        super().__init__(config, context)
        self.owner = threading.get_ident()

    def send(self, target: str) -> Any:
        if threading.get_ident() != self.owner:
            raise OSError("the connection was made in another thread")
        return super().send(target)


class _SleepingClient(Client):
    def refused(self, status: int, headers: http.client.HTTPMessage, body: bytes) -> DativoError:
        if status == 429:
            time.sleep(15)
        return super().refused(status, headers, body)


MUTANTS: Mapping[str, Mapping[type[ReferenceSource], str]] = {
    "readers.late": {
        ConnectionOfTheGenerator: "moved on, end with NETWORK: 127.0.0.1",
        LateBinding: "drained in reverse",
        ReadersOfOneThread: "the connection was made in another thread",
    },
    "cancel.prompt": {
        DeafClient: "cancelled while it waits",
        SleepsWhenThrottled: "with errors['RATE_LIMIT'], cancelled while it waits: it goes on",
        ReadsOnWhenCancelled: "50 records came afterwards",
    },
    "closes.everything": {
        KeepsConnections: "leaves open: socket",
        ThreadPerRead: "leaves open: the thread",
        ClosesOnlyAtTheEnd: "stopped after a batch leaves open",
    },
    "memory.bounded": {
        AllPagesInMemory: "the memory of the process rose",
        RemembersRecords: "the memory of the process rose",
    },
}
