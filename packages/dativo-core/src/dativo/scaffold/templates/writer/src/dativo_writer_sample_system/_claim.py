"""Who may publish a stream: the newest run, which has the highest fence.

A run that was frozen and overtaken wakes up and believes that it is still alone. Its commits are
refused, because the run that came after it left a higher fence here.
"""

from __future__ import annotations

import json
from typing import Any

from dativo.errors import ConcurrencyError, StateUnreadableError

from ._disk import write_text
from ._place import Place

__all__ = ["claim", "require_claim"]

_FILE = "claim.json"


def claim(place: Place, *, job_id: str, run_id: str, fence: int) -> bool:
    """Put this run's claim on the stream, and say whether it is ours; call it under the lock."""
    holder = _read(place)
    if holder is not None and holder["job_id"] != job_id:
        # Looking is free, and tells whose the records are. A commit would be refused.
        return False
    require_claim(place, job_id=job_id, run_id=run_id, fence=fence)
    own = {"job_id": job_id, "run_id": run_id, "fence": fence}
    write_text(place.folder / _FILE, json.dumps(own))
    return True


def require_claim(place: Place, *, job_id: str, run_id: str, fence: int) -> None:
    """Refuse if a newer run has claimed the stream; call it under the lock."""
    holder = _read(place)
    if holder is None or holder == {"job_id": job_id, "run_id": run_id, "fence": fence}:
        return
    # Fences of two jobs cannot be compared: the first one stays.
    if holder["job_id"] != job_id or holder["fence"] >= fence:
        raise ConcurrencyError(
            f"{place.link} is claimed by run {holder['run_id']} of job {holder['job_id']}",
            # The engine raises its own fence above this one if it knows that the run is over.
            details={"fence": holder["fence"]} if holder["job_id"] == job_id else {},
        )


def _read(place: Place) -> dict[str, Any] | None:
    file = place.folder / _FILE
    try:
        holder: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return {key: holder[key] for key in ("job_id", "run_id", "fence")}
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise StateUnreadableError(f"the claim {file} is damaged: {error!r}") from error
