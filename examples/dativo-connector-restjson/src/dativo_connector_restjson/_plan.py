"""What a read would do, without asking the server."""

from __future__ import annotations

from dativo.contract import Checkpoint, Context, ReadMode, ReadPlan, StreamRequest
from dativo_connector_restjson._config import RestConfig
from dativo_connector_restjson._cursor import Horizon, text_of
from dativo_connector_restjson._extract import incremental_of, listing_of

__all__ = ["plan_read"]


def plan_read(
    config: RestConfig, request: StreamRequest, state: Checkpoint | None, context: Context
) -> ReadPlan:
    """Say where a read would begin, and what it relies on.

    Raises:
        DativoError: The stream cannot be read so.
    """
    stream = listing_of(config, request.stream, context).stream
    if request.mode is not ReadMode.INCREMENTAL:
        return ReadPlan(assumptions=(_STILL,) if stream.paging is not None else ())
    incremental = incremental_of(stream, request)
    late = (
        f"No record appears with a {incremental.field} that is older than the newest one read"
        + (f" by more than the overlap of {incremental.overlap}." if incremental.overlap else ".")
    )
    if state is None or request.lower is not None or request.upper is not None:
        lower = request.lower if request.lower is not None else incremental.start
        return ReadPlan(lower=lower, upper=request.upper, assumptions=(late, _STILL))
    horizon = Horizon.of(state, stream, name=request.stream)
    kind = horizon.types[incremental.field]
    asked = None if horizon.asked is None else text_of(horizon.asked, kind)
    return ReadPlan(lower=asked, assumptions=(late, _STILL))


_STILL = "The server's pages do not shift while they are read, or only by records that are new."
