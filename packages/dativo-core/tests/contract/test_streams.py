from __future__ import annotations

import io
from email.message import Message
from urllib.error import HTTPError

import pytest

from dativo.contract import ReadMode, Stream, StreamRequest, StreamStatus
from dativo.errors import InsufficientPermissionsError, NetworkError, SchemaValidationError

FIELDS = ("id", "at", "note")


def request(**about: object) -> StreamRequest:
    return StreamRequest(stream="orders", **about)  # type: ignore[arg-type]


@pytest.mark.parametrize(("columns", "expected"), [((), FIELDS), (("note", "id"), ("note", "id"))])
def test_columns_are_those_of_the_job_in_its_order_or_else_all(
    columns: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    assert request(columns=columns).columns_of(list(FIELDS)) == expected


def test_a_field_that_there_is_not_is_named_beside_those_that_there_are() -> None:
    with pytest.raises(SchemaValidationError) as caught:
        request(columns=("id", "nope", "gone")).columns_of(FIELDS)

    expected = "the stream orders has no field nope, gone; it has id, at, note"
    assert (caught.value.message, caught.value.stream) == (expected, "orders")


@pytest.mark.parametrize(
    ("cursor", "cursors"), [(None, ("at",)), ("at", ("at",)), ("id", ("at", "id")), (None, None)]
)
def test_an_increment_goes_by_a_cursor_that_there_is_or_by_the_sources_own(
    cursor: str | None, cursors: tuple[str, ...] | None
) -> None:
    increment = request(mode=ReadMode.INCREMENTAL, cursor=cursor)

    assert increment.columns_of(FIELDS, cursors=cursors) == FIELDS


@pytest.mark.parametrize(
    ("cursor", "cursors", "says"),
    [
        ("note", ("at", "id"), "the stream orders has no cursor note; choose at or id"),
        ("note", None, "the stream orders has no cursor note, and needs none"),
        (None, (), "the stream orders can only be read in full; it has no cursor"),
        ("at", (), "the stream orders can only be read in full; it has no cursor"),
    ],
)
def test_another_cursor_is_refused(
    cursor: str | None, cursors: tuple[str, ...] | None, says: str
) -> None:
    increment = request(mode=ReadMode.INCREMENTAL, cursor=cursor)

    with pytest.raises(SchemaValidationError) as caught:
        increment.columns_of(FIELDS, cursors=cursors)

    assert caught.value.message == says


def test_a_full_read_has_no_use_for_a_cursor() -> None:
    assert request(cursor="note").columns_of(FIELDS) == FIELDS


def test_a_stream_that_can_be_tried_is_what_it_was() -> None:
    stream = Stream(name="orders")

    assert stream.trying(lambda: ["a record"]) is stream


def test_a_stream_whose_access_is_denied_says_why() -> None:
    def ask() -> None:
        raise HTTPError("https://acme.example/orders", 403, "no", Message(), io.BytesIO())

    stream = Stream(name="orders", primary_key=("id",)).trying(ask)

    assert (stream.name, stream.primary_key) == ("orders", ("id",))
    assert stream.status is StreamStatus.UNREADABLE
    assert isinstance(stream.problem, InsufficientPermissionsError)


@pytest.mark.parametrize("error", [NetworkError("gone"), KeyError("a bug"), TimeoutError()])
def test_what_says_nothing_about_access_passes_through(error: Exception) -> None:
    def ask() -> None:
        raise error

    with pytest.raises(type(error)) as caught:
        Stream(name="orders").trying(ask)

    assert caught.value is error
