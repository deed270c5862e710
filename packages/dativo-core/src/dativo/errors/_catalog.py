"""Every error of Dativo, grouped by what to do next.

DativoError
├── ConnectionFailedError        reach the system: NetworkError, ConnectTimeoutError, RateLimitError
├── AuthenticationError          mend access: InvalidCredentialsError, TokenExpiredError,
│                                InsufficientPermissionsError
├── ConfigurationError           mend the job file: InvalidConfigError, MissingConfigError,
│                                SchemaValidationError, UsageError
├── DataError                    mend the data or its policy: DataNotFoundError, DataFormatError,
│                                DataValidationError
├── ResourceError                make room: ResourceNotFoundError, ResourceUnavailableError,
│                                DiskFullError, DeadlineExceededError
├── PluginError                  mend the installation: PluginNotFoundError, PluginLoadError,
│                                PluginVersionError, PluginExecutionError, CapabilityMissingError,
│                                ContractViolationError, NotVerifiedError
├── TransientError               try again: ServiceUnavailableError, DatabaseLockError,
│                                ConcurrencyError, WriteFailedError, StalledError
├── StateError                   mend the state: StateUnreadableError, StateLockedError
├── CommitUnknownError           look before you retry
├── PartialFailureError          some streams failed, each with an error of its own
├── RunInterruptedError          somebody stopped the run; committed work is kept
└── InternalError                a bug of Dativo

Exit codes are part of the contract with schedulers; they never change their meaning.
"""

from __future__ import annotations

import attrs

from dativo.errors._base import DativoError

__all__ = [
    "AuthenticationError",
    "CapabilityMissingError",
    "CommitUnknownError",
    "ConcurrencyError",
    "ConfigurationError",
    "ConnectTimeoutError",
    "ConnectionFailedError",
    "ContractViolationError",
    "DataError",
    "DataFormatError",
    "DataNotFoundError",
    "DataValidationError",
    "DatabaseLockError",
    "DeadlineExceededError",
    "DiskFullError",
    "InsufficientPermissionsError",
    "InternalError",
    "InvalidConfigError",
    "InvalidCredentialsError",
    "MissingConfigError",
    "NetworkError",
    "NotVerifiedError",
    "PartialFailureError",
    "PluginError",
    "PluginExecutionError",
    "PluginLoadError",
    "PluginNotFoundError",
    "PluginVersionError",
    "Problem",
    "RateLimitError",
    "ResourceError",
    "ResourceNotFoundError",
    "ResourceUnavailableError",
    "RunInterruptedError",
    "SchemaValidationError",
    "ServiceUnavailableError",
    "StalledError",
    "StateError",
    "StateLockedError",
    "StateUnreadableError",
    "TokenExpiredError",
    "TransientError",
    "UsageError",
    "WriteFailedError",
]


# --- reach the system ---------------------------------------------------------------------------


class ConnectionFailedError(DativoError):
    """The system could not be reached, or the connection to it broke."""

    code = "CONNECTION_FAILED"
    exit_code = 22
    default_retryable = True
    default_fix = "Check that the host and port are right and that the service is up, then retry."


class NetworkError(ConnectionFailedError):
    """The network refused, reset or lost the connection, or the host name does not resolve."""

    code = "NETWORK"
    default_fix = "Check the host name, the port and the route to it (DNS, firewall), then retry."


class ConnectTimeoutError(ConnectionFailedError):
    """The system did not answer within the time allowed."""

    code = "CONNECT_TIMEOUT"
    default_fix = "Check that nothing drops packets to the host, or raise the connector's timeout."


class RateLimitError(ConnectionFailedError):
    """The system refused because too much was asked of it in too short a time."""

    code = "RATE_LIMIT"
    exit_code = 23
    default_fix = "Retry after the stated time, or lower the connector's rate or parallelism."


# --- mend access --------------------------------------------------------------------------------


class AuthenticationError(DativoError):
    """The system does not accept who we are."""

    code = "AUTHENTICATION"
    exit_code = 20
    default_fix = "Check the credentials in the job file and what they refer to."


class InvalidCredentialsError(AuthenticationError):
    """The user, the password or the key is wrong."""

    code = "INVALID_CREDENTIALS"
    default_fix = "Check the user and the secret that the job refers to; they were refused."


class TokenExpiredError(AuthenticationError):
    """The token was valid once and is not any more."""

    code = "TOKEN_EXPIRED"
    default_fix = "Renew the token that the job refers to."


