"""A PostgreSQL server behind a proxy, and a job that publishes two tables of a database of its own.

`items` is large enough for several epochs or parallel readers; `others` is small.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
from fault_frame import Workspace, dice
from fault_process import Dativo, Ended, Running
from fault_rows import COLUMNS, Row, compare, published
from fault_servers import PASSWORD, READER, lent_database, lent_server

from dativo.contract import WriteMode
from dativo_test_support.postgres import Address, EmbeddedPostgres
from dativo_test_support.proxy import Direction, Fault, FaultKind, TcpProxy

__all__ = [
    "ITEMS",
    "KINDS",
    "OTHERS",
    "Bench",
    "bench",
]

ITEMS, OTHERS = "public.items", "public.others"
KINDS = ("append", "merge", "replace")
"""How `items` is published: in epochs, or by several readers at once in one step."""

_NONE: Mapping[str, list[Row]] = {}
_ITEMS, _BASE, _OTHERS = 9_000, 2_000, 1_500
_HELLO_BYTES = 6_000
"""About what logging in and planning take; faults strike there more often than by chance."""
_QUESTION_BYTES = 3_000
_SHARE_PUBLISHED = 0.3
_ROW_BYTES = 280
_SESSION_SECONDS = 5.0
_START_SECONDS = 30.0

_MORE_ITEMS = """
INSERT INTO items (id, at, label)
  SELECT i, timestamptz '2026-01-01 00:00Z' + i / 3 * interval '1 s', repeat(md5(i::text), 8)
  FROM generate_series({}, {}) i;
ANALYZE items;
"""

_SETUP = f"""
CREATE TABLE items (id bigint PRIMARY KEY, at timestamptz NOT NULL, label text NOT NULL,
  note text);
