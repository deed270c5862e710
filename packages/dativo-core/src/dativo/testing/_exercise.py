"""In a child: a connector does all that it can, and everything that it says and touches is noted.

It imports neither pyarrow nor the rest of the kit, so that native code that is loaded afterwards
was loaded by the connector.
"""

from __future__ import annotations

import contextlib
import importlib.machinery
import itertools
import json
import sys
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import arro3.core as arro3

from dativo.config import ProblemList, Redactor, settings_node, structure
from dativo.contract import (
    Batch,
    Checkpoint,
    Commit,
    ReadMode,
    Role,
    Stream,
    StreamRequest,
    StreamStatus,
    WriteMode,
    WriteRequest,
)
from dativo.engine import Message
from dativo.engine._arrow import lazy, read_schema
from dativo.engine._control import Limits
from dativo.engine._means import open_side
from dativo.engine._pipe import Side, role_info
from dativo.engine._retry import RetryPolicy
from dativo.errors import DativoError
from dativo.testing._hearing import Logs, Names
from dativo.testing._references import filled
from dativo.testing._watch import Watch

__all__ = ["exercise"]

_STREAMS = 5
_BATCHES = 3
_PARTS = 20
_JOB = "kit"
# As often as in a run, and with short waits: a system that is not there stays away.
_RETRY = RetryPolicy(base_seconds=0.01, cap_seconds=0.05)


