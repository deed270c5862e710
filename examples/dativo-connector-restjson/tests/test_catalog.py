from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from bench import Bench, config_of, stream
from dativo_connector_restjson import check_connection, discover, plan_read
from dativo_connector_restjson._auth_config import Auth
from fake_api import TOKEN, FakeApi, failure

from dativo.contract import ReadMode, Secret, StreamRequest, StreamStatus, Verdict
from dativo.errors import InvalidCredentialsError


def config(api: FakeApi, **about: Any) -> Any:
    api.add("things", {"id": 1, "number": 5})
    api.add("closed", {"id": 1})
    api.forbidden.add("closed")
    streams = {
        "things": stream(
            "/link/things", primary_key=("id",), incremental={"field": "number", "start": "3"}
        ),
        "closed": stream("/link/closed", fields={"id": "int64"}),
        "gone": stream("/link/gone"),
    }
    return config_of(api, streams, **about)


def test_streams_are_found_with_what_is_wrong_with_them(api: FakeApi) -> None:
    bench: Any = Bench()

    with bench.stack:
        found = list(discover(config(api), bench))

    assert [(one.name, one.status) for one in found] == [
        ("things", StreamStatus.READABLE),
        ("closed", StreamStatus.UNREADABLE),
        ("gone", StreamStatus.UNREADABLE),
    ]
    things, closed, gone = found
    assert pa.schema(things.schema).names == ["id", "number", "_extra"]
    assert (things.primary_key, things.cursors) == (("id",), ("number",))
    assert things.read_modes == (ReadMode.FULL, ReadMode.INCREMENTAL)
    assert pa.schema(closed.schema).names == ["id", "_extra"]
    assert gone.schema is None
    assert gone.problem is not None
    assert gone.problem.code == "RESOURCE_NOT_FOUND"


def test_only_wanted_streams_are_asked_for(api: FakeApi) -> None:
    bench: Any = Bench()
    bench.patterns = ("th*",)

    with bench.stack:
        assert [one.name for one in discover(config(api), bench)] == ["things"]
    assert len(api.requests) == 1


def test_a_wrong_key_is_no_empty_catalog(api: FakeApi) -> None:
    bench: Any = Bench()

    with bench.stack, pytest.raises(InvalidCredentialsError):
        list(discover(config(api, auth=Auth(bearer=Secret("wrong"))), bench))


def check(api: FakeApi, **about: Any) -> dict[str, Verdict]:
    bench: Any = Bench()
    bench.streams = about.pop("streams", ())
    with bench.stack:
        result = check_connection(config(api, **about), bench)
    return {item.scope: item.verdict for item in result.items}


def test_a_check_tells_host_key_and_streams_apart(api: FakeApi) -> None:
    assert check(api) == {
        "host": Verdict.OK,
        "auth": Verdict.OK,
        "stream things": Verdict.OK,
        "stream closed": Verdict.FAILED,
        "stream gone": Verdict.FAILED,
    }
    wrong = Auth(bearer=Secret("wrong"))
    assert check(api, auth=wrong) == {"host": Verdict.OK, "auth": Verdict.FAILED}
    api.answers["/link/things"] = lambda _: failure(500, "")
    assert check(api) == {"host": Verdict.FAILED}


def test_a_check_looks_at_the_streams_of_the_job(api: FakeApi) -> None:
    mode = ReadMode.INCREMENTAL
    asked = (
        StreamRequest(stream="things", mode=mode),
        StreamRequest(stream="things", columns=("nothing",)),
        StreamRequest(stream="closed", mode=mode),
        StreamRequest(stream="unknown"),
    )

    found = check(api, streams=asked)

    assert found["stream things"] is Verdict.FAILED  # the one with a column that is not there
    assert found["stream closed"] is Verdict.FAILED
    assert found["stream unknown"] is Verdict.FAILED
    assert TOKEN not in str(found)


def test_a_plan_says_where_a_read_begins_and_asks_nobody(api: FakeApi) -> None:
    bench: Any = Bench()
    about = config(api)
    request = StreamRequest(stream="things", mode=ReadMode.INCREMENTAL)
    with bench.stack:
        first = plan_read(about, request, None, bench)
        full = plan_read(about, StreamRequest(stream="things"), None, bench)
        from dativo_connector_restjson import extract

        (batch,) = extract(about, request, None, bench)
        api.requests.clear()
        then = plan_read(about, request, batch.checkpoint, bench)

    assert first.lower == "3"
    assert "number" in first.assumptions[0]
    assert full.assumptions == ()
    assert then.lower == "5"
    assert api.requests == []
