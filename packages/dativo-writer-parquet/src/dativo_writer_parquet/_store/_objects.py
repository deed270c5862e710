"""The objects below one prefix of a bucket: few verbs, each failure an error of the catalogue."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import attrs
import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotFoundError,
    PreconditionError,
    UnknownConfigurationKeyError,
)
from obstore.store import from_url

from dativo.contract import Secret, Url
from dativo.errors import DativoError, InvalidConfigError, ResourceNotFoundError
from dativo_writer_parquet._config import ParquetConfig, StorageConfig
from dativo_writer_parquet._store._failures import translated

__all__ = ["Caller", "Found", "Listed", "Objects", "Tag", "allows_http", "store_settings"]

T = TypeVar("T")

_MIB = 1024 * 1024
_PART_BYTES = 8 * _MIB
_MOST_PARTS = 9_000
_PARTS_AT_ONCE = 2
_CONNECT_SECONDS = 10.0
_PART_RETRIES = 2


class Caller(Protocol):
    """What the objects need of the engine's context."""

    def retry(self, call: Callable[[], T]) -> T:
        """Call until it succeeds, fails for good, or was tried often enough."""
        ...

    def progress(self) -> None:
        """Say that something moves."""
        ...


@attrs.frozen
class Tag:
    """What tells one content of an object from the next."""

    e_tag: str | None
    version: str | None


@attrs.frozen(kw_only=True)
class Found:
    """An object as it was read; ``modified`` is by the clock of the store."""

    data: bytes
    size_bytes: int
    modified: datetime
    tag: Tag


@attrs.frozen
class Listed:
    """An object as a listing shows it; ``modified`` is by the clock of the store."""

    key: str
    modified: datetime


