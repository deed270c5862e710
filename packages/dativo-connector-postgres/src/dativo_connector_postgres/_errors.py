"""From the driver's failures to errors with a code and a fix: by SQLSTATE, else by words."""

from __future__ import annotations

import re
from urllib.parse import quote, quote_plus

import psycopg

from dativo.contract import Secret
from dativo.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectionFailedError,
    ConnectTimeoutError,
    DatabaseLockError,
    DataError,
    DataFormatError,
    DativoError,
    InsufficientPermissionsError,
    InvalidCredentialsError,
    NetworkError,
    ResourceNotFoundError,
    ResourceUnavailableError,
    SchemaValidationError,
    ServiceUnavailableError,
)

__all__ = ["SNAPSHOT_LOST", "DriverError", "from_driver", "sqlstate_of", "tidy"]

SNAPSHOT_LOST = "the snapshot of the run is gone"


class DriverError(Exception):
    """What the ADBC driver raised, for those who do not import it."""

    def __init__(self, message: str, sqlstate: str | None) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


_Mapped = tuple[type[DativoError], str | None]

_BY_STATE: dict[str, _Mapped] = {
    "25006": (
        ConfigurationError,
        "A query of a job may only read; take out what writes.",
    ),
    "28000": (InvalidCredentialsError, "Check user, pg_hba.conf and sslmode; the server refused."),
    "28P01": (InvalidCredentialsError, None),
    "3D000": (ResourceNotFoundError, "Check `database`; the server does not have it."),
    "3F000": (ResourceNotFoundError, None),
    "40001": (DatabaseLockError, "Retry; on a standby raise max_standby_streaming_delay."),
    "40P01": (DatabaseLockError, None),
    "42501": (InsufficientPermissionsError, None),
    "42703": (SchemaValidationError, None),
    "42P01": (ResourceNotFoundError, None),
    "53300": (
        ResourceUnavailableError,
        "Lower run.parallelism, or raise max_connections of the server or the role's limit.",
    ),
    "55P03": (DatabaseLockError, "Retry when the lock is gone, or raise `lock_timeout`."),
    "57014": (DatabaseLockError, "Raise `statement_timeout`, or read fewer rows at once."),
    "57P03": (ServiceUnavailableError, None),
    "72000": (ServiceUnavailableError, None),
}

_BY_CLASS: dict[str, _Mapped] = {
    "08": (NetworkError, None),
    "0A": (ConfigurationError, "The server cannot do this; change the stream in the job file."),
    "22": (DataFormatError, None),
    "25": (ServiceUnavailableError, None),
    "28": (AuthenticationError, None),
    "40": (DatabaseLockError, None),
    "42": (ConfigurationError, "Mend the `query` or the `where` of the stream in the job file."),
    "53": (ResourceUnavailableError, "The server has no room left; see its log."),
    "55": (ServiceUnavailableError, None),
    "57": (ServiceUnavailableError, None),
    "58": (ServiceUnavailableError, None),
    "XX": (DataError, "The server reports damaged data or a bug of its own; see its log."),
}

_TLS_FIX = "Check sslmode, sslrootcert, sslcert and sslkey against what the server offers."

_NO_SNAPSHOT = re.compile(r"snapshot .*does not exist|invalid snapshot|import the .*snapshot")

_BROKEN = re.compile(
    r"could not (translate|connect|receive|send)|failed to resolve|Connection (refused|reset)|"
    r"server closed the connection|No route|unreachable|no connection to the server|"
    r"connection (is )?(closed|lost)|unexpected EOF|No such file or directory",
    re.IGNORECASE,
)

