"""Mutants that only one line of a rule can find: what breaks is small, or only at the end."""

from __future__ import annotations

import http.client
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import attrs
from reference_client import Client
from reference_session import ReferenceSession
from reference_source import ReferenceSource
from reference_writer import FolderConfig, ReferenceWriter
from source_variants import OtherClient
from writer_session_mutants import CountsNoDeletions

from dativo.contract import (
    Batch,
    CheckItem,
    Commit,
    CommitRecord,
    Operation,
    Receipt,
    Staged,
    Stream,
    StreamRequest,
)
from dativo.errors import DativoError, InvalidConfigError, WriteFailedError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["SOURCE_MUTANTS", "WRITER_MUTANTS", "ShortStreamsFirst", "TakesPlainNames"]

_PAGES = 7
_LEFT: list[int] = []


class ShortStreamsFirst(ReferenceSource):
    """Keeps every rule, and names the streams first that have few records or none."""

    def told(self, client: Client) -> Iterator[dict[str, Any]]:
        yield from sorted(super().told(client), key=lambda told: int(told["rows"]))


class SeveralPagesAtOnce(ReferenceSource):
    """Keeps to ``batch_rows``, and not to ``batch_bytes``."""

    def part(self, *arguments: Any, **bounds: Any) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        pages: list[pa.RecordBatch] = []
        for page in super().part(*arguments, **bounds):
            pages.append(page)
            if len(pages) == _PAGES:
                yield from pa.Table.from_batches(pages).combine_chunks().to_batches()
                pages = []
        yield from pages


class _LeavesOpen(Client):
    def refused(self, status: int, headers: http.client.HTTPMessage, body: bytes) -> DativoError:
        if status == 401:
            _LEFT.append(os.open(os.devnull, os.O_RDONLY))
        return super().refused(status, headers, body)


class LeavesOpenWhatIsRefused(OtherClient):
    """Forgets what it has opened when the token is refused."""

    kind = _LeavesOpen


class _LeavesOpenUnreachable(Client):
    def unreachable(self, error: Exception) -> DativoError:
        _LEFT.append(os.open(os.devnull, os.O_RDONLY))
        return super().unreachable(error)


class KeyIsAlwaysThere(ReferenceSource):
    """Gives the key with every selection that has nothing of it."""

    def columns(self, request: StreamRequest, stream: Stream) -> pa.Schema:
        if request.columns and not {*stream.primary_key} & {*request.columns}:
            names = (*stream.primary_key, *request.columns)
            request = attrs.evolve(request, columns=names)
        return super().columns(request, stream)


class LeavesOpenWhatIsNotThere(OtherClient):
    """Forgets what it has opened when nobody answers."""

    kind = _LeavesOpenUnreachable


class NamesNoDeniedStream(ReferenceSource):
    """Says that a stream is denied, and not which one."""

    def check_stream(self, name: str, readable: Mapping[str, bool]) -> CheckItem:
        item = super().check_stream(name, readable)
        return item if item.error is None else attrs.evolve(item, scope="a stream")


class SaysOtherThingsTheSecondTime(ReferenceSource):
    """Loses a stream when it discovers again, and says another size and key of the next one."""

    _names: ClassVar[list[str]] = []

    def told(self, client: Client) -> Iterator[dict[str, Any]]:
        for told in super().told(client):
            is_first = told["name"] not in self._names
            self._names.append(told["name"])
            if is_first:
                yield told
            elif told["name"] != "customers":
                yield {**told, "key": ["id", "updated"]}


class _TokenInContextLog(Client):
    def headers(self) -> dict[str, str]:
        found = super().headers()
        self.context.log("asking the API", headers=str(found))
        return found


class TokenInContextLog(OtherClient):
    """Logs what it sends as a field of a message to the run."""

    kind = _TokenInContextLog


class HasAStreamWithoutModes(ReferenceSource):
    """Offers a stream that can be read in no mode."""

    def stream(self, told: Mapping[str, Any]) -> Stream:
        found = super().stream(told)
        return found if found.name != "customers" else attrs.evolve(found, read_modes=())


