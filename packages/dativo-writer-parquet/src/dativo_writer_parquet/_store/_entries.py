"""The entries of a stream's log: claims and commits, as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs

from dativo_writer_parquet._claims import Claim
from dativo_writer_parquet._records import Published, footer_entries, published_of

__all__ = ["MOST_EARLIER", "ClaimEntry", "CommitEntry", "Entry", "StoredFile", "parsed"]

_FORMAT = 1
MOST_EARLIER = 256
"""How many commits before it a commit names; so a log of any length is read in few steps."""


@attrs.frozen(kw_only=True)
class StoredFile:
    """One data file.

    Attributes:
        key: Where it lies.
        name: Its name, with the Hive folders.
        rows: Its records.
        size_bytes: Its size.
    """

    key: str
    name: str
    rows: int
    size_bytes: int


@attrs.frozen(kw_only=True)
class ClaimEntry:
    """A session that may publish from now on, and every earlier one may not.

    Attributes:
        claim: Its run.
        session: Unique per session.
        commit: The number of the newest commit before it; 0 for none.
    """

    claim: Claim
    session: str
    commit: int

    def to_json(self) -> bytes:
        """Return the text of the object."""
        return _text(
            {"claim": attrs.asdict(self.claim), "session": self.session, "at": self.commit}
        )


@attrs.frozen(kw_only=True)
class CommitEntry:
    """An epoch that is published because this entry exists.

    Attributes:
        claim: The run.
        session: The session, as in its claim.
        published: The record, the schema, the folders and the key.
        files: The files of this commit alone.
        base: The number of the commit from which on commits are published; it may be itself.
        earlier: The numbers of the published commits before it, at most 256, oldest first.
        sequence: Its own number.
        modified: When the store took it, by its clock; ``None`` for one that is not there yet.
    """

    claim: Claim
    session: str
    published: Published
    files: tuple[StoredFile, ...]
    base: int
    earlier: tuple[int, ...]
    sequence: int
    modified: datetime | None = attrs.field(default=None, eq=False)

    @property
    def size_bytes(self) -> int:
        """The size of its files."""
        return sum(file.size_bytes for file in self.files)

    def to_json(self) -> bytes:
        """Return the text of the object."""
        published = self.published
        footer = footer_entries(
            published.record,
            published.schema,
            published.partition_by,
            primary_key=published.primary_key,
        )
        return _text(
            {
                "commit": attrs.asdict(self.claim),
                "session": self.session,
                "footer": {key.decode(): value.decode() for key, value in footer.items()},
                "files": [attrs.asdict(file) for file in self.files],
                "base": self.base,
                "earlier": list(self.earlier),
            }
        )


Entry = ClaimEntry | CommitEntry


def parsed(data: bytes, sequence: int, modified: datetime) -> Entry:
    """Read what ``to_json`` wrote.

    Raises:
        ValueError: It is no entry of a known format.
    """
    document: Any = json.loads(data)
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        msg = "not an entry of format 1"
        raise ValueError(msg)
    try:
        if "claim" in document:
            claim = Claim(**document["claim"])
            return ClaimEntry(claim=claim, session=document["session"], commit=document["at"])
        footer = {key.encode(): value.encode() for key, value in document["footer"].items()}
        return CommitEntry(
            claim=Claim(**document["commit"]),
            session=document["session"],
            published=published_of(footer),
            files=tuple(StoredFile(**file) for file in document["files"]),
            base=document["base"],
            earlier=tuple(document["earlier"]),
            sequence=sequence,
            modified=modified,
        )
    except (LookupError, TypeError, AttributeError) as error:
        msg = f"a damaged entry: {error!r}"
        raise ValueError(msg) from error


def _text(document: Mapping[str, object]) -> bytes:
    return json.dumps({"format": _FORMAT, **document}, sort_keys=True).encode()
