"""The writer keeps the contract."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from dativo.testing import Denied, Inapplicable, WriterCases, WriterConformance

NOT_BY_SETTINGS = (
    *("CAPABILITY_MISSING", "COMMIT_UNKNOWN", "CONCURRENCY", "DATA_FORMAT", "DATA_VALIDATION"),
    *("DISK_FULL", "STATE", "STATE_LOCKED", "STATE_UNREADABLE", "WRITE_FAILED"),
)
ERRORS = {code: Inapplicable("records or disks bring it about") for code in NOT_BY_SETTINGS}


class TestJsonl(WriterConformance):
    connector = "jsonl"
    not_verified = {  # noqa: RUF012 - the kit declares it as a class variable
        "hosts.declared": "Arrow's native code writes the files; nothing here opens a socket",
    }

    def cases(self) -> Iterator[WriterCases]:
        with tempfile.TemporaryDirectory() as name:
            (Path(name) / "file").touch()
            yield WriterCases(
                good={"path": f"{name}/lake"},
                bad_credentials=Inapplicable("a folder has no credentials"),
                unreachable=Inapplicable("a folder is on no host"),
                missing_privilege=Denied(config={"path": "/sys/lake"}, stream="any"),
                staged=lambda: [str(one) for one in Path(name).glob("lake/.dativo/**/*.part")],
                errors={**ERRORS, "RESOURCE_NOT_FOUND": {"path": f"{name}/file/lake"}},
            )
