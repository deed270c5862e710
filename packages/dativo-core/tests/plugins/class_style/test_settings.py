from __future__ import annotations

from pathlib import Path

import pytest

from dativo.contract import Secret, StreamRequest, Url, config_schema
from dativo.errors import InvalidConfigError
from dativo.plugins._class_style._settings import (
    ReaderSettings,
    WriterSettings,
    source_config,
    target_config,
)


def test_a_class_sees_plain_values_and_none_for_what_is_not_said() -> None:
    settings = ReaderSettings(
        connection={"hosts": ("a", "b"), "tls": {"on": True}},
        credentials={"token": Secret("t"), "basic": {"user": Secret("u")}},
        dsn=Secret("d"),
    )

    found = source_config(settings)

    assert found.connection == {"hosts": ["a", "b"], "tls": {"on": True}}
    assert found.credentials == {"token": "t", "basic": {"user": "u"}}
    assert (found.dsn, found.type) == ("d", "")
    assert (found.engine, found.objects, found.incremental, found.custom_reader) == (None,) * 4


def test_one_stream_is_read_at_a_time() -> None:
    settings = ReaderSettings(
        objects=("a", "b"),
        tables=({"object": "a", "name": "public.a"}, {"name": "b"}),
        incremental={"cursor_field": "at", "state_path": "mine"},
    )

    full = source_config(settings, StreamRequest(stream="a"))
    again = source_config(settings, StreamRequest(stream="b", cursor="x"), state=Path("/s"))

    assert (full.objects, full.incremental) == (["a"], None)
    assert full.tables == [{"object": "a", "name": "public.a"}]
    assert again.tables == [{"name": "b"}]
    assert again.incremental == {"cursor_field": "at", "state_path": "/s"}


def test_the_cursor_of_the_job_is_the_default() -> None:
    found = source_config(
        ReaderSettings(), StreamRequest(stream="a", cursor="at"), state=Path("/s")
    )

    assert found.incremental == {"cursor_field": "at", "state_path": "/s"}


def test_a_stream_that_is_not_listed_is_refused() -> None:
    settings = ReaderSettings(sheets=({"name": "a"},))

    with pytest.raises(InvalidConfigError, match=r"no 'b'.*\['a'\]"):
        source_config(settings, StreamRequest(stream="b"))


def test_a_writer_sees_nothing_of_ours() -> None:
    settings = WriterSettings(
        connection={"bucket": "b"}, output_base=Url("s3://b/c"), partitioning=("day",)
    )

    found = target_config(settings)

    assert (found.connection, found.partitioning) == ({"bucket": "b"}, ["day"])
    assert not {"output_base", "records"} & set(vars(found))


def test_credentials_are_secrets_in_the_schema() -> None:
    schema = config_schema(ReaderSettings)

    inner = schema["properties"]["credentials"]["additionalProperties"]
    assert inner["anyOf"][0] == {"type": "string", "writeOnly": True}
