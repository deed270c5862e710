"""The writer keeps the contract: one test per rule of Dativo's conformance kit."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from dativo.testing import Denied, Inapplicable, WriterCases, WriterConformance

OTHER_ERRORS = (
    "CAPABILITY_MISSING",
    "COMMIT_UNKNOWN",
    "CONCURRENCY",
    "DATA_VALIDATION",
    "DISK_FULL",
    "STATE_UNREADABLE",
)


class TestConformance(WriterConformance):
    connector = "sample-system"

    def cases(self) -> Iterator[WriterCases]:
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "file").touch()
            hidden = Path(folder, "lake", ".sample-system")
            yield WriterCases(
                good={"path": f"{folder}/lake"},
                bad_credentials=Inapplicable("a folder knows no passwords"),
                unreachable=Inapplicable("a folder is on this machine"),
                # Nobody may make anything there, not even root.
                missing_privilege=Denied(config={"path": "/sys/lake"}, stream="orders"),
                errors={
                    "RESOURCE_NOT_FOUND": {"path": f"{folder}/file/lake"},
                    **dict.fromkeys(OTHER_ERRORS, Inapplicable("no setting brings it about")),
                },
                staged=lambda: [str(path) for path in hidden.glob("*/staging-*")],
            )
