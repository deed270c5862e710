from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from installed import installed
from reference_cases import ReferenceSuite
from reference_source import ReferenceSource

from dativo.testing import Outcome, run_rule


@pytest.fixture(scope="module", autouse=True)
def connectors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with installed(Path(tmp_path_factory.mktemp("installed")), ReferenceSource):
        yield


@pytest.mark.parametrize("rule", ReferenceSuite.rules(), ids=lambda rule: rule.name)
def test_the_reference_source_passes(rule: object) -> None:
    result = run_rule(rule, ReferenceSuite())  # type: ignore[arg-type]
    assert result.outcome is Outcome.PASSED, result.problems
