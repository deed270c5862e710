"""What becomes of the events of a run."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import arro3.core as arro3
import attrs
import pytest
from dativo_extension_openlineage import LineageConfig, observe
from lineage_facts import require_run_event

from dativo.contract import (
    BatchRead,
    EpochCommitted,
    Event,
    Message,
    ObserverSession,
    RunFinished,
    RunOutcome,
    RunStarted,
    SchemaRead,
    Secret,
    System,
    Url,
)
from dativo.errors import (
    AuthenticationError,
    ConfigurationError,
    DativoError,
    NetworkError,
    ServiceUnavailableError,
)

RUN = uuid.UUID("12345678-1234-5678-1234-567812345678").hex
ABOUT: dict[str, Any] = {"job": "shop_to_lake", "run_id": RUN}
SOURCE = System(connector="postgres", identity={"host": "db", "database": "shop"})
STARTED = RunStarted(
    streams=("orders", "people"), source=SOURCE, writer=System(connector="parquet"), **ABOUT
)
GIVEN = arro3.Schema(
    [
        arro3.Field("id", arro3.DataType.int64()),
        arro3.Field("email", arro3.DataType.string()),
        arro3.Field(
            "key", arro3.DataType.binary(16), metadata={"ARROW:extension:name": "arrow.uuid"}
        ),
    ]
)
WRITTEN = arro3.Schema([arro3.Field("id", arro3.DataType.int64())])


@attrs.define
class Retry:
    """The engine's retry layer, without waits."""

    tries: int = 3

    def __call__(self, call: Callable[[], Any]) -> Any:
        for _ in range(self.tries - 1):
            try:
                return call()
            except DativoError as error:
                if not error.retryable:
                    raise
        return call()


def watch(**config: Any) -> ObserverSession:
    context: Any = SimpleNamespace(retry=Retry())
    return observe(LineageConfig(**config), context)


def tell(folder: Path, *events: Event, **config: Any) -> list[dict[str, Any]]:
    file = folder / "events.jsonl"
    session = watch(path=file, **config)
    for event in events:
        session.tell(event)
    session.close()
    told = [json.loads(line) for line in file.read_text().splitlines()]
    for one in told:
        require_run_event(one)
    return told


def commit(stream: str, rows: int) -> EpochCommitted:
    return EpochCommitted(stream=stream, epoch=1, rows=rows, size_bytes=10 * rows, files=1, **ABOUT)


def finished(outcome: RunOutcome, error: DativoError | None = None) -> RunFinished:
    return RunFinished(rows=0, seconds=1.0, outcome=outcome, error=error, **ABOUT)


def test_a_run_is_told_from_its_start_over_its_commits_to_its_end(tmp_path: Path) -> None:
    told = tell(
        tmp_path,
        STARTED,
        SchemaRead(stream="orders", source_schema=GIVEN, schema=WRITTEN, **ABOUT),
        BatchRead(stream="orders", rows=5, size_bytes=50, **ABOUT),
        commit("orders", 5),
        commit("orders", 7),
        finished(RunOutcome.DONE),
    )

    assert [one["eventType"] for one in told] == ["START", "RUNNING", "RUNNING", "COMPLETE"]
    assert {one["run"]["runId"] for one in told} == {str(uuid.UUID(RUN))}
    assert {one["job"]["name"] for one in told} == {"shop_to_lake"}
    end = told[-1]
    orders = end["outputs"][0]
    assert orders["outputFacets"]["outputStatistics"]["rowCount"] == 12
    assert orders["outputFacets"]["outputStatistics"]["size"] == 120
    assert orders["outputFacets"]["outputStatistics"]["fileCount"] == 2
    assert "outputFacets" not in end["outputs"][1]


def test_both_schemas_are_told_each_at_its_side(tmp_path: Path) -> None:
    schema = SchemaRead(stream="orders", source_schema=GIVEN, schema=WRITTEN, **ABOUT)

    end = tell(tmp_path, STARTED, schema, finished(RunOutcome.DONE))[-1]

    assert end["inputs"][0]["facets"]["schema"]["fields"] == [
        {"name": "id", "type": "int64"},
        {"name": "email", "type": "utf8"},
        {"name": "key", "type": "arrow.uuid"},
    ]
    assert end["outputs"][0]["facets"]["schema"]["fields"] == [{"name": "id", "type": "int64"}]


