"""What is new: values of the cursor, what was seen of the newest ones, and checkpoints."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import msgspec

from dativo.contract import Checkpoint
from dativo.errors import InvalidConfigError, StateError
from dativo_connector_restjson._columns import Record
from dativo_connector_restjson._config import Bound, SentAs, StreamConfig
from dativo_connector_restjson._types import FieldType, Kind, parse_type
from dativo_connector_restjson._values import read_value

__all__ = ["VERSION", "Horizon", "parameter", "parse_bound", "text_of"]

VERSION = 1
"""The version of checkpoints."""

_SEEN_BYTES = 40_000
"""About what may be known of records in a checkpoint; what is beyond is read twice."""

_DIGEST_BYTES = 24

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECONDS = 1_000_000


@attrs.frozen(kw_only=True)
class Horizon:
    """Up to where a list was read, and what of the newest records is known already.

    Attributes:
        digest: Of which list.
        types: The columns, which stay as they were found first.
        at: The highest value of the cursor; ``None`` before the first record.
        asked: The value that the next read asks from; all from it on are in ``seen``.
        seen: Digests of the records from ``asked`` on, by their values.
    """

    digest: str
    types: Mapping[str, FieldType]
    at: Any = None
    asked: Any = None
    seen: Mapping[str, Any] = attrs.field(factory=dict, repr=False)

    def knows(self, record: Record) -> bool:
        """Whether exactly this record was read before."""
        return digest_of(record) in self.seen

    def after(self, stream: StreamConfig, read: Sequence[tuple[Record, Any]]) -> Horizon:
        """Return the horizon once these records with their values are read, too."""
        assert stream.incremental is not None
        seen = {**self.seen, **{digest_of(record): value for record, value in read}}
        values = sorted({*seen.values(), *([] if self.at is None else [self.at])})
        if not values:
            return self
        at = values[-1]
        asked = _earlier(at, stream.incremental.overlap, self.types[stream.incremental.field])
        if stream.incremental.bound is Bound.EXCLUSIVE:
            # The server leaves out the value itself, of which more records may come.
            asked = max((value for value in values if value < asked), default=self.asked)
        kept = {name: value for name, value in seen.items() if asked is None or value >= asked}
        return attrs.evolve(self, at=at, asked=asked, seen=_newest(kept))

    def checkpoint(self) -> Checkpoint:
        """Return it as a checkpoint."""
        return Checkpoint(
            {
                "digest": self.digest,
                "types": [[name, str(kind)] for name, kind in self.types.items()],
                "at": self.at,
                "asked": self.asked,
                "seen": _by_value(self.seen),
            },
            version=VERSION,
        )

    @classmethod
    def of(cls, state: Checkpoint, stream: StreamConfig, *, name: str) -> Horizon:
        """Read a checkpoint.

        Raises:
            StateError: It is of another list.
        """
        value: Mapping[str, Any] = state.value
        if value["digest"] != stream.digest():
            raise StateError(
                f"the settings of {name} have changed since its state was made: path, params, "
                "records or incremental",
                fix="Take the change back, or run once with --full-refresh.",
                stream=name,
            )
        types = stream.types or {key: parse_type(text) for key, text in value["types"]}
        return cls(
            digest=value["digest"],
            types=types,
            at=value["at"],
            asked=value["asked"],
            seen={digest: at for at, digests in value["seen"] for digest in digests},
        )


def digest_of(record: Record) -> str:
    """Return a short text that only the same record has."""
    text = msgspec.json.encode(dict(sorted(record.items())))
    return hashlib.blake2b(text, digest_size=9).hexdigest()


def parameter(value: Any, kind: FieldType, sent_as: SentAs) -> str:
    """Return a value of the cursor as it is sent; a time never later than it is."""
    if kind.kind is Kind.TIMESTAMP and sent_as is not SentAs.ISO:
        return str(value // _UNITS[sent_as])
    return text_of(value, kind)


_UNITS: Mapping[SentAs, int] = {
    SentAs.UNIX_SECONDS: _MICROSECONDS,
    SentAs.UNIX_MILLISECONDS: 1000,
}


def text_of(value: Any, kind: FieldType) -> str:
    """Return a value of the cursor for people, and for a server that reads ISO 8601."""
    return _TEXTS.get(kind.kind, str)(value)


def parse_bound(text: str, kind: FieldType, *, what: str) -> Any:
    """Return a bound that a person wrote; a date alone is its first moment.

    Raises:
        InvalidConfigError: It is no such value.
    """
    try:
        if kind.kind is Kind.TIMESTAMP:
            moment = dt.datetime.fromisoformat(text)
            zoned = moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
            return (zoned - _EPOCH) // dt.timedelta(microseconds=1)
        written = text if kind.kind is Kind.INT64 else msgspec.json.encode(text).decode()
        return read_value(msgspec.Raw(written.encode()), kind)
    except ValueError as error:
        msg = f"{what} is no {kind}: {text!r}"
        raise InvalidConfigError(msg) from error


def _moment_text(value: int) -> str:
    moment = _EPOCH + dt.timedelta(microseconds=value)
    return moment.isoformat().replace("+00:00", "Z")


def _date_text(value: int) -> str:
    return (_EPOCH.date() + dt.timedelta(days=value)).isoformat()


_TEXTS: Mapping[Kind, Callable[[Any], str]] = {
    Kind.TIMESTAMP: _moment_text,
    Kind.DATE: _date_text,
}


def _earlier(value: Any, overlap: int, kind: FieldType) -> Any:
    return value - overlap * _STEPS.get(kind.kind, 1) if overlap else value


_STEPS = {Kind.TIMESTAMP: _MICROSECONDS}


def _newest(seen: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return as much as a checkpoint should hold, the newest records first."""
    kept: dict[str, Any] = {}
    size_bytes = 0
    for digest, value in sorted(seen.items(), key=lambda item: item[1], reverse=True):
        size_bytes += _DIGEST_BYTES + len(str(value).encode())
        if size_bytes > _SEEN_BYTES:
            break
        kept[digest] = value
    return kept


def _by_value(seen: Mapping[str, Any]) -> list[list[Any]]:
    """Group digests by their values, which makes a checkpoint a third smaller."""
    groups: dict[Any, list[str]] = {}
    for digest, value in sorted(seen.items(), key=lambda item: (item[1], item[0])):
        groups.setdefault(value, []).append(digest)
    return [[value, digests] for value, digests in groups.items()]
