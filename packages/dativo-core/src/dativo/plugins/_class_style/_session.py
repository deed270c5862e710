"""The writing of one stream by a writer of the class style."""

from __future__ import annotations

import contextlib
import json
import pickle
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import arro3.core as arro3
import attrs

from dativo.contract import Batch, Commit, CommitRecord, Context, Receipt, Staged
from dativo.errors import ContractViolationError, DataValidationError, DativoError, WriteFailedError
from dativo.plugins._class_style._ledger import Ledger
from dativo.plugins._class_style._reports import translating
from dativo.plugins._class_style._rows import fields_in, records_in

__all__ = ["Session"]

Records = list[dict[str, Any]]
Files = list[dict[str, Any]]


@attrs.frozen
class _Spool:
    """Records that wait in a temporary file, their place in the epoch, and their fields."""

    path: Path
    sequence: int
    fields: tuple[tuple[str, str, bool], ...]


class Session:
    """Keeps records aside until the commit, and then gives them to the class, list by list.

    The class publishes when it gets them, so nothing must reach it before; and it is called in one
    thread, because it was made for one.

    Args:
        make: Makes the writer, given the schema of what it gets.
        ledger: Where it is written down what is published.
        context: The engine's.
    """

    def __init__(
        self, make: Callable[[list[dict[str, Any]]], Any], ledger: Ledger, context: Context
    ) -> None:
        self._make = make
        self._ledger = ledger
        self._context = context
        self._folder = context.workdir / f"class-style-{uuid.uuid4().hex}"
        self._lock = threading.Lock()
        self._spools: set[Path] = set()
        entry = ledger.claim(context.fence)
        if entry.begun:
            context.log(
                f"a commit of epoch {entry.begun} has begun and not ended; what the class had "
                "written of it may be there twice now",
                level="warning",
            )

    def stage(self, batch: Batch) -> Staged:
        """Put the records into a temporary file."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / uuid.uuid4().hex
        with self._lock:
            self._spools.add(path)
        reader = arro3.RecordBatchReader.from_arrow(batch.data)
        fields = tuple((f["name"], f["type"], f["required"]) for f in fields_in(reader.schema))
        rows = 0
        with path.open("xb") as file:
            for records in records_in(reader):
                pickle.dump(records, file, protocol=pickle.HIGHEST_PROTOCOL)
                rows += len(records)
        token = _Spool(path, batch.sequence, fields)
        return Staged(rows=rows, size_bytes=path.stat().st_size, token=token)

    def commit(self, commit: Commit, staged: Sequence[Staged]) -> Receipt:
        """Give the class what was staged, and write down that it was.

        Raises:
            ConcurrencyError: Somebody else has published or claimed the stream.
            DataValidationError: Published records have fields that these have not, or have others.
            WriteFailedError: The class failed; what it had written may be visible.
        """
        before = self._ledger.read().record
        if before is not None and before.commit == commit:
            return Receipt(record=before, replayed=True)
        spools = [part.token for part in staged if isinstance(part.token, _Spool)]
        # Staged in several threads, they come in the order in which these have ended.
        spools.sort(key=lambda spool: spool.sequence)
        schema = _schema(before, spools)
        entry = self._ledger.begin(commit)
        files = self._write(spools, entry.counter) if any(part.rows for part in staged) else []
        record = CommitRecord(
            commit=commit,
            rows=sum(part.rows for part in staged),
            files=tuple(str(file.get("path", "")) for file in files),
            schema=schema,
        )
        self._ledger.end(record, files=len(files))
        self._forget(spools)
        return Receipt(record=record, size_bytes=sum(map(_size, files)))

    def abort(self) -> None:
        """Remove what was staged; the class has not seen it."""
        with self._lock:
            spools, self._spools = self._spools, set()
        for path in spools:
            path.unlink(missing_ok=True)

    def last_commit(self) -> CommitRecord | None:
        """Return the newest commit that ended."""
        return self._ledger.read().record

    def close(self) -> None:
        """Remove the temporary files."""
        self.abort()
        with contextlib.suppress(OSError):
            self._folder.rmdir()

    def _write(self, spools: Sequence[_Spool], counter: int) -> Files:
        """Call the class; a name that it makes of the counter is that of no earlier commit."""
        schema: list[dict[str, Any]] = [
            {"name": name, "type": kind, "required": required}
            for name, kind, required in spools[0].fields
        ]
        files: Files = []
        try:
            with translating():
                writer = self._make(schema)
                for records in _read(spools):
                    files += _files(writer.write_batch(records, counter + len(files)))
                    self._context.progress()
                _require_success(writer, files)
        except DativoError:
            raise
        except Exception as error:
            msg = f"the class failed while it wrote: {type(error).__name__}: {error}"
            raise WriteFailedError(msg) from error
        return files

    def _forget(self, spools: Sequence[_Spool]) -> None:
        for spool in spools:
            spool.path.unlink(missing_ok=True)
            with self._lock:
                self._spools.discard(spool.path)


def _read(spools: Sequence[_Spool]) -> Iterator[Records]:
    for spool in spools:
        with spool.path.open("rb") as file:
            while True:
                try:
                    yield pickle.load(file)  # noqa: S301 - our own, in a folder of mode 0700
                except EOFError:
                    break


def _files(found: object) -> Files:
    """Check what ``write_batch`` returned; a class that returns nothing has written one thing."""
    if found is None:
        return [{}]
    if not isinstance(found, list) or not all(isinstance(file, dict) for file in found):
        msg = f"write_batch of the class gave {type(found).__name__}, not a list of dictionaries"
        raise ContractViolationError(msg)
    return found


def _require_success(writer: Any, files: Files) -> None:
    """Let the class end its commit, if it has more to do than to write."""
    finish = getattr(writer, "commit_files", None)
    found = finish(files) if callable(finish) else None
    status = found.get("status", "success") if isinstance(found, dict) else "success"
    if status != "success":
        msg = f"commit_files of the class says {status!r}"
        raise WriteFailedError(msg, details={"status": str(status)})


def _size(file: dict[str, Any]) -> int:
    size = file.get("size_bytes")
    return size if isinstance(size, int) and size > 0 else 0


def _schema(before: CommitRecord | None, spools: Sequence[_Spool]) -> str:
    """Return the schema as text, and see that it goes on from what is published."""
    old = [] if before is None or not before.schema else json.loads(before.schema)
    if not spools:
        return "" if before is None else before.schema
    new = [list(field) for field in spools[0].fields]
    types = {name: kind for name, kind, _ in new}
    changed = [name for name, kind, _ in old if types.get(name) != kind]
    known = {name for name, _, _ in old}
    changed += [name for name, _, required in new if old and required and name not in known]
    if changed:
        msg = f"the fields {', '.join(changed)} are not as in what is published"
        fix = "Read them as before, or write to another place."
        raise DataValidationError(msg, fix=fix, details={"fields": changed})
    return json.dumps(new)