def test_datasets_are_named_after_their_system_or_as_the_job_says(tmp_path: Path) -> None:
    (start,) = tell(tmp_path, STARTED, output_namespace="s3://lake")

    assert (start["inputs"][0]["namespace"], start["inputs"][0]["name"]) == (
        "postgres://db/shop",
        "orders",
    )
    assert start["inputs"][0]["facets"]["dataSource"]["uri"] == "postgres://db/shop"
    assert start["outputs"][0]["namespace"] == "s3://lake"


def test_a_writer_without_identity_has_no_address(tmp_path: Path) -> None:
    (start,) = tell(tmp_path, STARTED)

    assert start["outputs"][0]["namespace"] == "parquet"
    assert "uri" not in start["outputs"][0]["facets"]["dataSource"]


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [(RunOutcome.FAILED, "FAIL"), (RunOutcome.PARTIAL, "FAIL"), (RunOutcome.INTERRUPTED, "ABORT")],
)
def test_a_run_that_is_not_done_says_why(tmp_path: Path, outcome: RunOutcome, kind: str) -> None:
    error = NetworkError("the line went dead", connector="postgres", stream="orders")

    end = tell(tmp_path, STARTED, finished(outcome, error))[-1]

    assert end["eventType"] == kind
    facet = end["run"]["facets"]["errorMessage"]
    assert facet["message"] == "NETWORK: the line went dead (postgres, orders)"
    assert "stackTrace" not in facet


def test_a_run_that_never_began_has_a_start_too(tmp_path: Path) -> None:
    told = tell(tmp_path, finished(RunOutcome.FAILED, NetworkError("gone")))

    assert [one["eventType"] for one in told] == ["START", "FAIL"]
    assert told[-1]["inputs"] == []


def test_commits_need_not_be_told(tmp_path: Path) -> None:
    events = (STARTED, commit("orders", 5), finished(RunOutcome.DONE))

    told = tell(tmp_path, *events, running=False)

    assert [one["eventType"] for one in told] == ["START", "COMPLETE"]


def test_events_that_are_not_known_are_ignored(tmp_path: Path) -> None:
    class Later(Event):
        """An event of a later contract."""

    talk = Message(level="info", text="hello", **ABOUT)

    assert len(tell(tmp_path, STARTED, talk, Later(job="shop_to_lake"))) == 1


def test_the_file_is_private_and_grows(tmp_path: Path) -> None:
    tell(tmp_path / "new", STARTED)

    told = tell(tmp_path / "new", STARTED)

    assert len(told) == 2
    assert (tmp_path / "new" / "events.jsonl").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700


def test_an_endpoint_gets_each_event_with_the_key(endpoint: Any) -> None:
    session = watch(url=Url(endpoint.url), api_key=Secret("a-secret-key"))

    session.tell(STARTED)

    (event,) = endpoint.events
    require_run_event(event)
    assert endpoint.headers[0]["Authorization"] == "Bearer a-secret-key"
    assert endpoint.headers[0]["Content-Type"] == "application/json"


def test_what_may_pass_is_tried_again(endpoint: Any) -> None:
    endpoint.answers = [503, 429]

    watch(url=Url(endpoint.url)).tell(STARTED)

    assert (len(endpoint.headers), len(endpoint.events)) == (3, 1)


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, AuthenticationError),
        (403, AuthenticationError),
        (404, ConfigurationError),
        (302, ConfigurationError),
        (500, ServiceUnavailableError),
    ],
)
def test_what_the_endpoint_refuses_is_an_error_without_the_key(
    endpoint: Any, status: int, error: type[DativoError]
) -> None:
    endpoint.answers = [status] * 3
    endpoint.location = "http://127.0.0.1:9/elsewhere"
    session = watch(url=Url(endpoint.url), api_key=Secret("a-secret-key"))

    with pytest.raises(error) as caught:
        session.tell(STARTED)

    assert str(status) in caught.value.message
    assert "a-secret-key" not in str(caught.value.to_dict())


def test_an_endpoint_that_is_not_there_is_a_network_error(endpoint: Any) -> None:
    endpoint.close()

    with pytest.raises(NetworkError):
        watch(url=Url(endpoint.url)).tell(STARTED)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({}, "either path or url"),
        ({"path": Path("a"), "url": Url("http://a")}, "either path or url"),
        ({"path": Path("a"), "api_key": Secret("k")}, "needs a url"),
    ],
)
def test_settings_that_make_no_sense_are_refused(config: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        LineageConfig(**config)


def test_an_address_of_another_kind_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="must begin with http"):
        watch(url=Url("file:///etc/passwd"))