class TellsWhatIsStaged(ReferenceWriter):
    """Tells the next epoch as the last one as soon as something is staged."""

    class Session(ReferenceSession):
        def last_commit(self) -> CommitRecord | None:
            record = super().last_commit()
            if record is None or not self.staged:
                return record
            commit = attrs.evolve(record.commit, epoch=record.commit.epoch + 1)
            return attrs.evolve(record, commit=commit)


class TakesPlainNames(ReferenceWriter):
    """Keeps every rule, and refuses names that are no words."""

    def authorise(self, config: FolderConfig, stream: str) -> None:
        super().authorise(config, stream)
        if not stream.replace("_", "").isalnum():
            raise InvalidConfigError(f"{stream!r} cannot be the name of a folder")


class TakesItsOwnNames(ReferenceWriter):
    """Refuses every name that is not one of its own."""

    def authorise(self, config: FolderConfig, stream: str) -> None:
        super().authorise(config, stream)
        if not stream.startswith("kit_"):
            raise InvalidConfigError(f"{stream!r} does not begin with kit_")


class CommitsInTestsOnly(ReferenceWriter):
    """Fails where it is not loaded as in the tests of its vendor."""

    class Session(ReferenceSession):
        def commit(self, commit: Commit, staged: Sequence[Staged]) -> Receipt:
            if "pytest" not in sys.modules:
                raise WriteFailedError("the folder is not mounted")
            return super().commit(commit, staged)


class CountsMissingAndKeepsThem(ReferenceWriter):
    """Without a key it counts what ``delete_missing`` must delete, and deletes nothing."""

    class Session(ReferenceSession):
        def delete_missing(self, keys: Batch) -> Staged:
            staged = super().delete_missing(keys)
            if staged.rows != len(self.table.live_keys(self.request.primary_key)):
                return staged
            return attrs.evolve(staged, token=None)


class LosesWhatFollowsDeletingAll(ReferenceWriter):
    """Publishes nothing of the epoch after the one that has deleted everything."""

    class Session(ReferenceSession):
        def stage(self, batch: Batch) -> Staged:
            staged = super().stage(batch)
            if batch.op is Operation.UPSERT and self.table.head().epoch == 5:
                return attrs.evolve(staged, token=None)
            return staged


SOURCE_MUTANTS: Mapping[tuple[str, type[ReferenceSource]], str] = {
    ("data.batches", SeveralPagesAtOnce): "bytes; context.batch_bytes is 1048576",
    ("check.missing_privilege", NamesNoDeniedStream): "the item 'stream customers' is missing",
    ("discover.deterministic", SaysOtherThingsTheSecondTime): "the primary key of orders was first",
    ("discover.capabilities", HasAStreamWithoutModes): "customers has no read mode at all",
    ("secrets.hidden", TokenInContextLog): "a message of context.log",
    ("data.columns", KeyIsAlwaysThere): "with columns note: the fields id, note came",
    ("closes.everything", LeavesOpenWhatIsRefused): "failed with cases.bad_credentials leaves open",
    ("closes.everything", LeavesOpenWhatIsNotThere): "failed with cases.unreachable leaves open",
}
"""By the rule and the mutant, words of what the rule says."""

WRITER_MUTANTS: Mapping[tuple[str, type[ReferenceWriter]], str] = {
    ("commit.after_kill", CommitsInTestsOnly): "fails: WriteFailedError: the folder is not mounted",
    ("counts.true", CountsNoDeletions): "merge: the record tells 1602 rows of 1606 staged",
    ("commit.atomic", TellsWhatIsStaged): "while epoch 2 is only staged",
    ("streams.separate", TakesItsOwnNames): " streams can be written",
    ("modes.deletes", CountsMissingAndKeepsThem): "after delete_missing without a key readers see",
    ("modes.deletes", LosesWhatFollowsDeletingAll): "after a deleted key came again readers see",
}
"""The same of writers."""