class InsufficientPermissionsError(AuthenticationError):
    """We are who we say, but may not do this."""

    code = "INSUFFICIENT_PERMISSIONS"
    exit_code = 21
    default_fix = "Grant the missing privilege, or take what needs it out of the job."


# --- mend the job file --------------------------------------------------------------------------


@attrs.frozen
class Problem:
    """One problem in a file that a person wrote.

    ``line`` and ``column`` count from 1; they are ``None`` where the place is not known.
    """

    message: str
    path: str = ""
    file: str = ""
    line: int | None = None
    column: int | None = None
    hint: str = ""

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        text = f"{self.path}: {self.message}" if self.path else self.message
        text = f"{place} {text}" if place else text
        return f"{text} ({self.hint})" if self.hint else text


class ConfigurationError(DativoError):
    """Something that a person wrote must be changed first."""

    code = "CONFIGURATION"
    exit_code = 10
    default_fix = "Mend the job file as the message says."


class InvalidConfigError(ConfigurationError):
    """The job file is wrong in one or more places; all of them are in ``problems``."""

    code = "INVALID_CONFIG"
    default_fix = "Mend the named lines; `dativo schema job` gives editors the job file's schema."

    def __init__(
        self, message: str, *, problems: tuple[Problem, ...] = (), fix: str | None = None
    ) -> None:
        super().__init__(message, fix=fix, phase="config")
        self.problems = problems
        self.details["problems"] = [attrs.asdict(problem) for problem in problems]


class MissingConfigError(ConfigurationError):
    """A file, an environment variable or a value that the job refers to does not exist."""

    code = "MISSING_CONFIG"
    default_fix = "Set the variable or create the file that the message names."


class SchemaValidationError(ConfigurationError):
    """The job asks for columns, keys or cursors that the stream's schema does not have."""

    code = "SCHEMA_VALIDATION"
    default_fix = "Compare the job with `dativo discover` and mend the names."


class UsageError(ConfigurationError):
    """The command line was used wrongly."""

    code = "USAGE"
    exit_code = 2
    default_fix = "See `dativo --help`."


# --- mend the data or its policy ----------------------------------------------------------------


class DataError(DativoError):
    """The data is not what the job, the schema or the target can take."""

    code = "DATA"
    exit_code = 30
    default_fix = "Mend the named value in the source, or choose a policy for it in the job file."


class DataNotFoundError(DataError):
    """A position that must exist in the source is gone, such as events older than it keeps."""

    code = "DATA_NOT_FOUND"
    default_fix = "Run once with --full-refresh."


class DataFormatError(DataError):
    """A value cannot be represented exactly in the type that it must have."""

    code = "DATA_FORMAT"


class DataValidationError(DataError):
    """The schema changed in a way that published data cannot follow, or a rule is violated."""

    code = "DATA_VALIDATION"
    default_fix = "Undo the change in the source, or publish anew with --full-refresh."


# --- make room ----------------------------------------------------------------------------------


class ResourceError(DativoError):
    """Something that the work needs is missing or used up."""

    code = "RESOURCE"
    exit_code = 50
    default_fix = "Free or add what the message names."


class ResourceNotFoundError(ResourceError):
    """What the job names, such as a database, a table or a bucket, does not exist."""

    code = "RESOURCE_NOT_FOUND"
    exit_code = 10
    default_fix = "Compare the name in the job file with `dativo discover`."


class ResourceUnavailableError(ResourceError):
    """A limit is reached: memory, connections, open files."""

    code = "RESOURCE_UNAVAILABLE"
    default_fix = "Lower run.parallelism or run.memory in the job, or raise the limit."
    default_retryable = True


class DiskFullError(ResourceError):
    """There is no room left where data, state or temporary files are written."""

    code = "DISK_FULL"
    default_fix = "Free space on the file system that the message names, then run again."


class DeadlineExceededError(ResourceError):
    """The run did not end within ``run.timeout``; what was committed is kept."""

    code = "DEADLINE_EXCEEDED"
    default_fix = "Run again (committed work is kept), or raise run.timeout in the job file."
    default_retryable = True


# --- mend the installation ----------------------------------------------------------------------


class PluginError(DativoError):
    """A plugin cannot be used."""

    code = "PLUGIN"
    exit_code = 13
    default_fix = "See `dativo plugins list`, or ask the plugin's publisher."


class PluginNotFoundError(PluginError):
    """No installed plugin has this name, or more than one has it."""

    code = "PLUGIN_NOT_FOUND"
    exit_code = 11
    default_fix = "Install the distribution that provides the connector."


