"""Move data from any installed source to any installed writer.

The operations are imported when they are first used, so that ``import dativo`` costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dativo.engine import (
        cat,
        check,
        compact,
        discover,
        list_runs,
        plan,
        preview,
        rebuild_state,
        reset_state,
        run,
        set_state,
        show_run,
        show_state,
    )

    __version__: str

__all__ = [
    "__version__",
    "cat",
    "check",
    "compact",
    "discover",
    "list_runs",
    "plan",
    "preview",
    "rebuild_state",
    "reset_state",
    "run",
    "set_state",
    "show_run",
    "show_state",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = _version() if name == "__version__" else _operation(name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _version() -> str:
    from importlib.metadata import version  # slow, and seldom asked for

    return version("dativo-core")


def _operation(name: str) -> object:
    from dativo import engine  # loads all that a run needs

    value: object = getattr(engine, name)
    return value
