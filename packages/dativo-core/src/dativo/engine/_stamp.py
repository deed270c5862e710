"""Operator changes as commits: an epoch without records that carries another checkpoint."""

from __future__ import annotations

from dativo.contract import Checkpoint, Receipt, WriteMode
from dativo.engine._epoch import Epoch
from dativo.engine._exclusive import Exclusive
from dativo.engine._writing import StreamPlan, open_writing
from dativo.errors import ConfigurationError, StateError

__all__ = ["stamp"]


def stamp(plan: StreamPlan, own: Exclusive, checkpoint: Checkpoint | None) -> Receipt:
    """Publish an epoch without records for the stream of *plan*, and store it as state.

    The next run reads on from *checkpoint*, or from the beginning if it is ``None``. The old
    checkpoint may be one of another cursor or source: it is given up.

    Raises:
        ConfigurationError: The stream is exchanged by each run, so it has no checkpoint.
        StateError: Nothing is published, or state and target do not fit together.
        ContractViolationError: *checkpoint* is no JSON, or too large.
        ConcurrencyError: Somebody else holds the stream; another try may succeed.
        DativoError: The target refused.
    """
    if plan.write.mode is WriteMode.REPLACE:
        msg = f"stream {plan.stream!r} is exchanged by each run; it has no state to change"
        raise ConfigurationError(msg, stream=plan.stream)
    if checkpoint is not None:
        checkpoint.to_json()
    with open_writing(
        plan, own.sides.pipe.writer, control=own.control, store=own.store, resumes=False
    ) as writing:
        if writing.start.record is None:
            msg = f"nothing of stream {plan.stream!r} is published, so there is no state to change"
            raise StateError(msg, fix="Run the job first.", stream=plan.stream)
        return writing.commit(Epoch(checkpoint=checkpoint))
