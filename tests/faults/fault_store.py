"""A bucket on an S3 server of the tests, and an independent look at what is published in it.

The server is one process for all cases; every case has a bucket, and a proxy if it wants faults.
"""

from __future__ import annotations

import atexit
import contextlib
import io
import json
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping, MutableMapping
from typing import Any
from urllib.parse import quote

import attrs
import pyarrow.parquet as pq

from dativo_test_support.s3 import ACCESS_KEY, SECRET_KEY, S3Server

__all__ = ["Store", "StoredEntry", "new_store"]

_PREFIX = "lake"
_SCOPE = f"Credential={ACCESS_KEY}/20260101/us-east-1/s3/aws4_request"
_HEADERS = {
    "Authorization": f"AWS4-HMAC-SHA256 {_SCOPE}, SignedHeaders=host, Signature=0",
    "Content-Type": "application/octet-stream",
}
"""The server wants a signature for objects and does not look at it."""
_STARTING = threading.Lock()
_SERVERS: list[S3Server] = []


@attrs.frozen
class StoredEntry:
    """A commit in the log of a stream: its number, its record and its files."""

    sequence: int
    base: int
    record: str
    keys: tuple[str, ...]


@attrs.frozen
class Store:
    """A bucket; ``endpoint`` is what jobs are told, the server itself or a proxy."""

    server: S3Server
    bucket: str
    endpoint: str
    timeout_seconds: float = 1.5

    @property
    def url(self) -> str:
        """The path of the lake, for job files."""
        return f"s3://{self.bucket}/{_PREFIX}"

    def settings(self) -> dict[str, Any]:
        """The writer's section on how it is reached."""
        return {
            "region": "us-east-1",
            "endpoint": self.endpoint,
            "access_key_id": ACCESS_KEY,
            "secret_access_key": SECRET_KEY,
            "timeout_seconds": self.timeout_seconds,
        }

    def log(self, stream: str) -> list[str]:
        """Return the keys of the log of *stream*, the oldest first."""
        return sorted(self.keys(f"{_PREFIX}/.dativo/parquet/{stream}/log/"))

    def commits(
        self, stream: str, known: MutableMapping[str, bytes] | None = None
    ) -> list[StoredEntry]:
        """Return the published commits of *stream*: from the base of the newest one on.

        Entries never change, so those that are *known* are not read again.
        """
        known = {} if known is None else known
        found: list[StoredEntry] = []
        for key in self.log(stream):
            if key not in known:
                known[key] = self.read(key)
            document = json.loads(known[key])
            if "footer" in document:
                keys = tuple(f"{_PREFIX}/{file['key']}" for file in document["files"])
                sequence = int(key.rsplit("/", 1)[1].removesuffix(".json"))
                record = document["footer"]["dativo.commit"]
                found.append(StoredEntry(sequence, int(document["base"]), record, keys))
        return [entry for entry in found if entry.sequence >= found[-1].base]

    def keys(self, prefix: str) -> list[str]:
        """Return all keys that begin with *prefix*."""
        found: list[str] = []
        after = ""
        while True:
            query = f"list-type=2&prefix={quote(prefix)}&start-after={quote(after)}"
            text = self.server.request("GET", f"/{self.bucket}?{query}")
            part = re.findall(r"<Key>([^<]*)</Key>", text)
            found += part
            if "<IsTruncated>true" not in text:
                return found
            after = part[-1]

    def read(self, key: str) -> bytes:
        """Return an object.

        Raises:
            FileNotFoundError: There is none.
        """
        try:
            return self._ask("GET", key)
        except urllib.error.HTTPError as error:
            raise FileNotFoundError(f"{key}: {error}") from error

    def put(self, key: str, content: bytes) -> None:
        """Write an object."""
        self._ask("PUT", key, content)

    def delete(self, key: str) -> None:
        """Remove an object."""
        self._ask("DELETE", key)

    def snapshot(self) -> dict[str, bytes]:
        """Return all objects of the lake."""
        return {key: self.read(key) for key in self.keys(_PREFIX)}

    def restore(self, objects: Mapping[str, bytes]) -> None:
        """Make the lake what :meth:`snapshot` has returned."""
        for key in self.keys(_PREFIX):
            self.delete(key)
        for key, content in objects.items():
            self.put(key, content)

    def _ask(self, method: str, key: str, content: bytes | None = None) -> bytes:
        address = f"{self.server.url}/{self.bucket}/{quote(key)}"
        request = urllib.request.Request(address, data=content, method=method, headers=_HEADERS)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return bytes(answer.read())

    def parquet(self, key: str) -> pq.ParquetFile:
        """Open a data file."""
        return pq.ParquetFile(io.BytesIO(self.read(key)))


def new_store() -> Store:
    """Make an empty bucket, and start the server for the first one."""
    with _STARTING:
        if not _SERVERS:
            stack = contextlib.ExitStack()
            _SERVERS.append(stack.enter_context(S3Server()))
            atexit.register(stack.close)
    server = _SERVERS[0]
    return Store(server, server.create_bucket(), server.url)
