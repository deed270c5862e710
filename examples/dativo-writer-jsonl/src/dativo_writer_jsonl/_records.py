"""The document that makes a folder an epoch: its commit record and its exact schema."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence

import attrs
import pyarrow as pa

from dativo.contract import CommitRecord
from dativo.errors import StateUnreadableError
from dativo_writer_jsonl._layout import Place

__all__ = ["COMMIT_FILE", "Published", "newest", "published_epochs", "read_epoch"]

COMMIT_FILE = ".commit.json"
_FORMAT = 1


@attrs.frozen(kw_only=True)
class Published:
    """One epoch: its record, and the schema of its records."""

    record: CommitRecord
    schema: pa.Schema

    def to_json(self) -> str:
        """Return the document's text."""
        return json.dumps(
            {
                "format": _FORMAT,
                "record": json.loads(self.record.to_json()),
                "schema": base64.b64encode(self.schema.serialize().to_pybytes()).decode(),
            },
            indent=1,
        )

    @classmethod
    def from_json(cls, text: str) -> Published:
        """Read what :meth:`to_json` wrote.

        Raises:
            ValueError: It is damaged, or of a newer format.
        """
        document = json.loads(text)
        if not isinstance(document, dict) or document.get("format") != _FORMAT:
            raise ValueError("not a document of format 1")
        try:
            schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(document["schema"])))
            record = CommitRecord.from_json(json.dumps(document["record"]))
        except (KeyError, TypeError, pa.ArrowException) as error:
            msg = f"a damaged document: {error!r}"
            raise ValueError(msg) from error
        return cls(record=record, schema=schema)


def newest(place: Place) -> Published | None:
    """Return the newest epoch, of whatever job; ``None`` if nothing is published.

    Raises:
        StateUnreadableError: It cannot be read.
        StateError: There is something foreign in the folder.
    """
    found = _read(place, slice(-1, None))
    return found[0] if found else None


def published_epochs(place: Place) -> Sequence[Published]:
    """Return all epochs as they were at one moment, the oldest first.

    Raises:
        StateUnreadableError: One cannot be read.
        StateError: There is something foreign in the folder.
    """
    return _read(place, slice(None))


_LOOKS = 5


def _read(place: Place, which: slice) -> Sequence[Published]:
    problem = FileNotFoundError()
    for _ in range(_LOOKS):
        epochs = place.epochs()
        try:
            found = [read_epoch(place, epoch) for epoch in epochs[which]]
        except FileNotFoundError as error:  # they may have been replaced between the two looks
            problem = error
            continue
        if place.epochs()[: len(epochs)] == epochs:
            return found
    raise StateUnreadableError(
        f"{place.data} has an epoch without a commit record: {problem.filename}",
        fix=f"Restore {place.data} from a backup, or move it away and run --full-refresh.",
        stream=place.stream,
    )


def read_epoch(place: Place, epoch: int) -> Published:
    """Return one epoch.

    Raises:
        FileNotFoundError: There is none.
        StateUnreadableError: It cannot be read.
    """
    text = (place.epoch(epoch) / COMMIT_FILE).read_text(encoding="utf-8")
    try:
        return Published.from_json(text)
    except ValueError as error:
        raise _unreadable(place, epoch, str(error)) from error


def _unreadable(place: Place, epoch: int, why: str) -> StateUnreadableError:
    return StateUnreadableError(
        f"{place.epoch(epoch)} cannot be read: {why}",
        fix=f"Restore {place.data} from a backup, or move it away and run --full-refresh.",
        stream=place.stream,
    )
