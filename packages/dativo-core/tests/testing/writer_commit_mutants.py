"""Mutants of the reference writer that break a rule about commits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import attrs
from reference_session import ReferenceSession
from reference_table import DataFile, Head, Table
from reference_writer import ReferenceWriter
from writer_variants import AppendingWriter, NeverSweeps

from dativo.contract import Commit, CommitRecord, Receipt, Staged, WriteMode
from dativo.errors import ConcurrencyError

__all__ = ["MUTANTS"]


class VisibleWhenStaged(AppendingWriter):
    """Adds a file to the published ones as soon as it is written."""

    class Session(ReferenceSession):
        def keep(self, file: DataFile) -> Staged:
            with self.table.locked():
                head = self.table.head()
                files = (*head.files, attrs.evolve(file, epoch=head.epoch + 1))
                self.table.save(attrs.evolve(head, files=files, schema=self.schema))
            return super().keep(file)

        def following(self, head: Head, commit: Commit, files: tuple[DataFile, ...]) -> Head:
            names = {file.name for file in files}
            kept = tuple(file for file in head.files if file.name not in names)
            return super().following(attrs.evolve(head, files=kept), commit, files)


class FileByFile(AppendingWriter):
    """Publishes the files of an epoch one after the other."""

    class Store(Table):
        def save(self, head: Head) -> None:
            known = self.head().files
            new = [file for file in head.files if file not in known]
            for count in range(1, len(new)):
                some = [file for file in head.files if file in known or file in new[:count]]
                super().save(attrs.evolve(head, files=tuple(some)))
            super().save(head)


class DeletesBeforeReplacing(ReferenceWriter):
    """Empties the table first and fills it then."""

    write_modes = (WriteMode.REPLACE,)

    class Session(ReferenceSession):
        def following(self, head: Head, commit: Commit, files: tuple[DataFile, ...]) -> Head:
            after = super().following(head, commit, files)
            if commit.mode is WriteMode.REPLACE:
                self.table.save(attrs.evolve(head, files=()))
            return after


class AppendsAgain(AppendingWriter):
    """Does not know its own commits, and takes the newest epoch again."""

    class Session(ReferenceSession):
        def is_replay(self, commit: Commit, record: CommitRecord) -> bool:
            return False

        def require_next(self, commit: Commit, head: Head) -> None:
            self.require_fence(head)


class RefusesReplays(AppendingWriter):
    """Takes its own commit for somebody else's."""

    class Session(ReferenceSession):
        def is_replay(self, commit: Commit, record: CommitRecord) -> bool:
            return False


class RemembersReplaysInMemory(AppendingWriter):
    """Knows a commit again only in the session that made it."""

    class Session(ReferenceSession):
        known = ""

        def is_replay(self, commit: Commit, record: CommitRecord) -> bool:
            return self.known == commit.commit_id

        def require_next(self, commit: Commit, head: Head) -> None:
            self.require_fence(head)
            self.known = commit.commit_id


class HidesReplays(AppendingWriter):
    """Does nothing the second time, but says that it did."""

    class Session(ReferenceSession):
        def commit(self, commit: Commit, staged: Sequence[Staged]) -> Receipt:
            return attrs.evolve(super().commit(commit, staged), replayed=False)


class GoesByTheEpoch(AppendingWriter):
    """Takes any commit of the newest epoch for its own, and hands out that one's receipt."""

    class Session(ReferenceSession):
        def is_replay(self, commit: Commit, record: CommitRecord) -> bool:
            return commit.epoch == record.commit.epoch


class TakesAnyEpoch(AppendingWriter):
    """Does not look which epoch is published."""

    class Session(ReferenceSession):
        def require_next(self, commit: Commit, head: Head) -> None:
            self.require_fence(head)


class IgnoresFences(AppendingWriter):
    """Lets everybody publish."""

    class Session(ReferenceSession):
        def require_fence(self, head: Head) -> None:
            pass

    Store = NeverSweeps


class FencesOnlySessions(AppendingWriter):
    """Looks at the fence when a session begins, and never again."""

    class Session(ReferenceSession):
        def require_next(self, commit: Commit, head: Head) -> None:
            if commit.epoch <= head.epoch:
                raise ConcurrencyError(f"the epoch {commit.epoch} is published")

    Store = NeverSweeps


class ClaimsByCommit(AppendingWriter):
    """Stores a fence with a commit only, so that a newer session alone keeps nobody out."""

    class Session(ReferenceSession):
        def claim(self) -> None:
            with self.table.locked():
                self.require_fence(self.table.head())

        def following(self, head: Head, commit: Commit, files: tuple[DataFile, ...]) -> Head:
            return attrs.evolve(super().following(head, commit, files), fence=commit.fence)


class KeepsTheFenceToItself(AppendingWriter):
    """Refuses, but does not say behind which fence."""

    class Session(ReferenceSession):
        def require_fence(self, head: Head) -> None:
            if head.fence > self.context.fence:
                raise ConcurrencyError("a newer run has claimed the stream")


class ClaimsInTheProcess(AppendingWriter):
    """Keeps the fence in a variable of its module, which other machines do not see."""

    class Session(ReferenceSession):
        claims: ClassVar[dict[Path, int]] = {}

        def claim(self) -> None:
            with self.table.locked():
                self.require_fence(self.table.head())
                self.claims[self.table.folder] = self.context.fence

        def require_fence(self, head: Head) -> None:
            claimed = self.claims.get(self.table.folder, 0)
            super().require_fence(attrs.evolve(head, fence=claimed))


MUTANTS: Mapping[str, Mapping[type[ReferenceWriter], str]] = {
    "commit.atomic": {
        VisibleWhenStaged: "when 1 of 3 parts of epoch 2 are staged readers see 14 records",
        FileByFile: "a reader saw a part of an epoch",
        DeletesBeforeReplacing: "a part of an epoch: 0 records in place of 10",
    },
    "commit.idempotent": {
        AppendsAgain: "in the same session the same commit does not say that it is a replay",
        RefusesReplays: "the same commit ends with CONCURRENCY",
        RemembersReplaysInMemory: "asked for three times readers see 40 records",
        HidesReplays: "the same commit does not say that it is a replay (Receipt.replayed)",
    },
    "commit.other_id": {
        GoesByTheEpoch: "the published epoch 2 of 2 under another id is accepted",
        TakesAnyEpoch: "the published epoch 1 of 2 under another id is accepted",
    },
    "commit.fence": {
        IgnoresFences: "after a newer session began is accepted",
        FencesOnlySessions: "after a newer session began is accepted",
        ClaimsByCommit: "after a newer session began is accepted",
        ClaimsInTheProcess: "after a newer session began in another process is accepted",
        KeepsTheFenceToItself: "details['fence'] is None in place of",
    },
}
