from __future__ import annotations

import pytest

import dativo
from dativo import engine


def test_the_operations_are_those_of_the_engine() -> None:
    assert dativo.check is engine.check
    assert dativo.run is engine.run


def test_the_names_are_sorted_and_visible() -> None:
    assert sorted(dativo.__all__) == dativo.__all__
    assert set(dativo.__all__) <= set(dir(dativo))
    assert [name for name in dativo.__all__ if not hasattr(dativo, name)] == []


def test_another_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        getattr(dativo, "nothing")  # noqa: B009 - the checkers know that it does not exist
