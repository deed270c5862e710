"""The contract 1.0: all that a connector may rely on.

A connector imports ``dativo.contract`` and ``dativo.errors`` and nothing else of the core.
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
    Receipt,
    Staged,
    WriteSession,
)
from dativo.contract._context import (
    Context,
)
from dativo.contract._info import (
    ConnectorInfo,
    ErrorInfo,
    NoOptions,
    Permissions,
    SourceInfo,
    WriterInfo,
)
from dativo.contract._manifest import (
    MANIFEST_FILE,
    MANIFEST_FORMAT,
    Manifest,
)
from dativo.contract._modes import (
    Atomicity,
    Operation,
    ReadMode,
    Replay,
    Role,
    WriteMode,
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
    Stream,
    StreamRequest,
    StreamStatus,
    WriteRequest,
    matches_pattern,
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
    "MANIFEST_FILE",
    "MANIFEST_FORMAT",
    "MAX_CHECKPOINT_BYTES",
    "ArrowArray",
    "ArrowSchema",
    "ArrowStream",
    "Atomicity",
    "Batch",
    "CheckItem",
    "Checkpoint",
    "Commit",
    "CommitRecord",
    "ConnectionTestResult",
    "ConnectorInfo",
    "Context",
    "ErrorInfo",
    "JsonValue",
    "Manifest",
    "NoOptions",
    "Operation",
    "Permissions",
    "ReadMode",
    "Receipt",
    "Replay",
    "Role",
    "Secret",
    "SourceInfo",
    "Staged",
    "Stream",
    "StreamRequest",
    "StreamStatus",
    "Verdict",
    "WriteMode",
    "WriteRequest",
    "WriteSession",
    "WriterInfo",
    "config_schema",
    "hookimpl",
    "hookspec",
    "matches_pattern",
    "setting",
    "settings_of",
]
