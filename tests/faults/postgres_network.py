"""Rows: what the network between us and the server does at a byte of choice."""

from __future__ import annotations

from collections.abc import Callable

from fault_frame import Row, Workspace
from fault_postgres import bench

from dativo_test_support.proxy import FaultKind

__all__ = ["ROWS"]


def _case(name: str, kind: FaultKind, seconds: float | None) -> Callable[[int, Workspace], None]:
    def case(number: int, workspace: Workspace) -> None:
        with bench(name, number, workspace) as found:
            before = found.now()
            found.proxy.arm(found.somewhere(kind, seconds=seconds))
            found.ends_well(found.dativo("run", "--json"), before)
            assert found.proxy.struck, "the run was over before the fault"
            found.recovers()

    return case


def _row(
    what: str, kind: FaultKind, about: str, *, seconds: float | None = None, quick: int = 0
) -> Row:
    name = f"postgres.{what}"
    return Row(
        name=name,
        about=f"PostgreSQL: {about}, at a random byte",
        demanded=20,
        case=_case(name, kind, seconds),
        sampled=4,
        quick=quick,
    )


ROWS = (
    _row("reset", FaultKind.RESET, "a connection is reset", quick=1),
    _row("half_close", FaultKind.HALF_CLOSE, "one direction of a connection ends"),
    _row("stall", FaultKind.STALL, "one direction of a connection stands still"),
    _row("stall_short", FaultKind.STALL, "a connection stands still for a second", seconds=1),
    _row("crawl", FaultKind.CRAWL, "a connection has 1 KB per second left", seconds=6),
    _row("dark", FaultKind.DARKNESS, "nothing is answered any more"),
    _row("refuse", FaultKind.REFUSE, "the server is away for a second", seconds=1),
)
