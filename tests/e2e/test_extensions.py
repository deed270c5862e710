"""The example extensions on a real source and a real writer; what is masked is nowhere found."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from dativo_command import Answer, Command, WorkFolder

import dativo_writer_parquet
from dativo_test_support.examples import example_plugin
from dativo_test_support.postgres import Address
from dativo_test_support.wheels import PluginWheel, install

PEOPLE = "public.people"
KEY = "a-key-that-nobody-guesses"
ROWS = 400

SETUP = f"""
CREATE TABLE people (
  email text PRIMARY KEY, phone text, id uuid NOT NULL, note jsonb, joined timestamptz NOT NULL
);
INSERT INTO people SELECT
  'person-' || i || '@secret.example', '+49 171 555 ' || 1000 + i, md5(i::text)::uuid,
  jsonb_build_object('diagnosis', 'secret-' || i), timestamptz '2026-01-01Z' + i * interval '1 s'
FROM generate_series(1, {ROWS}) i;
"""

MASK = {
    "extension": "mask",
    "config": {
        "key": "${env:MASK_KEY}",
        "rules": [
            {"streams": PEOPLE, "fields": ["email", "id"], "action": "hash"},
            {"streams": PEOPLE, "fields": ["phone"], "action": "keep_last", "keep": 2},
            {"streams": PEOPLE, "fields": ["note"], "action": "drop"},
        ],
    },
}
LINEAGE = {"extension": "openlineage", "config": {"path": "lineage.jsonl"}}

KILLER = """
import os
import pyarrow as pa
from dativo.contract import *

@hookimpl
def describe_extension():
    return ExtensionInfo(title="Killer", kind=ExtensionKind.TRANSFORMER)

class Change:
    def __init__(self, schema):
        self.schema = schema
        self.count = 0

    def apply(self, batch):
        self.count += 1
        if self.count == 2:
            os._exit(99)
        return batch

@hookimpl
def transform(schema):
    return Change(pa.schema(schema))
