"""The connector keeps the contract: one test per rule of Dativo's conformance kit."""

from __future__ import annotations

from collections.abc import Iterator

from dativo.testing import Inapplicable, SourceCases, SourceConformance


class TestConformance(SourceConformance):
    connector = "sample-system"

    def cases(self) -> Iterator[SourceCases]:
        # Nothing is proven before you fill in the situations below: settings of a system that tests
        # may use, or of one that is started here. Then take the next line out.
        # The settings are: $settings.
        raise NotImplementedError("fill in the situations in tests/test_conformance.py")
        yield SourceCases(
            good={},
            bad_credentials={},
            unreachable={},
            # What cannot occur with this system is said, with the reason.
            missing_privilege=Inapplicable("why it cannot occur"),
            streams=("all", "streams", "that", "discover", "finds"),
        )
