"""Who may publish a stream: the newest run that has claimed it."""

from __future__ import annotations

import json

import attrs

from dativo.contract import Context
from dativo.errors import ConcurrencyError, StateUnreadableError
from dativo_writer_jsonl._disk import write_file
from dativo_writer_jsonl._layout import Place

__all__ = ["Claim", "claim", "require_claim"]


@attrs.frozen(kw_only=True)
class Claim:
    """A run that may publish, until a run of the job with a higher fence comes."""

    job_id: str
    run_id: str
    fence: int

    @classmethod
    def of(cls, context: Context) -> Claim:
        """Return the claim of this run."""
        return cls(job_id=context.job_id, run_id=context.run_id, fence=context.fence)


def claim(place: Place, mine: Claim) -> None:
    """Make *mine* the claim on the stream, durably; call it under the lock.

    Raises:
        ConcurrencyError: The run that has claimed it is of another job, or newer.
    """
    holder = _holder(place)
    if holder == mine:
        return
    if holder is not None and not (holder.job_id == mine.job_id and holder.fence < mine.fence):
        raise _refused(place, mine, holder)
    write_file(place.claim, json.dumps({"format": 1, **attrs.asdict(mine)}, sort_keys=True))


def require_claim(place: Place, mine: Claim) -> None:
    """Make sure that no newer run has come; call it under the lock.

    Raises:
        ConcurrencyError: One has.
    """
    holder = _holder(place)
    if holder != mine:
        raise _refused(place, mine, holder)


def _holder(place: Place) -> Claim | None:
    try:
        return _parsed(place.claim.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StateUnreadableError(
            f"the claim {place.claim} is damaged: {error!r}",
            fix=f"Make sure that no run is in progress, then remove {place.claim}.",
            stream=place.stream,
        ) from error


def _parsed(text: str) -> Claim:
    document = json.loads(text)
    if document.pop("format") != 1:
        raise ValueError("not a claim of format 1")
    return Claim(**document)


def _refused(place: Place, mine: Claim, holder: Claim | None) -> ConcurrencyError:
    details: dict[str, object] = {}
    whose = "by nobody any more"
    if holder is not None:
        whose = f"by run {holder.run_id} of job {holder.job_id} with fence {holder.fence}"
        details["holder"] = attrs.asdict(holder)
        if holder.job_id == mine.job_id:  # fences of two jobs cannot be compared
            details["fence"] = holder.fence
    return ConcurrencyError(
        f"{place.data} is claimed {whose}; this is run {mine.run_id} with fence {mine.fence}, and "
        "nothing of it was published",
        details=details,
        stream=place.stream,
    )
