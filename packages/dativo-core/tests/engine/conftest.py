"""Retries that do not wait."""

from __future__ import annotations

import functools

import pytest

from dativo.engine._retry import RetryPolicy


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits of a retry are short; the layer itself stays what it is."""
    short = functools.partial(RetryPolicy, base_seconds=0.01)
    monkeypatch.setattr("dativo.engine._means.RetryPolicy", short)