"""


def job_of(address: Address, *extensions: Any, **stream: Any) -> dict[str, Any]:
    entry = {
        "name": PEOPLE,
        "mode": "incremental",
        "cursor": "joined",
        "deletes": "key_scan",
        **stream,
    }
    return {
        "name": "people_to_lake",
        "source": {
            "connector": "postgres",
            "config": {
                "host": address.host,
                "port": address.port,
                "database": address.database,
                "user": address.user,
                "password": "${env:SHOP_PASSWORD}",
            },
        },
        "streams": [{key: value for key, value in entry.items() if value is not None}],
        "writer": {"connector": "parquet", "config": {"path": "./lake"}, "mode": "merge"},
        "run": {"parallelism": 2, "retries": 0},
        "extensions": list(extensions),
    }


@pytest.fixture
def dativo(work: WorkFolder, postgres_database: Address, tmp_path: Path) -> Command:
    postgres_database.execute(SETUP)
    site = install(
        tmp_path / "site",
        example_plugin("dativo-extension-mask"),
        example_plugin("dativo-extension-openlineage"),
        PluginWheel.of_connector("killer", KILLER, group="dativo.extensions.v1"),
    )
    variables = {"SHOP_PASSWORD": postgres_database.password, "MASK_KEY": KEY}
    return Command(work.path, site=(site,), variables=variables)


def token(text: str) -> str:
    return hmac.new(KEY.encode(), text.encode(), hashlib.sha256).hexdigest()


def lineage(work: WorkFolder) -> list[dict[str, Any]]:
    lines = (work.path / "lineage.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def published(work: WorkFolder) -> list[dict[str, Any]]:
    return dativo_writer_parquet.scan(work.lake / PEOPLE).collect().to_dicts()


def leaks(work: WorkFolder, *answers: Answer) -> list[str]:
    """Name where a value that was to be masked, or the key, is found all the same."""
    canaries = [b"@secret.example", b"secret-", b"+49 171", KEY.encode()]
    places = {str(file): file.read_bytes() for file in work.path.rglob("*") if file.is_file()}
    places |= {str(answer.arguments): str(answer).encode() for answer in answers}
    return [place for place, data in places.items() for one in canaries if one in data]


def test_what_is_masked_is_neither_shown_nor_logged_nor_written(
    work: WorkFolder, dativo: Command, postgres_database: Address
) -> None:
    work.write_job(job_of(postgres_database, MASK, LINEAGE))
    commands = [
        ("check", "--verbose"),
        ("plan", "--json"),
        ("preview", "--json"),
        ("run", "--verbose", "--debug"),
        ("cat", "--json"),
        ("state", "show", "--json"),
        ("runs", "list", "--json"),
    ]

    answers = [dativo(*words, code=0) for words in commands]

    assert leaks(work, *answers) == []
    rows = published(work)
    assert len(rows) == ROWS
    assert {row["email"] for row in rows} == {
        token(f"person-{number}@secret.example") for number in range(1, ROWS + 1)
    }
    assert set(rows[0]) == {"email", "phone", "id", "joined"}
    assert rows[0]["phone"].startswith("****")
    assert len(rows[0]["phone"]) == 6
    assert "mask" in answers[0].out


def test_deletions_find_their_records_by_the_hashed_key(
    work: WorkFolder, dativo: Command, postgres_database: Address
) -> None:
    work.write_job(job_of(postgres_database, MASK))
    dativo("run", code=0)
    postgres_database.execute(
        "DELETE FROM people WHERE email LIKE 'person-1%';"
        "UPDATE people SET phone = '+49 171 555 9999', joined = timestamptz '2026-02-01Z' "
        "WHERE email = 'person-2@secret.example'"
    )

    answer = dativo("run", "--json", code=0)

    rows = {row["email"]: row for row in published(work)}
    left = postgres_database.execute("SELECT email FROM people")
    assert answer.stream(PEOPLE)["epochs"] == 1
    assert set(rows) == {token(email) for (email,) in left}
    assert rows[token("person-2@secret.example")]["phone"] == "****99"
    assert leaks(work, answer) == []


def test_a_rule_that_a_table_cannot_keep_publishes_nothing(
    work: WorkFolder, dativo: Command, postgres_database: Address
) -> None:
    rules = [*MASK["config"]["rules"], {"streams": PEOPLE, "fields": ["fone"], "action": "drop"}]  # type: ignore[index]
    mask = {"extension": "mask", "config": {"key": "${env:MASK_KEY}", "rules": rules}}
    work.write_job(job_of(postgres_database, mask))

    preview = dativo("preview", "--json", code=10)
    answer = dativo("run", "--json", code=10)

    error = answer.stream(PEOPLE)["error"]
    assert error["code"] == "SCHEMA_VALIDATION"
    assert (error["connector"], error["phase"]) == ("mask", "transform")
    assert "did you mean 'phone'?" in error["message"]
    assert list(work.lake.rglob("*.parquet")) == []
    assert leaks(work, answer, preview) == []


def test_a_run_that_is_killed_inside_a_transformer_publishes_nothing(
    work: WorkFolder, dativo: Command, postgres_database: Address
) -> None:
    postgres_database.execute(
        "INSERT INTO people SELECT 'x' || i, NULL, md5(i::text)::uuid, NULL, now() - interval '1 d'"
        " FROM generate_series(1, 150000) i"
    )
    work.write_job(job_of(postgres_database, {"extension": "killer"}))

    dativo("run", code=99)
    killed = list((work.lake / PEOPLE).glob("**/*.parquet"))
    work.write_job(job_of(postgres_database, MASK))
    dativo("run", code=0)

    assert killed == []
    assert len(published(work)) == ROWS + 150_000
    assert leaks(work) == []


def test_lineage_sees_an_error_in_mid_stream(
    work: WorkFolder, dativo: Command, postgres_database: Address
) -> None:
    query = {
        "name": "shares",
        "query": "SELECT i AS id, 100 / (90000 - i) AS share FROM generate_series(1, 100000) i",
        "mode": None,
        "cursor": None,
        "deletes": None,
    }
    job = job_of(postgres_database, LINEAGE, **query)
    job["writer"].pop("mode")
    work.write_job(job)

    dativo("run", "--json")

    told = lineage(work)
    assert [event["eventType"] for event in told] == ["START", "FAIL"]
    facet = told[-1]["run"]["facets"]["errorMessage"]
    assert "division by zero" in facet["message"]
    assert "(postgres, shares" in facet["message"]
    fields = told[-1]["inputs"][0]["facets"]["schema"]["fields"]
    assert [field["name"] for field in fields] == ["id", "share"]


def test_lineage_tells_what_was_read_and_what_was_written(
    work: WorkFolder, dativo: Command, postgres_database: Address
) -> None:
    work.write_job(job_of(postgres_database, MASK, LINEAGE))

    answer = dativo("run", "--json", code=0)

    told = lineage(work)
    end = told[-1]
    assert [event["eventType"] for event in told] == ["START", "RUNNING", "COMPLETE"]
    assert end["run"]["runId"].replace("-", "") == answer.document["run_id"]
    assert end["inputs"][0]["namespace"].startswith("postgres://")
    assert end["outputs"][0]["outputFacets"]["outputStatistics"]["rowCount"] == ROWS
    names = [field["name"] for field in end["outputs"][0]["facets"]["schema"]["fields"]]
    assert names == ["email", "phone", "id", "joined"]
    assert (work.path / "lineage.jsonl").stat().st_mode & 0o777 == 0o600


def test_lineage_that_cannot_be_written_is_a_warning(
    work: WorkFolder, dativo: Command, postgres_database: Address
) -> None:
    lost = {"extension": "openlineage", "config": {"path": "/proc/nowhere/lineage.jsonl"}}
    work.write_job(job_of(postgres_database, lost))

    answer = dativo("run", code=0)

    assert "the observer 'openlineage' does not observe this run" in answer.err
    assert len(published(work)) == ROWS


def test_extensions_are_listed_and_shown_without_being_loaded(dativo: Command) -> None:
    listed = {one["name"]: one for one in dativo("plugins", "list", "--json").document["plugins"]}
    shown = dativo("plugins", "show", "mask", "--json", code=0).document

    assert (listed["mask"]["kind"], listed["mask"]["verdict"]) == ("extension", "compatible")
    assert shown["manifest"]["extension"]["kind"] == "transformer"
    assert "transformer" in dativo("plugins", "list", code=0).out
    schema = dativo("schema", "job", code=0).out
    assert "keep_last" in schema
