"""The log of a stream: every claim and every commit takes the key after the newest one.

Two writers can only agree: an entry is created on the condition that its key is free, so whoever
believes in an older end of the log is told, and publishes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import attrs
import pyarrow as pa

from dativo.errors import (
    CommitUnknownError,
    DativoError,
    ServiceUnavailableError,
    StateUnreadableError,
)
from dativo_writer_parquet._store._entries import ClaimEntry, CommitEntry, Entry, parsed
from dativo_writer_parquet._store._failures import is_uncertain
from dativo_writer_parquet._store._keys import Keys
from dativo_writer_parquet._store._objects import Caller, Listed, Objects

__all__ = ["Hint", "Log", "TakenError"]

_AT_ONCE = 16


class TakenError(Exception):
    """Somebody else's entry has the key."""

    def __init__(self, entry: Entry) -> None:
        super().__init__(str(entry.claim))
        self.entry = entry


@attrs.frozen
class Hint:
    """Where to look first; a wrong one costs time and nothing else.

    Attributes:
        head: The number of the newest entry.
        swept: Below this claim no session has left anything that is not published.
        base: The base of the published state for which that holds.
    """

    head: int = 0
    swept: int = 0
    base: int = 0


class Log:
    """The log of one stream as far as it is known; one thread at a time."""

    def __init__(self, objects: Objects, keys: Keys, caller: Caller) -> None:
        self.objects = objects
        self.keys = keys
        self.hint = Hint()
        self.head = 0
        self.newest: Entry | None = None
        self.commit: CommitEntry | None = None
        self._caller = caller

    def open(self) -> None:
        """Find the end of the log.

        Raises:
            StateUnreadableError: An entry is missing or cannot be read.
        """
        self.hint = self._read_hint()
        listed = self._list(self.hint.head)
        self.head = self._number(listed[-1]) if listed else 0
        self.newest = self.entry(self.head) if self.head else None
        if isinstance(self.newest, ClaimEntry):
            at = self.newest.commit
            self.commit = self._commit(at) if at else None
        else:
            self.commit = self.newest

    def catch_up(self) -> None:
        """Take in what was added since; one request if nothing was."""
        while (entry := self._read(self.head + 1)) is not None:
            self._take(entry)

    def append(self, entry: Entry) -> None:
        """Add *entry* at the end, once, whatever the answers look like.

        Raises:
            TakenError: Somebody else's entry is there; the log was not changed.
            CommitUnknownError: It cannot be told whether *entry* is there.
        """
        key, data = self.keys.entry(self.head + 1), entry.to_json()
        doubts: list[DativoError] = []

        def attempt() -> Entry | None:
            try:
                if self.objects.create(key, data) is not None:
                    return None
            except DativoError as error:
                if is_uncertain(error):
                    doubts.append(error)
                raise
            found = self._look(self.head + 1)
            if found is None:  # a store may answer so while another request is in progress
                raise ServiceUnavailableError(f"{self.objects.name(key)} is being written")
            return found

        try:
            found = self._caller.retry(attempt)
        except DativoError as error:
            found = self._settled(key, error, doubts)
        if found is not None and found.session != entry.session:
            raise TakenError(found)
        self._take(entry if found is None else found)

    def entry(self, sequence: int) -> Entry:
        """Return the entry number *sequence*, which must be there.

        Raises:
            StateUnreadableError: It is not, or it is damaged.
        """
        found = self._read(sequence)
        if found is None:
            raise self.unreadable(sequence, "it is missing")
        return found

    def commits(self) -> Sequence[CommitEntry]:
        """Return the published commits, the oldest first."""
        if self.commit is None:
            return ()
        found = [self.commit]
        wanted = self.commit.earlier
        while wanted:
            part = self._all(wanted)
            found = [*part, *found]
            wanted = part[0].earlier
        return found

    def commits_after(self, sequence: int) -> Sequence[CommitEntry]:
        """Return the published commits whose number is above *sequence*, the oldest first."""
        if self.commit is None or self.commit.sequence <= sequence:
            return ()
        if not self.commit.earlier or self.commit.earlier[0] <= sequence:
            wanted = [number for number in self.commit.earlier if number > sequence]
            return [*self._all(wanted), self.commit]
        return [commit for commit in self.commits() if commit.sequence > sequence]

    def write_hint(self, *, swept: int, base: int) -> None:
        """Note where the log ends; nothing depends on it."""
        self.hint = Hint(self.head, swept, base)
        with suppress(DativoError):
            self.objects.put(self.keys.hint, json.dumps(attrs.asdict(self.hint)).encode())

    def _take(self, entry: Entry) -> None:
        self.head += 1
        self.newest = entry
        if isinstance(entry, CommitEntry):
            self.commit = entry

    def _settled(self, key: str, error: DativoError, doubts: Sequence[DativoError]) -> Entry | None:
        """Find out what became of a creation that was given up.

        An entry that is not there may still appear: the store may have the request.
        """
        if not doubts:
            raise error
        try:
            found = self._look(self.head + 1)
        except DativoError:
            found = None
        if found is None:
            raise CommitUnknownError(
                f"the store did not say whether {self.objects.name(key)} was written: "
                f"{error.message}",
                details={"path": self.objects.name(key)},
                stream=self.keys.stream,
                phase="write",
            ) from error
        return found

    def _all(self, sequences: Iterable[int]) -> list[CommitEntry]:
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="dativo-log") as pool:
            return list(pool.map(self._commit, sequences))

    def _commit(self, sequence: int) -> CommitEntry:
        entry = self.entry(sequence)
        if not isinstance(entry, CommitEntry):
            raise self.unreadable(sequence, "it is no commit")
        return entry

    def _read(self, sequence: int) -> Entry | None:
        return self._caller.retry(lambda: self._look(sequence))

    def _look(self, sequence: int) -> Entry | None:
        found = self.objects.look(self.keys.entry(sequence))
        if found is None:
            return None
        try:
            entry = parsed(found.data, sequence, found.modified)
        except (ValueError, pa.ArrowException) as error:
            raise self.unreadable(sequence, str(error)) from error
        record = entry.published.record.commit if isinstance(entry, CommitEntry) else None
        if record is not None and record.stream != self.keys.stream:
            raise self.unreadable(sequence, f"it is of the stream {record.stream!r}")
        return entry

    def _list(self, start: int) -> Sequence[Listed]:
        """List the entries from number *start* on, or all if there is no such entry."""
        after = self.keys.entry(start - 1) if start > 1 else None
        found = self.objects.list(self.keys.log, after=after)
        if not found and after is not None:
            found = self.objects.list(self.keys.log)
            start = 1
        numbers = [self._number(listed) for listed in found]
        expected = range(numbers[0], numbers[0] + len(numbers)) if numbers else range(0)
        if numbers != list(expected) or (numbers and start <= 1 and numbers[0] != 1):
            missing = next((a for a, b in zip(expected, numbers, strict=False) if a != b), 1)
            raise self.unreadable(missing, "it is missing")
        return found

    def _number(self, listed: Listed) -> int:
        number = self.keys.sequence_of(listed.key)
        if number is None:
            raise StateUnreadableError(
                f"{self.objects.name(listed.key)} is no entry of the log",
                fix="Move the object away; Dativo keeps nothing but its own entries there.",
                stream=self.keys.stream,
                phase="write",
            )
        return number

    def _read_hint(self) -> Hint:
        found = self.objects.read(self.keys.hint)
        try:
            document = {} if found is None else json.loads(found.data)
            hint = Hint(**document)
        except (ValueError, TypeError):
            return Hint()
        is_sane = all(isinstance(value, int) and value >= 0 for value in attrs.astuple(hint))
        return hint if is_sane else Hint()

    def unreadable(self, sequence: int, why: str) -> StateUnreadableError:
        """Return the error of a log that is not as Dativo left it."""
        key = self.objects.name(self.keys.entry(sequence))
        return StateUnreadableError(
            f"the entry {key} cannot be read: {why}",
            fix="Restore the object from a backup or an older version of it, or move the log and "
            f"the data of {self.keys.stream} away and run once with --full-refresh.",
            details={"path": key},
            stream=self.keys.stream,
            phase="write",
        )
