"""Choose how the progress of a run is shown."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from dativo.cli._render_events import PlainProgress

if TYPE_CHECKING:
    from dativo.cli._session import Session
    from dativo.engine import Event

__all__ = ["open_progress"]


def open_progress(session: Session) -> AbstractContextManager[Callable[[Event], None]]:
    """Return what shows events while it is entered, on standard error."""
    if session.notes.is_styled:
        from dativo.cli._render_live import LiveProgress  # rich is slow to import
        from dativo.cli._render_rich import RichPage  # as above

        assert isinstance(session.notes, RichPage)
        return LiveProgress(session, session.notes)
    return PlainProgress(session)
