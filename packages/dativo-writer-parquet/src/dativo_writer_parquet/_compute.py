"""Arrow's compute functions by name: ``_compute.take`` is ``pyarrow.compute.take``.

Importing those takes a sixth of a run that finds nothing new, and such a run needs none of them.
"""

from __future__ import annotations

from typing import Any

__all__: list[str] = []


def __getattr__(name: str) -> Any:
    """Return one function; type checkers cannot see them, so to them it is anything.

    Raises:
        AttributeError: Arrow has no function of that *name*.
    """
    import pyarrow.compute  # noqa: PLC0415 - as said above

    return getattr(pyarrow.compute, name)