def exercise(request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what the connector says in each of the situations, and at last what it touched.

    *request* has ``connector``, ``role``, ``situations`` (each a name, settings and the seconds
    until the deadline), ``selections`` and ``options``.
    """
    tempfile.gettempdir()  # finding it for the first time writes files
    watch, found = Watch(), Names()
    before = set(_native_modules())
    declared: dict[str, list[str]] = {}
    for name, settings, seconds in request["situations"]:
        worker = _Worker(request, settings, seconds)
        with watch.on(), found.noting():
            worker.work()
        declared = declared or worker.declared
        yield {"situation": name, "texts": worker.texts, "done": worker.done}
    yield {
        "looked_up": watch.looked_up,
        "connected": watch.connected,
        "names": {address: sorted(names) for address, names in found.by_address.items()},
        "programs": watch.programs,
        "written": list(_outside(watch.written)),
        "libraries": watch.libraries,
        "native": sorted(set(_native_modules()) - before),
        "declared": declared,
    }


class _Worker:
    """One connector with one set of settings.

    Attributes:
        texts: Pairs of a place and what was said there.
        declared: The permissions, with the settings filled in.
        done: What came to its end.
    """

    def __init__(
        self, request: Mapping[str, Any], settings: Mapping[str, object], seconds: float
    ) -> None:
        self.texts: list[tuple[str, str]] = []
        self.declared: dict[str, list[str]] = {}
        self.done: list[str] = []
        self._request = request
        self._settings = settings
        self._seconds = seconds

    def work(self) -> None:
        """Load it, and let it do what its role can."""
        role = Role(self._request["role"])
        logs = Logs(self.texts)
        with (
            self._trying("load"),
            logs.taken(),
            tempfile.TemporaryDirectory(prefix="dativo-") as folder,
            open_side(
                self._request["connector"],
                role,
                self._settings,
                folder=Path(folder),
                redactor=Redactor(),
                limits=Limits(parallelism=2, memory_bytes=64 << 20, batch_rows=1000),
                observer=self._hear,
                redacts=False,
                timeout_seconds=self._seconds,
                job=_JOB,
                fence=1,
            ) as (side, control),
        ):
            control.retry = _RETRY
            self._look_at(side)
            with self._trying("check"):
                self._check(side, side.context(control))
            work = {Role.SOURCE: self._read, Role.WRITER: self._write}[role]
            work(side, lambda stream="": side.context(control, stream=stream))

    def _look_at(self, side: Side) -> None:
        permissions = side.connector.info.permissions
        self.declared = {
            "hosts": filled(permissions.hosts, side.config),
            "ports": filled(permissions.ports, side.config),
            "paths": filled(permissions.paths, side.config),
        }
        self._say("repr of the config", repr(side.config))
        self._say("text of the config", str(side.config))

    def _check(self, side: Side, context: Any) -> None:
        for item in side.connector.check_connection(side.config, context).items:
            self._say(f"the check's item {item.scope!r}", f"{item.scope} {item.message}")
            if item.error is not None:
                self._say_error(f"the check's item {item.scope!r}", item.error)

    def _read(self, side: Side, context: Callable[..., Any]) -> None:
        streams: list[Stream] = []
        with self._trying("discover"):
            for stream in side.connector.discover(side.config, context()):
                streams.append(stream)
                self._look_at_stream(stream)
        readable = [one for one in streams if one.status is StreamStatus.READABLE]
        for stream in readable[:_STREAMS]:
            for mode in stream.read_modes:
                with self._trying(f"extract of {stream.name} ({mode.value})"):
                    self._extract(side, stream, mode, context(stream.name))

    def _look_at_stream(self, stream: Stream) -> None:
        place = f"the stream {stream.name!r}"
        self._say(place, f"{stream.name} {stream.kind} {stream.description}")
        if stream.problem is not None:
            self._say_error(place, stream.problem)
        if stream.schema is not None:
            self._look_at_schema(place, stream.schema)

    def _look_at_schema(self, place: str, schema: Any) -> None:
        known = read_schema(schema)
        fields = [known.field(number) for number in range(len(known.names))]
        said = [known.metadata_str, *({field.name: field.metadata_str} for field in fields)]
        self._say(f"the schema of {place}", json.dumps(said))

    def _extract(self, side: Side, stream: Stream, mode: ReadMode, context: Any) -> None:
        about = self._request["selections"].get(stream.name, {})
        request = StreamRequest(
            stream=stream.name,
            mode=mode,
            cursor=about.get("cursor") or next(iter(stream.cursors), None),
            primary_key=tuple(about.get("primary_key", stream.primary_key)),
            columns=tuple(about.get("columns", ())),
            options=_options(side, about.get("options")),
        )
        with side.extract(request, None, context) as batches:
            for batch in itertools.islice(batches, _BATCHES):
                reader = lazy(batch.data)
                self._look_at_schema(f"a batch of {stream.name!r}", reader.schema)
                parts = reader.batches()
                for _ in itertools.islice(parts, _PARTS):
                    pass
                parts.close()
                if batch.checkpoint is not None:
                    self._say(f"a checkpoint of {stream.name!r}", batch.checkpoint.to_json())

    def _write(self, side: Side, context: Callable[..., Any]) -> None:
        writer = side.connector.info.writer
        assert writer is not None  # it was loaded as one
        mode = writer.write_modes[0]
        is_merge = mode is WriteMode.MERGE
        stream = "kit_exercise"
        request = WriteRequest(
            stream=stream,
            mode=mode,
            primary_key=("id",) if is_merge else (),
            options=_options(side, self._request["options"]),
            versioned=is_merge,
        )
        with self._trying("write"):
            self._publish(side, request, context(stream))
        if "read_back" in side.connector.hooks:
            with self._trying("read_back"):
                reader = lazy(side.connector.read_back(side.config, request, context(stream)))
                self._look_at_schema("read_back", reader.schema)
                for _ in reader.batches():
                    pass

    def _publish(self, side: Side, request: WriteRequest, context: Any) -> None:
        numbers = arro3.Array([1, 2, 3], arro3.DataType.int64())
        notes = arro3.Array(["a", "b", None], arro3.DataType.string())
        commit = Commit(
            job_id=_JOB,
            stream=request.stream,
            epoch=1,
            commit_id=uuid.uuid4().hex,
            run_id=context.run_id,
            fence=context.fence,
            mode=request.mode,
            checkpoint=Checkpoint({"epoch": 1}),
            fingerprint={"source": "kit"},
        )
        with contextlib.closing(side.open_session(request, context)) as session:
            data = arro3.Table.from_pydict({"id": numbers, "note": notes})
            staged = session.stage(Batch(data, sequence=1))
            receipt = session.commit(commit, [staged])
            self._say("a commit record", receipt.record.to_json())
            last = session.last_commit()
            if last is not None:
                self._say("the last commit record", last.to_json())

    def _hear(self, event: object) -> None:
        if isinstance(event, Message):
            self._say("a message of context.log", f"{event.text} {dict(event.fields)}")

    @contextlib.contextmanager
    def _trying(self, what: str) -> Iterator[None]:
        """Note an error where it happens, and go on behind the block."""
        try:
            yield
        except DativoError as error:
            self._say_error(f"the error of {what}", error)
        except Exception as error:  # noqa: BLE001 - a reader's own exception comes as it is
            self._say(f"the exception of {what}", f"{error!r} {error}")
        else:
            self.done.append(what)

    def _say_error(self, place: str, error: DativoError) -> None:
        self._say(place, f"{error} {json.dumps(error.to_dict(), default=str)}")

    def _say(self, place: str, text: str) -> None:
        self.texts.append((place, text))


def _options(side: Side, given: object) -> object:
    problems = ProblemList()
    settings = given if isinstance(given, dict) else {}
    kind = role_info(side.connector).options
    options = structure(settings_node(settings, folder=Path.cwd()), kind, collect=problems)
    problems.raise_if_any()
    return options


def _outside(written: list[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """Leave out what is written into the folders that the engine gives.

    A relative path counts if something is there now: an event does not say what it is relative to.
    """
    current = Path.cwd()
    given = f"{tempfile.gettempdir()}/dativo-"
    for text, place in written:
        path = Path(text)
        if not path.is_absolute():
            if (current / path).exists():
                yield str(current / path), place
        elif path.is_relative_to(current) or not text.startswith(given):
            yield text, place


def _native_modules() -> Iterator[str]:
    suffixes = tuple(importlib.machinery.EXTENSION_SUFFIXES)
    for name, module in list(sys.modules.items()):
        origin = getattr(getattr(module, "__spec__", None), "origin", None) or ""
        is_standard = name.partition(".")[0] in sys.stdlib_module_names
        if not is_standard and isinstance(origin, str) and origin.endswith(suffixes):
            yield name
