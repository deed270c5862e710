"""The engine: checks, discovers, previews and runs jobs; told as events, answered as results.

What no run needs is imported when it is first asked for, so that a run does not wait for it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from dativo.contract import (
    BatchRead,
    EpochCommitted,
    Event,
    Message,
    RetryScheduled,
    RunFinished,
    RunOutcome,
    RunStarted,
    SchemaRead,
    StreamFinished,
    StreamStarted,
    System,
)
from dativo.engine._cancel import Cancellation
from dativo.engine._events import Observer
from dativo.engine._left_behind import abandoned_threads
from dativo.engine._open import inspect_settings
from dativo.engine._results import (
    CheckReport,
    ConnectorCheck,
    RunResult,
    StreamOutcome,
    StreamResult,
)
from dativo.engine._run import run
from dativo.state import EpochEntry, RunDetail, RunEntry, StreamEntry

if TYPE_CHECKING:
    from dativo.engine._cat import OnRows, Row, cat
    from dativo.engine._change import rebuild_state, reset_state, set_state
    from dativo.engine._check import check
    from dativo.engine._compact import compact
    from dativo.engine._discover import discover, discover_connector
    from dativo.engine._forecast import plan
    from dativo.engine._inspect import list_runs, show_run, show_state
    from dativo.engine._preview import preview
    from dativo.engine._reports import (
        CompactedStream,
        CompactReport,
        PlanReport,
        StreamForecast,
        checkpoint_value,
    )
    from dativo.engine._state_reports import (
        RebuiltStream,
        StateChange,
        StateRebuild,
        StateReport,
        StreamState,
    )
    from dativo.engine._views import (
        DiscoveryResult,
        Field,
        PreviewResult,
        PreviewTable,
        PublishedRows,
    )

__all__ = [
    "BatchRead",
    "Cancellation",
    "CheckReport",
    "CompactReport",
    "CompactedStream",
    "ConnectorCheck",
    "DiscoveryResult",
    "EpochCommitted",
    "EpochEntry",
    "Event",
    "Field",
    "Message",
    "Observer",
    "OnRows",
    "PlanReport",
    "PreviewResult",
    "PreviewTable",
    "PublishedRows",
    "RebuiltStream",
    "RetryScheduled",
    "Row",
    "RunDetail",
    "RunEntry",
    "RunFinished",
    "RunOutcome",
    "RunResult",
    "RunStarted",
    "SchemaRead",
    "StateChange",
    "StateRebuild",
    "StateReport",
    "StreamEntry",
    "StreamFinished",
    "StreamForecast",
    "StreamOutcome",
    "StreamResult",
    "StreamStarted",
    "StreamState",
    "System",
    "abandoned_threads",
    "cat",
    "check",
    "checkpoint_value",
    "compact",
    "discover",
    "discover_connector",
    "inspect_settings",
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

_LATER = {
    name: module
    for module, names in {
        "_cat": ("OnRows", "Row", "cat"),
        "_change": ("rebuild_state", "reset_state", "set_state"),
        "_check": ("check",),
        "_compact": ("compact",),
        "_discover": ("discover", "discover_connector"),
        "_forecast": ("plan",),
        "_inspect": ("list_runs", "show_run", "show_state"),
        "_preview": ("preview",),
        "_reports": (
            "CompactReport",
            "CompactedStream",
            "PlanReport",
            "StreamForecast",
            "checkpoint_value",
        ),
        "_state_reports": (
            "RebuiltStream",
            "StateChange",
            "StateRebuild",
            "StateReport",
            "StreamState",
        ),
        "_views": ("DiscoveryResult", "Field", "PreviewResult", "PreviewTable", "PublishedRows"),
    }.items()
    for name in names
}
"""What is imported when it is asked for, by the module that has it."""


def __getattr__(name: str) -> object:
    if name not in _LATER:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    value = globals()[name] = getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