class PluginLoadError(PluginError):
    """The plugin raised on import, or what its entry point names does not exist."""

    code = "PLUGIN_LOAD"
    default_fix = "Reinstall or upgrade the plugin's distribution."


class PluginVersionError(PluginError):
    """The plugin and this core have no contract version in common."""

    code = "PLUGIN_VERSION"
    exit_code = 12
    default_fix = "Upgrade the older side; `dativo plugins list` prints the command."


class PluginExecutionError(PluginError):
    """The plugin raised an error that it did not classify."""

    code = "PLUGIN_EXECUTION"
    default_fix = "Run with --debug and report it to the plugin's publisher."


class CapabilityMissingError(PluginError):
    """The plugin does not implement what the job asks of it."""

    code = "CAPABILITY_MISSING"
    default_fix = "Choose a mode or a connector that has it; see `dativo plugins show`."


class ContractViolationError(PluginError):
    """The plugin did something that the contract forbids."""

    code = "CONTRACT_VIOLATION"
    default_fix = "Report it to the plugin's publisher; the message names the rule."


class NotVerifiedError(PluginError):
    """It could not be shown that the plugin keeps the contract; nothing broken was found."""

    code = "NOT_VERIFIED"
    default_fix = "Give the situations that the open rules name, or say why they cannot be given."


# --- try again ----------------------------------------------------------------------------------


class TransientError(DativoError):
    """It is expected to work later, unchanged."""

    code = "TRANSIENT"
    exit_code = 22
    default_retryable = True
    default_fix = "Retry later."


class ServiceUnavailableError(TransientError):
    """The system is up but cannot serve now: starting, stopping, overloaded, failing over."""

    code = "SERVICE_UNAVAILABLE"


class DatabaseLockError(TransientError):
    """The source could not give a lock or cancelled the statement in favour of somebody else."""

    code = "DATABASE_LOCK"
    default_fix = "Retry later, or raise the connector's lock or statement timeout."


class ConcurrencyError(TransientError):
    """Somebody else published to the same place in the meantime; nothing of ours was."""

    code = "CONCURRENCY"
    exit_code = 60
    default_fix = "Make sure that only one job writes there, then run again."


class WriteFailedError(TransientError):
    """The target refused; nothing was committed."""

    code = "WRITE_FAILED"
    exit_code = 40
    default_fix = "Check the target, then run again; nothing was committed."


class StalledError(TransientError):
    """Nothing moved for longer than ``run.stall_timeout``."""

    code = "STALLED"
    default_fix = "Check what the source waits for (locks, network), or raise run.stall_timeout."


# --- mend the state -----------------------------------------------------------------------------


class StateError(DativoError):
    """State and published data do not fit together; nothing is guessed."""

    code = "STATE"
    exit_code = 60
    default_fix = (
        "Compare both with `dativo state show --published`; then restore the older side from a "
        "backup, or run once with --full-refresh."
    )


class StateUnreadableError(StateError):
    """The state store exists but cannot be read; it is never taken for an empty one."""

    code = "STATE_UNREADABLE"
    default_fix = (
        "Run `dativo state rebuild --config JOB_FILE`: it keeps the damaged file and restores the "
        "state from the published data."
    )


class StateLockedError(StateError):
    """Another run of this job is in progress, or another process keeps the state busy."""

    code = "STATE_LOCKED"
    default_retryable = True
    default_fix = "Wait for the run that the message names to end."


# --- the rest -----------------------------------------------------------------------------------


class CommitUnknownError(DativoError):
    """The target did not say whether the commit happened; the next run finds out by itself."""

    code = "COMMIT_UNKNOWN"
    exit_code = 41
    default_retryable = True
    default_fix = "Run again: the next run reads back what was published before it writes."


class PartialFailureError(DativoError):
    """Some streams or jobs failed and the others are done; each has its own error."""

    code = "PARTIAL_FAILURE"
    exit_code = 31
    default_fix = "Mend what the failed streams name and run again; finished streams are kept."


class RunInterruptedError(DativoError):
    """A signal stopped the run; what was committed before is kept."""

    code = "INTERRUPTED"
    exit_code = 130
    default_retryable = True
    default_fix = "Run again to continue."


class InternalError(DativoError):
    """Dativo did something that it never should; this is a bug."""

    code = "INTERNAL"
    default_fix = "Report it with the output of the same command under --debug."
