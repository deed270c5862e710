"""What of a job's connectors is deprecated, told once."""

from __future__ import annotations

from dativo.engine._control import RunControl
from dativo.engine._open import Sides

__all__ = ["tell_notices"]


def tell_notices(sides: Sides, control: RunControl) -> None:
    """Tell what of the connectors of a job is going to be removed."""
    for side in filter(None, (sides.source, sides.writer)):
        for notice in side.connector.notices:
            control.message(str(notice), level="warning", connector=side.name)
