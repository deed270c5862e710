from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from store_lake import StoreLake

from dativo.testing import Denied, Inapplicable, Rule, WriterCases, WriterConformance
from dativo_test_support.figures import figure
from dativo_test_support.s3 import ACCESS_KEY, SECRET_KEY, Fault, FaultProxy
from dativo_test_support.shared import s3_server

_NOT_VERIFIED = {
    "errors.catalogued": "test_faults.py, test_crash.py and test_store_faults.py cause the others",
    "hosts.declared": "object stores are reached by native code; nothing else names a host",
}
_QUICK = (
    *("check.good", "check.bad_credentials", "check.missing_privilege", "modes.merge"),
    *("commit.idempotent", "commit.other_id", "commit.fence", "other_job.visible", "abort.clean"),
)


@pytest.mark.slow
class TestFolder(WriterConformance):
    connector = "parquet"
    not_verified = _NOT_VERIFIED

    @classmethod
    def pytest_generate_tests(cls, metafunc: pytest.Metafunc) -> None:
        """All rules with `nox -s long`; by default without the one that takes longest."""
        rules = cls.rules()
        quick = tuple(rule for rule in rules if rule.name != "commit.after_kill")
        metafunc.parametrize("rule", figure(quick, rules), ids=lambda rule: rule.name)

    def cases(self) -> Iterator[WriterCases]:
        with tempfile.TemporaryDirectory() as name:
            lake, file = Path(name, "lake"), Path(name, "file")
            lake.mkdir()
            file.touch()
            yield WriterCases(
                good={"path": str(lake)},
                bad_credentials=Inapplicable("a folder has no login"),
                unreachable=Inapplicable("a folder that is not there is made"),
                missing_privilege=Denied(config={"path": "/sys/lake"}, stream="orders"),
                errors={
                    "RESOURCE_NOT_FOUND": {"path": str(file / "lake")},
                    "WRITE_FAILED": {"path": "/proc/lake"},
                },
                staged=lambda: [str(path) for path in lake.glob(".dativo/parquet/*/staging/*")],
            )


@pytest.mark.slow
class TestStore(WriterConformance):
    connector = "parquet"
    not_verified = _NOT_VERIFIED

    @classmethod
    def rules(cls) -> tuple[Rule, ...]:
        """All of them with `nox -s long`; else what is quick and differs from a folder."""
        rules = super().rules()
        return figure(tuple(rule for rule in rules if rule.name in _QUICK), rules)

    def cases(self) -> Iterator[WriterCases]:
        server = s3_server()
        bucket = server.create_bucket()
        unknown = Fault(status=403, code="InvalidAccessKeyId", times=None)
        denied = Fault(method="PUT", status=403, code="AccessDenied", times=None)
        with (
            FaultProxy(server) as proxy,
            FaultProxy(server) as refusing,
            FaultProxy(server) as read_only,
            refusing.failing(unknown),
            read_only.failing(denied),
            socket.socket() as nobody,
        ):
            nobody.bind(("127.0.0.1", 0))
            yield WriterCases(
                good=_settings(bucket, server.url),
                bad_credentials=_settings(bucket, refusing.url),
                unreachable=_settings(bucket, f"http://127.0.0.1:{nobody.getsockname()[1]}"),
                missing_privilege=Denied(config=_settings(bucket, read_only.url), stream="orders"),
                staged=lambda: _unnamed(bucket, proxy),
            )


def _unnamed(bucket: str, proxy: FaultProxy) -> list[str]:
    """The data files that no entry of a log names."""
    lake = StoreLake(
        path=Path(tempfile.gettempdir()),
        url=f"s3://{bucket}/lake",
        proxy=proxy,
        server=s3_server(),
        bucket=bucket,
    )
    keys, objects = lake.stored(), lake.objects()
    entries = [objects.read(key) for key in keys if "/log/" in key]
    named = b"".join(one.data for one in entries if one is not None)
    return [
        key for key in keys if key.endswith(".parquet") and Path(key).name.encode() not in named
    ]


def _settings(bucket: str, endpoint: str) -> dict[str, Any]:
    storage = {
        "region": "us-east-1",
        "endpoint": endpoint,
        "access_key_id": ACCESS_KEY,
        "secret_access_key": SECRET_KEY,
    }
    return {"path": f"s3://{bucket}/lake", "storage": storage}
