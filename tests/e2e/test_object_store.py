"""Runs into an object store, killed where it hurts: nothing lost, nothing doubled, nothing half."""

from __future__ import annotations

import random
import re
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs
import pyarrow as pa
import pytest
from dativo_command import Answer, Command, WorkFolder

import dativo_writer_parquet
from dativo.contract import FAILPOINT_VARIABLE, Secret, Url, WriteRequest
from dativo.errors import ResourceNotFoundError
from dativo_test_support.context import FakeContext
from dativo_test_support.figures import figure
from dativo_test_support.plugins import scripted_connectors
from dativo_test_support.s3 import ACCESS_KEY, SECRET_KEY, Fault, FaultProxy, Outcome, S3Server
from dativo_test_support.wheels import install
from dativo_writer_parquet import ParquetConfig, StorageConfig, read_back

ROWS = 60
KILLED = 137
SOURCE = Path(dativo_writer_parquet.__file__).parent / "_store"
POINTS = sorted(
    {
        point
        for file in SOURCE.glob("*.py")
        for point in re.findall(r'failpoint\("(parquet\.store\.[a-z]+)"\)', file.read_text())
    }
)


@attrs.frozen
class StoreJob:
    """A job that reads numbers and writes them to a bucket."""

    work: WorkFolder
    command: Command
    url: str
    proxy: FaultProxy

    def write(self, *, mode: str = "append", **source: Any) -> None:
        storage = {
            "region": "us-east-1",
            "endpoint": self.proxy.url,
            "access_key_id": ACCESS_KEY,
            "secret_access_key": "${env:STORE_SECRET}",
        }
        config = {"rows": ROWS, "batch_rows": 5, **source}
        self.work.write_job(
            {
                "name": "numbers_to_store",
                "source": {"connector": "numbers", "config": config},
                "streams": [{"name": "numbers", "mode": "incremental"}],
                "writer": {
                    "connector": "parquet",
                    "config": {"path": self.url, "storage": storage, "file_rows": 7},
                    "mode": mode,
                },
                "run": {"epoch_rows": 20, "parallelism": 2, "retries": 1},
            }
        )

    def run(self, point: str = "") -> Answer:
        variables = dict(self.command.variables)
        if point:
            variables[FAILPOINT_VARIABLE] = point
        command = attrs.evolve(self.command, variables=variables)
        return command("run", "--config", "job.yaml", "--json")

    def ids(self) -> list[int]:
        """What is published, in the order in which it is read."""
        config = ParquetConfig(
            path=Url(self.url),
            storage=StorageConfig(
                region="us-east-1",
                endpoint=self.proxy.url,
                access_key_id=ACCESS_KEY,
                secret_access_key=Secret(SECRET_KEY),
            ),
        )
        try:
            stream = read_back(config, WriteRequest(stream="numbers"), FakeContext())
        except ResourceNotFoundError:
            return []
        found = pa.RecordBatchReader.from_stream(stream).read_all()["id"].to_pylist()
        return [int(number) for number in found]


@pytest.fixture
def job(work: WorkFolder, tmp_path: Path, s3_server: S3Server, s3_proxy: FaultProxy) -> StoreJob:
    site = install(tmp_path / "site", scripted_connectors())
    command = Command(work.path, site=(site,), variables={"STORE_SECRET": SECRET_KEY})
    return StoreJob(work, command, f"s3://{s3_server.create_bucket()}/lake", s3_proxy)


def require_whole_epochs(ids: list[int]) -> None:
    assert sorted(ids) == list(range(1, len(ids) + 1))
    assert len(ids) % 20 == 0


def test_a_job_goes_into_a_bucket_and_on_from_there(job: StoreJob) -> None:
    job.write()
    checked = job.command("check", "--config", "job.yaml", "--json", code=0)
    planned = job.command("plan", "--config", "job.yaml", "--json", code=0)
    first, again = job.run(), job.run()

    assert (first.code, again.code) == (0, 0), f"{first}\n{again}"
    assert first.stream("numbers")["rows"] == ROWS
    assert again.stream("numbers")["rows"] == 0
    assert sorted(job.ids()) == list(range(1, ROWS + 1))
    assert "commit log" in planned.out
    for answer in (checked, planned, first, again):
        assert SECRET_KEY not in answer.out + answer.err


def test_there_are_enough_fail_points() -> None:
    assert len(POINTS) >= 8


@pytest.mark.slow
@pytest.mark.parametrize("point", figure(random.sample(POINTS, 4), POINTS))
def test_death_at_a_fail_point_loses_and_doubles_nothing(job: StoreJob, point: str) -> None:
    job.write()
    deaths = 0
    for number in (1, 2):
        died = job.run(f"{point}:{number}")
        deaths += died.code == KILLED
        require_whole_epochs(job.ids())
    assert deaths
    assert job.run().code == 0
    assert sorted(job.ids()) == list(range(1, ROWS + 1))


@pytest.mark.slow
def test_kills_at_random_moments_lose_and_double_nothing(job: StoreJob) -> None:
    seed = secrets.randbits(32)
    print(f"seed {seed}")  # noqa: T201 - to replay a failure
    chance = random.Random(seed)
    job.write(delay_seconds=0.03)
    for _ in range(figure(3, 30)):
        with job.command.running("run", "--config", "job.yaml", "--json") as process:
            time.sleep(chance.uniform(0.3, 2.5))
            process.kill()
        require_whole_epochs(job.ids())
    assert job.run().code == 0
    assert sorted(job.ids()) == list(range(1, ROWS + 1))


def test_of_runs_at_once_one_goes_and_the_others_name_it(job: StoreJob, tmp_path: Path) -> None:
    job.write(delay_seconds=0.2)
    # A checkout of its own for each: only the lock in the bucket can tell them of each other.
    checkouts = []
    for number in range(3):
        folder = tmp_path / f"checkout{number}" / "work"
        folder.mkdir(parents=True)
        (folder / "job.yaml").write_text((job.work.path / "job.yaml").read_text())
        checkouts.append(attrs.evolve(job.command, folder=folder))
    with ThreadPoolExecutor(3) as pool:
        answers = list(
            pool.map(lambda command: command("run", "--config", "job.yaml", "--json"), checkouts)
        )
    codes = sorted(answer.code for answer in answers)
    assert codes[0] == 0
    assert 60 in codes
    locked = next(answer for answer in answers if answer.code == 60)
    assert "is in progress: process" in str(locked.error["message"])
    assert sorted(job.ids()) == list(range(1, ROWS + 1))


def test_credentials_that_expire_on_the_way_stop_the_run_and_publish_nothing(
    job: StoreJob,
) -> None:
    job.write()
    expired = Fault(
        path="/data/", method="PUT", status=400, code="ExpiredToken", times=None, skip=1
    )
    with job.proxy.failing(expired):
        answer = job.run()
    assert answer.code == 20, str(answer)
    assert answer.error["code"] == "TOKEN_EXPIRED"
    assert "Renew" in answer.error["fix"]
    assert SECRET_KEY not in answer.out + answer.err
    assert job.ids() == []
    assert job.run().code == 0


def test_a_commit_without_an_answer_is_found_by_the_run_itself(job: StoreJob) -> None:
    job.write()
    lost = Fault(path=r"/log/\d+\.json", method="PUT", outcome=Outcome.RESET_AFTER, skip=1)
    with job.proxy.failing(lost):
        answer = job.run()
    assert answer.code == 0, str(answer)
    assert lost.hits == 1
    assert sorted(job.ids()) == list(range(1, ROWS + 1))
