"""The contract 1.0: all that a connector or an extension may rely on.

A plugin imports ``dativo.contract`` and ``dativo.errors`` and nothing else of the core.
"""

from dativo.contract._arrow import (
    ArrowArray,
    ArrowSchema,
    ArrowStream,
)
from dativo.contract._check import (
    CheckItem,
    ConnectionTestResult,
    Verdict,
)
from dativo.contract._commits import (
    Commit,
    CommitRecord,
    DeletingSession,
    Receipt,
    Staged,
    WriteSession,
)
from dativo.contract._context import (
    Context,
)
from dativo.contract._events import (
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
    StreamOutcome,
    StreamStarted,
    System,
)
from dativo.contract._extensions import (
    ExtensionInfo,
    ExtensionKind,
    ObserverSession,
    Transform,
    TransformRequest,
)
from dativo.contract._failpoints import (
    FAILPOINT_VARIABLE,
    failpoint,
)
from dativo.contract._info import (
    ConnectorInfo,
    ErrorInfo,
    NoOptions,
    Permissions,
    SourceInfo,
    WriterInfo,
)
from dativo.contract._locks import (
    LEASE_SECONDS,
    FileLock,
    HeldLock,
    file_lock,
    lock_holder,
)
from dativo.contract._manifest import (
    MANIFEST_FILE,
    MANIFEST_FORMAT,
    Manifest,
)
from dativo.contract._modes import (
    Atomicity,
    Guarantee,
    Operation,
    ReadMode,
    Replay,
    Role,
    WriteMode,
)
from dativo.contract._plans import (
    CompactResult,
    ReadPlan,
    WritePlan,
)
from dativo.contract._schema import (
    config_schema,
    settings_of,
)
from dativo.contract._secret import (
    Secret,
)
from dativo.contract._settings import (
    setting,
)
from dativo.contract._streams import (
    MAX_CHECKPOINT_BYTES,
    Batch,
    Checkpoint,
    JsonValue,
    RowCount,
    Stream,
    StreamRequest,
    StreamStatus,
    WriteRequest,
    matches_pattern,
)
from dativo.contract._url import (
    Url,
)
from dativo.contract._version import (
    CONNECTOR_GROUP,
    CONNECTOR_GROUP_PREFIX,
    CONTRACT_MAJOR,
    CONTRACT_MINOR,
    CONTRACT_VERSION,
    EXTENSION_GROUP,
)
from dativo.contract.hookspecs import (
    hookimpl,
    hookspec,
)

__all__ = [
    "CONNECTOR_GROUP",
    "CONNECTOR_GROUP_PREFIX",
    "CONTRACT_MAJOR",
    "CONTRACT_MINOR",
    "CONTRACT_VERSION",
    "EXTENSION_GROUP",
    "FAILPOINT_VARIABLE",
    "LEASE_SECONDS",
    "MANIFEST_FILE",
    "MANIFEST_FORMAT",
    "MAX_CHECKPOINT_BYTES",
    "ArrowArray",
    "ArrowSchema",
    "ArrowStream",
    "Atomicity",
    "Batch",
    "BatchRead",
    "CheckItem",
    "Checkpoint",
    "Commit",
    "CommitRecord",
    "CompactResult",
    "ConnectionTestResult",
    "ConnectorInfo",
    "Context",
    "DeletingSession",
    "EpochCommitted",
    "ErrorInfo",
    "Event",
    "ExtensionInfo",
    "ExtensionKind",
    "FileLock",
    "Guarantee",
    "HeldLock",
    "JsonValue",
    "Manifest",
    "Message",
    "NoOptions",
    "ObserverSession",
    "Operation",
    "Permissions",
    "ReadMode",
    "ReadPlan",
    "Receipt",
    "Replay",
    "RetryScheduled",
    "Role",
    "RowCount",
    "RunFinished",
    "RunOutcome",
    "RunStarted",
    "SchemaRead",
    "Secret",
    "SourceInfo",
    "Staged",
    "Stream",
    "StreamFinished",
    "StreamOutcome",
    "StreamRequest",
    "StreamStarted",
    "StreamStatus",
    "System",
    "Transform",
    "TransformRequest",
    "Url",
    "Verdict",
    "WriteMode",
    "WritePlan",
    "WriteRequest",
    "WriteSession",
    "WriterInfo",
    "config_schema",
    "failpoint",
    "file_lock",
    "hookimpl",
    "hookspec",
    "lock_holder",
    "matches_pattern",
    "setting",
    "settings_of",
]