class Objects:
    """The objects below ``path``; safe to use from several threads.

    What can be repeated without harm goes through the engine's retries. The library's own are off,
    except for the parts of a large file, where a failure would send the whole file again.
    """

    def __init__(self, config: ParquetConfig, caller: Caller) -> None:
        assert isinstance(config.path, Url)
        self.url = config.path.rstrip("/")
        self._caller = caller
        self._store = _connected(self.url, config.storage, retries=0)
        self._parts = _connected(self.url, config.storage, retries=_PART_RETRIES)

    def name(self, key: str) -> str:
        """Return what messages call the object at *key*."""
        return f"{self.url}/{key}"

    # --- once: what must not be repeated blindly ------------------------------------------------

    def create(self, key: str, data: bytes) -> Tag | None:
        """Put *data* at *key* if there is no object; return ``None`` if there is one."""
        with self._explained("creating", key):
            try:
                return _tag(obstore.put(self._store, key, data, mode="create"))
            except (AlreadyExistsError, PreconditionError):
                return None

    def exchange(self, key: str, data: bytes, tag: Tag) -> Tag | None:
        """Put *data* at *key* if its content still is that of *tag*; return ``None`` if not."""
        known = {name: value for name, value in attrs.asdict(tag).items() if value is not None}
        mode: Any = known  # the library refuses None where its types allow it
        with self._explained("updating", key):
            try:
                return _tag(obstore.put(self._store, key, data, mode=mode))
            except (AlreadyExistsError, PreconditionError, NotFoundError, FileNotFoundError):
                return None

    def look(self, key: str) -> Found | None:
        """Return the object at *key*, ``None`` if there is none."""
        with self._explained("reading", key):
            try:
                answer = obstore.get(self._store, key)
            except (NotFoundError, FileNotFoundError) as error:
                _require_bucket(error, self.url)
                return None
            return _found(answer.meta, bytes(answer.bytes()))

    # --- with retries ---------------------------------------------------------------------------

    def read(self, key: str) -> Found | None:
        """Return the object at *key*, ``None`` if there is none."""
        return self._retried(lambda: self.look(key))

    def read_part(self, key: str, start: int, end: int) -> Found:
        """Return the bytes from *start* to before *end* of the object at *key*.

        Raises:
            FileNotFoundError: There is none.
        """

        def once() -> Found:
            with self._explained("reading", key):
                try:
                    answer = obstore.get(self._store, key, options={"range": (start, end)})
                except (NotFoundError, FileNotFoundError) as error:
                    raise FileNotFoundError(self.name(key)) from error
                return _found(answer.meta, bytes(answer.bytes()))

        return self._retried(once)

    def put(self, key: str, data: bytes) -> None:
        """Put *data* at *key*, whatever is there."""

        def once() -> None:
            with self._explained("writing", key):
                obstore.put(self._store, key, data)

        self._retried(once)

    def upload(self, key: str, path: Path) -> None:
        """Put the content of a file at *key*; a large one in parts, which go if one fails."""
        size = path.stat().st_size
        part = max(_PART_BYTES, size // _MOST_PARTS + 1)

        def once() -> None:
            with self._explained("writing", key):
                obstore.put(self._parts, key, path, chunk_size=part, max_concurrency=_PARTS_AT_ONCE)

        self._retried(once)

    def list(self, prefix: str, *, after: str | None = None) -> Sequence[Listed]:
        """Return the objects below *prefix* whose keys sort after *after*, in order."""

        def once() -> list[Listed]:
            with self._explained("listing", prefix):
                pages = obstore.list(self._store, prefix, offset=after, chunk_size=1000)
                return [Listed(one["path"], one["last_modified"]) for page in pages for one in page]

        return sorted(self._retried(once), key=lambda listed: listed.key)

    def delete(self, keys: Sequence[str]) -> None:
        """Remove the objects at *keys*; one that is gone is no error."""

        def once() -> None:
            with self._explained("removing", keys[0]):
                obstore.delete(self._store, list(keys))

        if keys:
            self._retried(once)

    def _retried(self, call: Callable[[], T]) -> T:
        result = self._caller.retry(call)
        self._caller.progress()
        return result

    @contextmanager
    def _explained(self, action: str, key: str) -> Iterator[None]:
        try:
            yield
        except (DativoError, AlreadyExistsError, PreconditionError):
            raise
        except BaseError as error:
            # Not as its cause: its text has the request's address and the whole answer.
            raise translated(error, f"{action} {self.name(key)}") from None
        except FileNotFoundError as error:
            _require_bucket(error, self.url)
            raise


def store_settings(storage: StorageConfig) -> Mapping[str, str]:
    """Return the settings as the library, and polars, name them; they hold secrets in the clear."""
    given: Mapping[str, str | Secret | None] = {**storage.of_s3, **storage.options}
    return {
        name: value.reveal() if isinstance(value, Secret) else value
        for name, value in given.items()
        if value is not None
    }


def allows_http(storage: StorageConfig) -> bool:
    """Whether requests may go without TLS, as the job's section or the environment says."""
    # The section refuses an endpoint without TLS that it does not allow.
    is_plain = urlsplit(storage.endpoint or "").scheme == "http"
    allowed = os.environ.get("AWS_ALLOW_HTTP", "").lower() in ("1", "true")
    return is_plain or storage.allow_http or allowed


def _connected(url: str, storage: StorageConfig, *, retries: int) -> Any:
    seconds = storage.timeout_seconds
    client: Any = {
        "timeout": timedelta(seconds=seconds),
        "connect_timeout": timedelta(seconds=min(seconds, _CONNECT_SECONDS)),
    }
    if allows_http(storage):
        client["allow_http"] = True
    settings: Any = store_settings(storage)
    try:
        return from_url(
            url,
            config=settings,
            client_options=client,
            retry_config={"max_retries": retries, "retry_timeout": timedelta(seconds=seconds)},
        )
    except UnknownConfigurationKeyError as error:
        key = str(error).split("'")[1:2]
        raise InvalidConfigError(
            f"storage.options has a setting {''.join(key)!r} that the store does not know"
        ) from None
    except BaseError:
        raise InvalidConfigError(
            f"the settings in storage do not fit {url}",
            fix="Compare storage.options with the names that obstore documents for this store.",
        ) from None


def _require_bucket(error: BaseException, url: str) -> None:
    text = str(error)
    if "NoSuchBucket" in text or "ContainerNotFound" in text:
        raise ResourceNotFoundError(
            f"the bucket of {url} does not exist",
            fix="Create the bucket, or mend the path and storage.endpoint in the job file.",
        ) from None


def _tag(result: Mapping[str, Any]) -> Tag:
    return Tag(result["e_tag"], result["version"])


def _found(meta: Mapping[str, Any], data: bytes) -> Found:
    return Found(data=data, size_bytes=meta["size"], modified=meta["last_modified"], tag=_tag(meta))
