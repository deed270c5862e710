"""Who is told what happens; the events themselves are the contract's."""

from __future__ import annotations

from collections.abc import Callable

from dativo.contract import Event

__all__ = ["Observer"]

Observer = Callable[[Event], None]