# libpq has no SQLSTATE for what happens before a session exists, only words.
_BY_WORDS: tuple[tuple[re.Pattern[str], type[DativoError], str | None], ...] = (
    (re.compile(r"password authentication failed"), InvalidCredentialsError, None),
    (
        re.compile(r"no password supplied|role .* does not exist|peer authentication failed"),
        InvalidCredentialsError,
        None,
    ),
    (
        re.compile(r"database .* does not exist"),
        ResourceNotFoundError,
        "Check `database`; the server does not have it.",
    ),
    (
        re.compile(r"permission denied for database|is not permitted to log in"),
        InsufficientPermissionsError,
        "GRANT CONNECT on the database and LOGIN to the role.",
    ),
    (re.compile(r"no pg_hba\.conf entry"), AuthenticationError, "Allow this user and host there."),
    (re.compile(r"too many (clients|connections)|remaining connection slots"), *_BY_STATE["53300"]),
    (re.compile(r"(starting|shutting) (up|down)|recovery mode"), ServiceUnavailableError, None),
    (
        re.compile(r"unsupported startup parameter"),
        ConfigurationError,
        "A pooler is in the way; connect to the server itself, or let it pass on `options`.",
    ),
    (re.compile(r"timeout expired|timed out"), ConnectTimeoutError, None),
    (re.compile(r"SSL SYSCALL error"), NetworkError, None),
    (
        re.compile(r"certificate|SSL|sslmode|root\.crt|private key file"),
        AuthenticationError,
        _TLS_FIX,
    ),
    (
        _BROKEN,
        NetworkError,
        None,
    ),
)


def sqlstate_of(error: BaseException) -> str | None:
    """Return the five letters that name the failure, where the driver has them."""
    if isinstance(error, psycopg.Error | DriverError):
        return error.sqlstate
    return None


def tidy(text: str, password: Secret | None = None) -> str:
    """Return a driver's message on one line, without its prefixes and without the password."""
    for part in _forms(password):
        text = text.replace(part, "****")
    text = re.sub(r"\.?\s*SQLSTATE: [0-9A-Z]{5}\s*$", "", text)
    text = re.sub(r"^[A-Z_]+: (?=\[libpq\])", "", text.strip())
    text = re.sub(
        r"^.*?Failed to (?:execute|prepare) query.*?(?=ERROR:)", "", text, flags=re.DOTALL
    )
    text = re.sub(
        r"\[libpq\] |Execution error \[PGRES_FATAL_ERROR\]: |^connection failed: ", "", text
    )
    text = re.sub(r"\n(?:LINE \d+:|\s*\^|CONTEXT:).*", "", text, flags=re.DOTALL)
    return " ".join(re.sub(r"\b(ERROR|FATAL):\s+", "", text).split())


def from_driver(
    error: BaseException, *, stream: str | None = None, password: Secret | None = None
) -> DativoError:
    """Return the error of the catalogue that says what to do about *error*."""
    if isinstance(error, DativoError):
        return error.located(stream=stream)
    text = tidy(str(error) or repr(error), password)
    state = sqlstate_of(error)
    if _NO_SNAPSHOT.search(text):
        mapped: DativoError = ServiceUnavailableError(f"{SNAPSHOT_LOST}: {text}", stream=stream)
    else:
        member, fix = _member(state, text)
        mapped = member(text, fix=fix, stream=stream)
    if state is not None:
        mapped.details["sqlstate"] = state
    mapped.__cause__ = None if password is not None and _shows(error, password) else error
    return mapped


def _member(state: str | None, text: str) -> _Mapped:
    if state is not None:
        known = _BY_STATE.get(state) or _BY_CLASS.get(state[:2])
        if known is not None:
            return known
    for pattern, member, fix in _BY_WORDS:
        if pattern.search(text):
            return member, fix
    return ConnectionFailedError, None


def _forms(password: Secret | None) -> tuple[str, ...]:
    raw = password.reveal() if password is not None else ""
    if len(raw) < 4:  # noqa: PLR2004 - shorter texts occur in any message by chance
        return ()
    escaped = raw.replace("\\", "\\\\").replace("'", "\\'")
    return tuple({raw, escaped, quote(raw, safe=""), quote_plus(raw), repr(raw)[1:-1]})


def _shows(error: BaseException, password: Secret) -> bool:
    return any(part in str(error) for part in _forms(password))
