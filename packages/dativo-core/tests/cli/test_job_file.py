from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dativo.cli._job_file import ConnectorSection, StreamSection, job_file, references
from dativo.config import Job, load_job
from dativo.contract import ReadMode, Stream, StreamStatus, WriteMode
from dativo.errors import InsufficientPermissionsError

BOTH = (ReadMode.FULL, ReadMode.INCREMENTAL)
SOURCE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "host": {"type": "string", "description": "The server.\n# not a new line: x"},
        "port": {"type": "integer", "default": 5432, "description": "Long " * 40},
        "password": {"anyOf": [{"type": "string", "writeOnly": True}, {"type": "null"}]},
        "tls": {"enum": ["off", "on"], "description": "Encryption."},
        "tables": {"type": "array", "items": {"type": "string"}},
        "extra": {"type": "object"},
        "user": {"type": "string", "examples": ["reader"]},
        "other": {"type": "string"},
    },
    "required": ["host"],
}
WRITER: dict[str, Any] = {
    "type": "object",
    "properties": {"path": {"type": "string", "format": "path", "examples": ["./lake"]}},
    "required": ["path"],
}


def _text(streams: StreamSection, **settings: object) -> str:
    return job_file(
        "shop",
        ConnectorSection(connector="acme-db", schema=SOURCE, settings=settings),
        ConnectorSection(connector="files", schema=WRITER, settings={}),
        streams,
    )


def _load(tmp_path: Path, text: str) -> Job:
    file = tmp_path / "job.yaml"
    file.write_text(text, encoding="utf-8")
    return load_job(file)


def test_required_settings_are_references_and_optional_ones_comments(tmp_path: Path) -> None:
    text = _text(StreamSection())

    assert "    host: ${env:ACME_DB_HOST}  # The server. # not a new line: x\n" in text
    assert "    # password: ${env:ACME_DB_PASSWORD}\n" in text
    assert "    # tls: off  # Encryption. (off | on)\n" not in text
    assert '    # tls: "off"  # Encryption. (off | on)\n' in text
    assert "    # user: reader\n" in text
    assert "    # tables: []\n    # extra: {}\n" in text
    assert "    path: ./lake\n" in text
    assert all(len(line) <= 100 for line in text.splitlines())
    job = _load(tmp_path, text)
    assert (job.source.connector, job.writer.connector) == ("acme-db", "files")


def test_commented_settings_are_right_when_the_comment_is_taken_away(tmp_path: Path) -> None:
    text = _text(StreamSection()).replace("    # other: ...\n", "").replace("    # ", "    ")

    assert _load(tmp_path, text).name == "shop"


def test_settings_that_are_known_are_written(tmp_path: Path) -> None:
    text = _text(
        StreamSection(),
        host="yes",
        port=1,
        password="${env:PGPASSWORD}",
        tables=["a: b", "${env:TABLE}"],
        extra={"x y": None, "z": 1.5},
    )

    assert '    host: "yes"  #' in text
    assert "    password: ${env:PGPASSWORD}\n" in text
    assert '    tables: ["a: b", "${env:TABLE}"]\n' in text
    assert '    extra: {"x y": null, z: 1.5}\n' in text
    assert _load(tmp_path, text).source.config.get("port") is not None


def test_references_are_listed_once() -> None:
    section = ConnectorSection(
        connector="acme", schema=SOURCE, settings={"a": "${env:A}", "b": ["x${env:A}${env:B}"]}
    )

    assert references(section) == ["ACME_HOST", "A", "B"]


def test_streams_are_read_in_full_and_say_how_to_read_what_is_new(tmp_path: Path) -> None:
    streams = (
        Stream(
            name="public.orders",
            kind="table",
            primary_key=("id", "a b"),
            cursors=("updated_at", "id"),
            read_modes=BOTH,
            estimated_rows=5,
        ),
        Stream(name='odd "name" # x: y 🎉', kind="view", read_modes=BOTH),
    )

    text = _text(StreamSection(streams=streams, write_modes=("append", "replace")))
    job = _load(tmp_path, text)

    first, second = job.streams
    assert (first.name, first.mode, first.cursor) == ("public.orders", ReadMode.FULL, None)
    assert (second.name, second.mode) == ('odd "name" # x: y 🎉', ReadMode.FULL)
    assert job.writer_mode is WriteMode.REPLACE
    assert "  - name: public.orders  # table, ~5 rows; cursors: updated_at, id\n" in text
    assert text.count("#   mode: incremental\n") == 1


def test_what_init_suggests_is_a_job_too(tmp_path: Path) -> None:
    stream = Stream(name="a", primary_key=("id",), cursors=("updated_at",), read_modes=BOTH)
    text = _text(StreamSection(streams=(stream,), write_modes=("append", "replace")))
    lines = [line.replace("  #   ", "    ") for line in text.splitlines() if "  #   " in line]
    suggested = "\n".join(lines).replace("NAME", "updated_at")

    (one,) = _load(tmp_path, text.replace("    mode: full", suggested)).streams

    assert (one.mode, one.cursor) == (ReadMode.INCREMENTAL, "updated_at")
    assert one.write_mode is WriteMode.APPEND


def test_the_rest_of_the_odd_streams(tmp_path: Path) -> None:
    streams = (
        Stream(name="new\nline"),
        Stream(name="every*"),
        Stream(
            name="secrets",
            status=StreamStatus.UNREADABLE,
            problem=InsufficientPermissionsError("denied\n- name: x"),
        ),
        Stream(name="gone", status=StreamStatus.UNREADABLE),
        Stream(name="a"),
    )

    text = _text(StreamSection(streams=streams))

    assert len(_load(tmp_path, text).streams) == 1
    assert "  # - name: secrets  # denied - name: x\n" in text
    assert '  # - name: "new line"  # use a query: no entry can name it\n' in text
    assert "  # - name: every*  # use a query: no entry can name it\n" in text
    assert "  # - name: gone  # not readable\n" in text


def test_a_list_that_was_cut_says_so(tmp_path: Path) -> None:
    text = _text(StreamSection(streams=(Stream(name="a"),), complete=False))

    assert '  # - name: "*"\n' in text
    assert len(_load(tmp_path, text).streams) == 1


@pytest.mark.parametrize(
    ("modes", "mode"), [(("merge",), "merge"), ((), "replace"), (("append", "replace"), "replace")]
)
def test_the_writer_gets_a_mode_that_it_has(modes: tuple[str, ...], mode: str) -> None:
    assert f"  mode: {mode}  #" in _text(StreamSection(write_modes=modes))


def test_a_connector_without_settings_has_no_config(tmp_path: Path) -> None:
    bare = ConnectorSection(connector="acme", schema={}, settings={})

    text = job_file("shop", bare, bare, StreamSection())

    assert "config" not in text
    assert _load(tmp_path, text).streams[0].is_pattern


def test_only_optional_settings_are_an_empty_config(tmp_path: Path) -> None:
    schema = {"properties": {"a": {"type": "string"}}}
    some = ConnectorSection(connector="acme", schema=schema, settings={})

    text = job_file("shop", some, some, StreamSection())

    assert "  config: {}\n    # a: ...\n" in text
    assert _load(tmp_path, text).name == "shop"
