"""Variants of the reference writer that keep the contract and promise less."""

from __future__ import annotations

from reference_table import Head, Table
from reference_writer import ReferenceWriter

from dativo.contract import WriteMode

__all__ = ["AppendingWriter", "NeverSweeps", "WithoutReadBack"]


class AppendingWriter(ReferenceWriter):
    """The reference writer with one mode, so that each rule is quick; by itself it is correct."""

    write_modes = (WriteMode.APPEND,)


class WithoutReadBack(AppendingWriter):
    """Cannot show what is published; that is allowed, but nobody can verify it then."""

    read_back = None  # type: ignore[assignment] # so that it is no hook


class NeverSweeps(Table):
    """Leaves what earlier sessions have left behind; by itself that breaks nothing but order."""

    def sweep(self, head: Head) -> None:
        pass
