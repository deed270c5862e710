"""Looking at a writer's target from another process, as another machine or checkout does."""

from __future__ import annotations

import attrs

from dativo.contract import CommitRecord
from dativo.testing._child import in_child
from dativo.testing._rules import NotVerified
from dativo.testing._target import Target, next_fence

__all__ = ["record_elsewhere"]


def record_elsewhere(target: Target, *, fence: int | None = None) -> CommitRecord | None:
    """Open a session in a process of its own, and return what it says is published last.

    Raises:
        NotVerified: The process did not come to its end.
    """
    request = {"target": attrs.asdict(target), "fence": fence or next_fence()}
    end = in_child("_writing_child:last_record", request)
    if not end.has_ended:
        raise NotVerified(f"another process could not look: {end.reason}")
    return None if end.answer is None else CommitRecord.from_json(end.answer)
