"""What a job file says about an API and its lists."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum

import attrs

from dativo.contract import Secret, Url, setting
from dativo_connector_restjson._address import require_address
from dativo_connector_restjson._auth_config import Auth
from dativo_connector_restjson._paging_config import Paging
from dativo_connector_restjson._paths import parse_path
from dativo_connector_restjson._types import FieldType, Kind, parse_type

__all__ = ["EXTRA", "Bound", "Incremental", "RestConfig", "SentAs", "StreamConfig", "require_order"]

EXTRA = "_extra"
"""The column of what has no column of its own."""

_OWN_HEADERS = frozenset({"authorization", "cookie", "host", "content-length", "accept-encoding"})


class Bound(StrEnum):
    """Whether the server's filter takes the value itself."""

    INCLUSIVE = "inclusive"
    EXCLUSIVE = "exclusive"


class SentAs(StrEnum):
    """How the value of a time is sent."""

    ISO = "iso"
    UNIX_SECONDS = "unix_seconds"
    UNIX_MILLISECONDS = "unix_milliseconds"


@attrs.frozen(kw_only=True)
class Incremental:
    """How only what is new is read."""

    field: str = setting("The field that says how new a record is, such as `updated_at`.")
    param: str | None = setting(
        "The parameter by which the server leaves out what is older. Without it all pages are "
        "read and what is older is left out here.",
        default=None,
    )
    bound: Bound = setting(
        "Whether the server also gives the records of exactly that value.", default=Bound.INCLUSIVE
    )
    upper_param: str | None = setting(
        "The parameter by which the server leaves out what is newer, for backfills.", default=None
    )
    sent_as: SentAs = setting("How a time is sent.", default=SentAs.ISO)
    start: str | None = setting(
        "What the first read begins with, such as `2024-01-01`.", default=None
    )
    overlap: int = setting(
        "How much of the last read is looked at again for records that appear late: seconds for "
        "times, days for dates, the number itself for integers.",
        default=0,
        minimum=0,
    )
    ascending: bool = setting(
        "Whether the list is sorted by the field, the oldest record first; then a read that breaks "
        "off goes on from the last page that was committed.",
        default=False,
    )


def require_order(kind: FieldType, incremental: Incremental) -> None:
    """Refuse a cursor whose type does not order records.

    Raises:
        ValueError: It does not, or has no overlap.
    """
    if kind.kind not in {Kind.INT64, Kind.TIMESTAMP, Kind.DATE, Kind.STRING}:
        msg = f"{incremental.field} is {kind}, which does not order records"
        raise ValueError(msg)
    if kind.kind is Kind.STRING and incremental.overlap:
        msg = f"{incremental.field} is a string, which has no overlap; declare it as timestamp"
        raise ValueError(msg)


@attrs.frozen(kw_only=True)
class StreamConfig:
    """One list of the API."""

    path: str = setting("The path of the list below `base_url`.", examples=("/orders",))
    params: Mapping[str, str | int | float | bool] = setting(
        "Parameters of every request.", factory=dict
    )
    records: str = setting(
        "The path of the list in an answer, such as `data.items`; `$` if the answer is the list.",
        default="$",
    )
    paging: Paging | None = setting("How to get from page to page.", default=None)
    primary_key: tuple[str, ...] = setting("The fields that identify a record.", factory=tuple)
    incremental: Incremental | None = setting("How only what is new is read.", default=None)
    fields: Mapping[str, str] = setting(
        "The types of fields: int64, float64, decimal(precision, scale), string, boolean, "
        "timestamp, date or json. Without any they are taken from the first page.",
        factory=dict,
    )
    description: str = setting("What the records are.", default="")

    def __attrs_post_init__(self) -> None:
        parse_path(self.records)
        if "?" in self.path or "#" in self.path or "://" in self.path:
            raise ValueError("path is a path only; parameters go to params")
        types = self.types
        if EXTRA in types:
            msg = f"{EXTRA} is the column of what has no column; a field cannot have its name"
            raise ValueError(msg)
        for name in self.needed if types else ():
            if name not in types:
                msg = f"fields lacks {name}, which identifies or orders records"
                raise ValueError(msg)
        for name in self.primary_key:
            if types.get(name, FieldType(Kind.STRING)).kind in {Kind.JSON, Kind.FLOAT64}:
                msg = f"{name} cannot identify records: it is {types[name]}"
                raise ValueError(msg)
        if self.incremental is not None and self.incremental.field in types:
            require_order(types[self.incremental.field], self.incremental)

    @property
    def types(self) -> Mapping[str, FieldType]:
        """The declared fields, in their order."""
        return {name: parse_type(text) for name, text in self.fields.items()}

    @property
    def needed(self) -> tuple[str, ...]:
        """The fields that every record must have."""
        cursor = () if self.incremental is None else (self.incremental.field,)
        return tuple(dict.fromkeys((*self.primary_key, *cursor)))

    def digest(self) -> str:
        """Return a short text that is another one if other records could be meant."""
        about = (self.path, dict(self.params), self.records, attrs.asdict(self)["incremental"])
        return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()[:16]


@attrs.frozen(kw_only=True)
class RestConfig:
    """An API, and what is read from it."""

    base_url: Url = setting(
        "The address that all paths are below; without TLS only on this machine.",
        examples=("https://api.example.com/v1",),
        identity=True,
    )
    streams: Mapping[str, StreamConfig] = setting("The lists of the API by the names they get.")
    auth: Auth | None = setting("Who asks.", default=None)
    headers: Mapping[str, str] = setting(
        "Headers of every request; nothing secret, which belongs to `auth`.", factory=dict
    )
    requests_per_second: float | None = setting(
        "The most requests a second of the whole run.", default=None, minimum=0.01, maximum=10_000
    )
    timeout_seconds: float = setting(
        "How long one request may take as a whole, to the last byte, in seconds.",
        default=60.0,
        minimum=0.1,
        maximum=3600,
    )
    connect_timeout_seconds: float = setting(
        "How long to wait for a connection, in seconds.", default=10.0, minimum=0.1, maximum=3600
    )
    max_response_mib: int = setting(
        "The largest answer that is taken, unpacked, in MiB.", default=64, minimum=1, maximum=1024
    )
    max_pages: int = setting(
        "After so many pages of one list the read fails, as such a list has no end.",
        default=1_000_000,
        minimum=1,
    )
    ca_file: str | None = setting(
        "A file with the certificates to trust, in place of the public ones.", default=None
    )

    def __attrs_post_init__(self) -> None:
        require_address(self.base_url, "base_url")
        if not self.streams:
            raise ValueError("streams names no list")
        for name in self.headers:
            if name.lower() in _OWN_HEADERS:
                msg = f"the header {name} cannot be set here; keys belong to `auth`"
                raise ValueError(msg)

    def secrets(self) -> tuple[str, ...]:
        """Return what must never be shown."""
        auth = self.auth
        if auth is None:
            return ()
        found: tuple[Secret | None, ...] = (
            auth.bearer,
            auth.basic.password if auth.basic else None,
            auth.api_key.value if auth.api_key else None,
            auth.oauth2.client_secret if auth.oauth2 else None,
        )
        return tuple(one.reveal() for one in found if one)
