from __future__ import annotations

import psycopg
import pytest

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
from dativo_connector_postgres._errors import from_driver, tidy

STATES = {
    "08006": NetworkError,
    "08P01": NetworkError,
    "0A000": ConfigurationError,
    "22012": DataFormatError,
    "25006": ConfigurationError,
    "25P03": ServiceUnavailableError,
    "28000": InvalidCredentialsError,
    "28P01": InvalidCredentialsError,
    "3D000": ResourceNotFoundError,
    "3F000": ResourceNotFoundError,
    "40001": DatabaseLockError,
    "40P01": DatabaseLockError,
    "42501": InsufficientPermissionsError,
    "42601": ConfigurationError,
    "42703": SchemaValidationError,
    "42P01": ResourceNotFoundError,
    "53100": ResourceUnavailableError,
    "53200": ResourceUnavailableError,
    "53300": ResourceUnavailableError,
    "55P03": DatabaseLockError,
    "57014": DatabaseLockError,
    "57P01": ServiceUnavailableError,
    "57P03": ServiceUnavailableError,
    "58030": ServiceUnavailableError,
    "XX001": DataError,
    "99999": ConnectionFailedError,
}

WORDS = {
    'FATAL:  password authentication failed for user "a"': InvalidCredentialsError,
    'FATAL:  role "a" does not exist': InvalidCredentialsError,
    "fe_sendauth: no password supplied": InvalidCredentialsError,
    'FATAL:  database "a" does not exist': ResourceNotFoundError,
    'FATAL:  permission denied for database "a"': InsufficientPermissionsError,
    'FATAL:  no pg_hba.conf entry for host "10.0.0.1", no encryption': AuthenticationError,
    "FATAL:  sorry, too many clients already": ResourceUnavailableError,
    "FATAL:  remaining connection slots are reserved": ResourceUnavailableError,
    "FATAL:  the database system is starting up": ServiceUnavailableError,
    "FATAL:  the database system is shutting down": ServiceUnavailableError,
    "FATAL:  unsupported startup parameter: options": ConfigurationError,
    "connection timeout expired": ConnectTimeoutError,
    "SSL error: certificate verify failed": AuthenticationError,
    "server does not support SSL, but SSL was required": AuthenticationError,
    "could not translate host name": NetworkError,
    "server closed the connection unexpectedly": NetworkError,
    "SSL SYSCALL error: EOF detected": NetworkError,
    'invalid snapshot identifier: "x"': ServiceUnavailableError,
    "could not import the requested snapshot": ServiceUnavailableError,
    "something new": ConnectionFailedError,
}


@pytest.mark.parametrize("state", STATES)
def test_sqlstate_says_what_to_do(state: str) -> None:
    error = psycopg.Error("text")
    error.sqlstate = state

    mapped = from_driver(error, stream="public.t")

    assert type(mapped) is STATES[state]
    assert mapped.details["sqlstate"] == state
    assert mapped.stream == "public.t"
    assert mapped.fix


@pytest.mark.parametrize("text", WORDS)
def test_words_of_libpq_say_what_to_do(text: str) -> None:
    mapped = from_driver(psycopg.OperationalError(f"connection failed: {text}"))

    assert type(mapped) is WORDS[text]
    assert mapped.fix


def test_own_error_passes_and_gets_its_place() -> None:
    error = DativoError("x")

    assert from_driver(error, stream="s") is error
    assert error.stream == "s"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            (
                "INVALID_DATA: [libpq] Execution error [PGRES_FATAL_ERROR]: "
                "ERROR:  division by zero\n. SQLSTATE: 22012"
            ),
            "division by zero",
        ),
        (
            (
                "NOT_IMPLEMENTED: [libpq] Failed to prepare query: "
                "ERROR:  no\nLINE 1: select 1\n   ^\nDETAIL: x"
            ),
            "no",
        ),
        ("connection failed: FATAL:  a\n\tb", "a b"),
        ("INVALID_STATE: [libpq] Failed to execute query 'SELECT ''ERROR''': ERROR:  x", "x"),
    ],
)
def test_messages_lose_the_wrapping_of_the_driver(text: str, expected: str) -> None:
    assert tidy(text) == expected
