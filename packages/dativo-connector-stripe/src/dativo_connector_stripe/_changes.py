"""What the events of a stream say has changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from urllib.parse import quote

import attrs
import msgspec

from dativo.contract import Context, matches_pattern
from dativo.errors import DataValidationError, DativoError
from dativo_connector_stripe._client import Client
from dativo_connector_stripe._decode import (
    RawObject,
    decode_object,
    integer_of,
    text_of,
)
from dativo_connector_stripe._horizon import Horizon
from dativo_connector_stripe._listing import require_id
from dativo_connector_stripe._streams import StreamRow

__all__ = ["Change", "Changes"]

_NOT_FOUND = 404
_NULL = b"null"


class _Embedded(msgspec.Struct):
    """A list in a payload; what an event tells of the time before has no more than the data."""

    data: tuple[dict[str, msgspec.Raw], ...] = ()


_EMBEDDED = msgspec.json.Decoder(_Embedded)


@attrs.frozen(kw_only=True)
class Change:
    """Objects of a list that have changed, and the ids of records that are gone.

    What is gone comes first: a child that went and came back is there.
    """

    objects: tuple[RawObject, ...] = ()
    gone: tuple[str, ...] = ()


@attrs.frozen
class _Event:
    """An event that is about an object of the list."""

    kind: str
    created: int
    api_version: str
    subject: RawObject
    before: RawObject


class Changes:
    """Turns events, in whatever order they come, into the changes of a stream's list.

    Of each object the newest event counts. It is fetched by its id where the payload cannot be
    trusted to be its last state in the right API version.
    """

    def __init__(
        self,
        row: StreamRow,
        listed: StreamRow,
        *,
        api_version: str,
        read_to: int,
        start: int,
        due: Horizon | None,
    ) -> None:
        """Begin.

        Args:
            row: The stream.
            listed: The stream whose list is read for it: its parent's, or its own.
            api_version: The version in which the stream is read.
            read_to: Up to this second events were read before. One that is older has come late,
                and a newer one of its object may have been read.
            start: Objects that were created before this second are left out, as the list does.
            due: Where the list will be read, after the events: objects that it brings are left to
                it, as it knows more by then; ``None`` if it is not read.
        """
        self._row = row
        self._listed = listed
        self._api_version = api_version
        self._read_to = read_to
        self._start = start
        self._due = due
        self._newest: dict[str, int] = {}
        self._in_doubt: set[str] = set()
        self._gone_children: dict[str, set[str]] = {}

    def take(self, events: Iterable[RawObject]) -> Change:
        """Return what *events* change that no newer event has told already."""
        objects: list[RawObject] = []
        gone: list[str] = []
        for one in events:
            event = self._event(one)
            if event is None:
                continue
            self._remember_children(event)
            if not self._counts(event):
                continue
            is_deletion = event.kind in self._listed.deletions
            is_late = event.created < self._read_to
            if is_late or not (is_deletion or event.api_version == self._api_version):
                self._in_doubt.add(require_id(event.subject))
            elif is_deletion:
                if not self._row.embedded:
                    gone.append(require_id(event.subject))
            else:
                objects.append(event.subject)
        return Change(objects=tuple(objects), gone=tuple(gone))

    def settle(self, client: Client, context: Context) -> Iterator[Change]:
        """Fetch what is in doubt, one object after the other."""
        for name in sorted(self._in_doubt | set(self._gone_children)):
            found = self._fetch(name, client, context)
            gone = self._gone_children.get(name, set())
            if found is None and not self._row.embedded:
                gone = {name}
            yield Change(objects=() if found is None else (found,), gone=tuple(sorted(gone)))

    def _fetch(self, name: str, client: Client, context: Context) -> RawObject | None:
        path = self._listed.object_path or self._listed.path
        try:
            answer = client.get(context, f"{path}/{quote(name, safe='')}", endpoint=f"{path}/{{}}")
        except DativoError as error:
            if error.details.get("status") != _NOT_FOUND:
                raise
            return None
        found = decode_object(answer.body)
        return None if bytes(found.get("deleted", _NULL)) == b"true" else found

    def _event(self, one: RawObject) -> _Event | None:
        kind = text_of(one, "type") or ""
        data = decode_object(bytes(one.get("data", b"{}")))
        subject = decode_object(bytes(data.get("object", b"{}")))
        if text_of(subject, "object") != self._listed.object or kind in self._listed.events_except:
            return None
        if not any(matches_pattern(kind, pattern) for pattern in self._listed.events):
            return None
        born = integer_of(subject, self._listed.cursor)
        if born is not None and born < self._start:
            return None
        created = integer_of(one, "created")
        if created is None:
            name = require_id(one)
            msg = f"the event {name} has no time"
            raise DataValidationError(msg, details={"id": name})
        before = bytes(data.get("previous_attributes", _NULL))
        return _Event(
            kind=kind,
            created=created,
            api_version=text_of(one, "api_version") or "",
            subject=subject,
            before={} if before == _NULL else decode_object(before),
        )

    def _counts(self, event: _Event) -> bool:
        """Whether the event is the newest known of its object, and not left to the list."""
        name = require_id(event.subject)
        if self._is_due(event.subject, name):
            return event.kind in self._listed.deletions
        newest = self._newest.get(name)
        if newest is not None and event.created <= newest:
            if event.created == newest:
                # Within a second nobody says which came first.
                self._in_doubt.add(name)
            return False
        self._newest[name] = event.created
        # A newer event than those that were in doubt settles it.
        self._in_doubt.discard(name)
        return True

    def _is_due(self, subject: RawObject, name: str) -> bool:
        if self._due is None:
            return False
        born = integer_of(subject, self._listed.cursor)
        return born is not None and born >= self._due.lower and not self._due.has_seen(name)

    def _remember_children(self, event: _Event) -> None:
        """Remember children that the object had before and has not any more, or not by itself."""
        field = self._row.embedded
        if not field:
            return
        there = _children(event.subject, field)
        before = _children(event.before, field)
        gone = there if event.kind in self._listed.deletions else before - there
        if gone:
            self._gone_children.setdefault(require_id(event.subject), set()).update(gone)


def _children(parent: RawObject, field: str) -> set[str]:
    raw = parent.get(field)
    if raw is None or bytes(raw) == _NULL:
        return set()
    names = (text_of(one, "id") for one in _EMBEDDED.decode(raw).data)
    return {name for name in names if name is not None}