CREATE TABLE others (id int PRIMARY KEY, label text NOT NULL, note text);
CREATE INDEX ON items (at);
INSERT INTO others (id, label) SELECT i, md5(i::text) FROM generate_series(1, {_OTHERS}) i;
GRANT SELECT ON items, others TO {READER};
"""


@attrs.define
class Bench:
    """One case: its server, which nobody else uses meanwhile, its proxy, its job and its lake."""

    workspace: Workspace
    server: EmbeddedPostgres
    database: Address
    proxy: TcpProxy
    dice: random.Random
    kind: str
    data_bytes: int = 0

    @property
    def folder(self) -> Path:
        """Where the job is."""
        return self.workspace.path / "work"

    @property
    def dativo(self) -> Dativo:
        """Starts commands in the job's folder."""
        return Dativo(self.workspace, self.folder, program=(sys.executable, str(_PROGRAM)))

    def write_job(
        self,
        *,
        run: Mapping[str, Any] | None = None,
        streams: Sequence[Mapping[str, Any]] = (),
        **settings: Any,
    ) -> None:
        """Write the job; *settings* are the source's, *run* is how it runs."""
        config = {
            "host": self.proxy.host,
            "port": self.proxy.port,
            "database": self.database.database,
            "user": READER,
            "password": PASSWORD,
            "connect_timeout": 3,
            **settings,
        }
        limits = {"parallelism": 2, "epoch_rows": 2_000, "retries": 2, "stall_timeout": "4s"}
        job = {
            "name": "shop_to_lake",
            "source": {"connector": "postgres", "config": config},
            "streams": list(streams) or [_items(self.kind), {"name": OTHERS, "mode": "full"}],
            "writer": {"connector": "parquet", "config": {"path": "./lake"}, "mode": "replace"},
            "run": {**limits, **(run or {})},
        }
        self.folder.mkdir(exist_ok=True)
        (self.folder / "job.yaml").write_text(json.dumps(job, indent=1), encoding="utf-8")

    def fill(self, *, is_published: bool) -> None:
        """Put the rows into the tables; an earlier run may have published some of them."""
        first = 1
        if is_published:
            self.execute(_MORE_ITEMS.format(1, _BASE))
            self.dativo("run", "--json", code=0)
            self.execute("UPDATE others SET label = 'changed'")
            first = 1 if self.kind == "replace" else _BASE + 1
            self.execute(f"DELETE FROM items WHERE id >= {first}")
        self.execute(_MORE_ITEMS.format(first, _ITEMS))
        self.data_bytes = (_ITEMS - first) * _ROW_BYTES

    def execute(self, text: str) -> list[Row]:
        """Ask the database itself, not through the proxy."""
        return self.database.execute(text)

    def somewhere(self, kind: FaultKind, *, seconds: float | None = None) -> Fault:
        """Choose a byte of the run: mostly in the data, at times in what goes before."""
        place = self.dice.random()
        if place < 0.15:
            way, most = Direction.TO_SERVER, _QUESTION_BYTES
        else:
            way, most = Direction.TO_CLIENT, _HELLO_BYTES if place < 0.3 else self.data_bytes
        after = self.dice.randrange(most)
        return Fault(kind=kind, after_bytes=after, direction=way, seconds=seconds)

    def disturbed(self, act: Callable[[Running], object]) -> Ended:
        """Run to the end, with a stop at some byte, where everything stands still for *act*."""
        self.proxy.arm(self.somewhere(FaultKind.DARKNESS))
        with self.dativo.running("run", "--json") as running:
            until = time.monotonic() + _START_SECONDS
            while not self.proxy.wait_until_struck(0.02):
                assert running.is_alive(), f"it never came to the byte: {running.wait()}"
                assert time.monotonic() < until, "the run does not begin"
            try:
                act(running)
            finally:
                self.proxy.heal()
            return running.wait()

    def source(self, stream: str) -> list[Row]:
        """Return the rows of a table as they are now, without columns that were added."""
        wanted = ", ".join(f"'{name}'" for name in COLUMNS)
        columns = self.execute(
            "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute "
            f"WHERE attrelid = to_regclass('{stream}') AND attname IN ({wanted})"
        )[0][0]
        return self.execute(f"SELECT {columns} FROM {stream}") if columns else []

    def ends_well(
        self, ended: Ended, before: Mapping[str, list[Row]], also: Mapping[str, list[Row]] = _NONE
    ) -> None:
        """Judge a run that was disturbed: complete, or a located error and nothing in part.

        Args:
            ended: The run.
            before: What was published before it.
            also: Rows that a stream may show as well, because its table had them meanwhile.
        """
        if ended.code != 0:
            self.is_located(ended)
            self.is_whole(before, ended, also)
            return
        for stream in (ITEMS, OTHERS):
            found = self.published(stream)
            if stream not in also or Counter(found) != Counter(also[stream]):
                compare(f"{stream} after exit 0 of {ended}", self.source(stream), found)

    def is_located(self, ended: Ended) -> None:
        """See that an error says where, what to do, and has the exit code of the process."""
        errors = [one["error"] for one in ended.document["streams"] if one["error"]]
        assert errors or ended.document["error"]["connector"] == "postgres", str(ended)
        for error in errors:
            assert error["stream"], str(ended)
            assert len(error["fix"]) > 10, str(ended)
            assert error["code"] not in {"INTERNAL", "PLUGIN_EXECUTION"}, str(ended)
        codes = {error["exit_code"] for error in errors} or {ended.document["error"]["exit_code"]}
        streams = ended.document["streams"]
        is_partial = len(codes) > 1 or len(errors) < len(streams)
        assert ended.code in (codes | {31} if is_partial else codes), str(ended)

    def is_whole(
        self, before: Mapping[str, list[Row]], ended: Ended, also: Mapping[str, list[Row]] = _NONE
    ) -> None:
        """See that replaced tables are as before or complete, and that epochs have no gap."""
        for stream in (ITEMS, OTHERS):
            found = self.published(stream)
            if stream == ITEMS and self.kind != "replace":
                ids = sorted(row[0] for row in found)
                expected = list(range(1, len(ids) + 1))
                compare(f"{stream} {ended}", [(i,) for i in expected], [(i,) for i in ids])
            elif Counter(found) not in (Counter(before[stream]), Counter(also.get(stream, ()))):
                compare(f"{stream} {ended}", self.source(stream), found)

    def recovers(self) -> None:
        """Run once more, now that the cause is gone: everything is there, each row once."""
        self.proxy.heal()
        ended = self.dativo("run", "--json", code=0)
        self.is_complete(str(ended))
        self.has_no_session()

    def is_complete(self, what: str) -> None:
        """Compare what is published with the source."""
        for stream in (ITEMS, OTHERS):
            compare(f"{stream} {what}", self.source(stream), self.published(stream))

    def published(self, stream: str) -> list[Row]:
        """Return the published rows of a stream; none if there is nothing yet."""
        mode = WriteMode(self.kind) if stream == ITEMS else WriteMode.REPLACE
        return published(self.folder / "lake", stream, mode)

    def now(self) -> dict[str, list[Row]]:
        """Return what is published of both tables."""
        return {stream: self.published(stream) for stream in (ITEMS, OTHERS)}

    def has_no_session(self) -> None:
        """See that within five seconds the server has no session or snapshot of ours."""
        until = time.monotonic() + _SESSION_SECONDS
        while found := self.execute(
            "SELECT pid, application_name, state, query, backend_xmin FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend' "
            f"AND (usename = '{READER}' OR backend_xmin IS NOT NULL)"
        ):
            assert time.monotonic() < until, f"left behind: {found}"
            time.sleep(0.05)


@contextmanager
def bench(
    row: str, number: int, workspace: Workspace, *, kind: str | None = None
) -> Iterator[Bench]:
    """Set up the case *number* of *row*, with a job that has not run yet."""
    source = dice(row, number)
    chosen = kind or source.choice(KINDS)
    with (
        lent_server() as server,
        lent_database(server, _SETUP) as database,
        TcpProxy(server.host, server.port) as proxy,
    ):
        made = Bench(workspace, server, database, proxy, source, chosen)
        made.write_job()
        made.fill(is_published=source.random() < _SHARE_PUBLISHED)
        yield made


def _items(kind: str) -> dict[str, Any]:
    if kind == "replace":
        return {"name": ITEMS, "mode": "full", "options": {"partitions": 3}}
    stream = {
        "name": ITEMS,
        "mode": "incremental",
        "cursor": "at",
        "primary_key": ["id"],
        "write_mode": kind,
    }
    return {**stream, "deletes": "key_scan"} if kind == "merge" else stream


_PROGRAM = Path(__file__).with_name("small_steps.py")
