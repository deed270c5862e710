"""The connector keeps the contract: one test per rule of Dativo's conformance kit."""

from __future__ import annotations

from collections.abc import Iterator

from dativo.testing import Inapplicable, WriterCases, WriterConformance


class TestConformance(WriterConformance):
    connector = "sample-system"

    def cases(self) -> Iterator[WriterCases]:
        # Nothing is proven before you fill in the situations below: settings of a system that tests
        # may use, or of one that is started here. Then take the next line out.
        # The settings are: $settings.
        raise NotImplementedError("fill in the situations in tests/test_conformance.py")
        yield WriterCases(
            good={},
            bad_credentials={},
            unreachable={},
            # What cannot occur with this system is said, with the reason.
            missing_privilege=Inapplicable("why it cannot occur"),
        )
