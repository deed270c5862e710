from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

import pytest

from dativo.contract import CheckItem, ConnectionTestResult, ReadMode, Verdict
from dativo.errors import (
    AuthenticationError,
    ConfigurationError,
    ConnectTimeoutError,
    DativoError,
    InsufficientPermissionsError,
    InvalidConfigError,
    InvalidCredentialsError,
    NetworkError,
    ResourceNotFoundError,
    ResourceUnavailableError,
    SchemaValidationError,
)
from dativo_connector_postgres._config import SslMode
from dativo_test_support.tls import Certificate, TlsFront

BEFORE_STREAMS = ["host", "tls", "login", "database", "version", "snapshot"]


def verdicts(items: dict[str, CheckItem]) -> dict[str, str]:
    return {scope: item.verdict.value for scope, item in items.items()}


def problem(items: dict[str, CheckItem], scope: str) -> DativoError:
    error = items[scope].error
    assert error is not None
    assert items[scope].verdict is Verdict.FAILED
    assert error.fix
    return error


def test_all_is_well(source: Any) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY, at timestamptz NOT NULL)")
    streams = (
        source.request("public.t"),
        source.request("public.t2", query="SELECT 1 AS one;  "),
        source.request("t", mode=ReadMode.INCREMENTAL, cursor="at"),
    )

    items = source.check(*streams)

    assert list(items) == [*BEFORE_STREAMS, "stream public.t", "stream public.t2", "stream t"]
    assert items["tls"].verdict is Verdict.SKIPPED
    assert "clear text" in items["tls"].message
    assert ConnectionTestResult(tuple(items.values())).is_ok
    assert "PostgreSQL 18" in items["version"].message
    assert "no index begins with at" in items["stream t"].message
    assert source.sessions() == 0


def test_stream_without_a_primary_key_says_how_ties_are_told_apart(source: Any) -> None:
    source.execute("CREATE TABLE t (at timestamptz); CREATE INDEX ON t (at)")

    items = source.check(source.request("public.t", mode=ReadMode.INCREMENTAL, cursor="at"))

    assert items["stream public.t"].message == (
        "1 column; without a primary key, rows of one cursor value are told apart by content"
    )


def test_host_name_that_does_not_resolve(source: Any) -> None:
    source.settings["host"] = "no-such-host.invalid"

    items = source.check(source.request("public.t"))

    assert isinstance(problem(items, "host"), NetworkError)
    assert "does not resolve" in items["host"].message
    assert {items[scope].verdict for scope in ("tls", "login", "database")} == {Verdict.SKIPPED}


@pytest.mark.parametrize("host", ["bad host", "x" * 300, "é" * 70])
def test_host_that_is_no_host_name(source: Any, host: str) -> None:
    source.settings["host"] = host

    assert isinstance(problem(source.check(), "host"), NetworkError)


def test_port_that_nobody_listens_on(source: Any) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        source.settings["port"] = unused.getsockname()[1]

        items = source.check()

    assert isinstance(problem(items, "host"), NetworkError)
    assert "refused" in items["host"].message


def test_port_that_never_answers(source: Any) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        source.settings |= {"port": mute.getsockname()[1], "connect_timeout": 2}

        items = source.check()

    assert isinstance(problem(items, "login"), ConnectTimeoutError)
    assert items["host"].verdict is Verdict.OK


def test_waits_end_by_the_deadline(source: Any) -> None:
    # Far beyond what a test may take, as are the default settings of a statement.
    source.settings |= {"connect_timeout": 3600}
    source.context.deadline = time.monotonic() + 4
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        source.settings["port"] = mute.getsockname()[1]

        items = source.check()

    assert isinstance(problem(items, "login"), ConnectTimeoutError)


def test_host_that_drops_packets(source: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: object) -> socket.socket:
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", never)

    assert isinstance(problem(source.check(), "host"), ConnectTimeoutError)


def test_several_hosts_need_one_that_answers(source: Any) -> None:
    source.settings["host"] = f"no-such-host.invalid,{source.address.host}"

    items = source.check()

    assert items["host"].verdict is Verdict.OK
    assert items["login"].verdict is Verdict.OK


def test_socket_folder_that_does_not_exist(source: Any, tmp_path: Path) -> None:
    source.settings["host"] = str(tmp_path)

    items = source.check()

    assert items["host"].verdict is Verdict.SKIPPED
    assert isinstance(problem(items, "login"), NetworkError)


@pytest.mark.parametrize(
    "setting", [{"password": "wrong"}, {"user": "nobody_at_all"}, {"user": "o'b\\r ien"}]
)
def test_wrong_credentials(source: Any, setting: dict[str, str]) -> None:
    source.settings.update(setting)

    items = source.check(source.request("public.t"))

    assert isinstance(problem(items, "login"), InvalidCredentialsError)
    assert items["database"].verdict is Verdict.SKIPPED


def test_database_that_does_not_exist(source: Any) -> None:
    source.settings["database"] = "no such db"

    items = source.check()

    assert items["login"].verdict is Verdict.OK
    assert isinstance(problem(items, "database"), ResourceNotFoundError)
    assert 'database "no such db" does not exist' in items["database"].message


def test_setting_that_no_connection_string_can_hold(source: Any) -> None:
    source.settings["database"] = "a\0b"

    assert isinstance(problem(source.check(), "login"), InvalidConfigError)


def test_tls_that_the_server_does_not_have(source: Any) -> None:
    source.settings["sslmode"] = SslMode.REQUIRE

    items = source.check()

    assert isinstance(problem(items, "tls"), AuthenticationError)
    assert "sslmode" in items["tls"].fix
    assert items["login"].verdict is Verdict.SKIPPED


@pytest.mark.parametrize("sslmode", ["require", "verify-ca", "verify-full"])
def test_tls_is_used_and_read_through(source: Any, tmp_path: Path, sslmode: str) -> None:
    source.execute("CREATE TABLE t AS SELECT 1 AS v")
    certificate = Certificate.make(tmp_path)
    with TlsFront(source.address, certificate) as front:
        source.settings |= {
            "port": front.address.port,
            "sslmode": SslMode(sslmode),
            "sslrootcert": certificate.certificate,
        }

        items = source.check(source.request("public.t"))
        table = source.read("public.t")

    assert items["tls"].verdict is Verdict.OK
    assert ("is verified" if sslmode.startswith("verify") else "not verified") in items[
        "tls"
    ].message
    assert items["stream public.t"].verdict is Verdict.OK
    assert table.num_rows == 1


def test_certificate_that_is_not_trusted(source: Any, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Certificate.make(tmp_path / "other")
    with TlsFront(source.address, Certificate.make(tmp_path)) as front:
        source.settings |= {
            "port": front.address.port,
            "sslmode": SslMode.VERIFY_FULL,
            "sslrootcert": other.certificate,
        }

        items = source.check()

    assert isinstance(problem(items, "tls"), AuthenticationError)


def test_missing_table_schema_and_columns(source: Any) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY, v float8); CREATE TABLE empty ()")
    cases = {
        "public.nope": (source.request("public.nope"), ResourceNotFoundError),
        "nope.t": (source.request("nope.t"), ResourceNotFoundError),
        "public.T": (source.request("public.T"), ResourceNotFoundError),
        "a.b.c": (source.request("a.b.c"), SchemaValidationError),
        "public.empty": (source.request("public.empty"), SchemaValidationError),
    }

    items = source.check(*(request for request, _ in cases.values()))

    for name, (_, error) in cases.items():
        assert type(problem(items, f"stream {name}")) is error
    assert problem(items, "stream public.nope").stream == "public.nope"


@pytest.mark.parametrize(
    "parts",
    [
        {"columns": ("id", "nope")},
        {"primary_key": ("nope",)},
        {"cursor": "nope"},
        {"cursor": "v"},
        {"mode": ReadMode.INCREMENTAL},
        {"lower": "1"},
        {"options": {"text_columns": ("nope",)}},
        {"where": "nope = 1"},
        {"query": "SELECT nope"},
        {"query": "SELECT 1 AS a, 2 AS a"},
        {"query": "SELECT"},
    ],
)
def test_what_the_job_names_must_exist_and_suit(source: Any, parts: dict[str, Any]) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY, v float8)")

    items = source.check(source.request("public.t", **parts))

    assert isinstance(problem(items, "stream public.t"), SchemaValidationError)


@pytest.mark.parametrize(
    "parts",
    [
        {"where": "id = "},
        {"where": "id"},
        {"query": "SELECT 1) AS q; SELECT (2"},
        {"query": "DELETE FROM t"},
        {"query": "SELECT 1; DELETE FROM t"},
        {"query": "WITH gone AS (DELETE FROM t RETURNING id) SELECT * FROM gone"},
    ],
)
def test_statement_that_is_not_one_condition_or_query(source: Any, parts: dict[str, Any]) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY)")

    items = source.check(source.request("public.t", **parts))

    assert isinstance(problem(items, "stream public.t"), ConfigurationError)


def test_query_cannot_write_by_a_function(source: Any) -> None:
    source.execute(
        "CREATE TABLE t (id int); CREATE FUNCTION f() RETURNS int LANGUAGE sql AS "
        "$$ INSERT INTO t VALUES (1) RETURNING id $$"
    )

    with pytest.raises(ConfigurationError, match="read-only transaction"):
        source.read("q", query="SELECT f() AS v")


def test_bound_that_is_no_value_of_the_cursor(source: Any) -> None:
    source.execute("CREATE TABLE t (id int PRIMARY KEY)")

    items = source.check(source.request("public.t", cursor="id", lower="abc"))

    error = problem(items, "stream public.t")
    assert isinstance(error, SchemaValidationError)
    assert "the bound 'abc' does not suit the cursor 'id': invalid input syntax" in error.message
    nul = source.check(source.request("public.t", cursor="id", upper="1\0"))
    assert isinstance(problem(nul, "stream public.t"), SchemaValidationError)


def test_missing_privileges_come_with_their_grant(
    source: Any, restricted: Any, reader_role: str
) -> None:
    source.execute(
        "CREATE TABLE t (id int, secret text); CREATE VIEW v AS SELECT * FROM t; "
        "CREATE SCHEMA hidden; CREATE TABLE hidden.t (id int)"
    )
    source.execute(f"GRANT SELECT (id) ON t TO {reader_role}")

    items = restricted.check(
        restricted.request("public.t"),
        restricted.request("public.v"),
        restricted.request("hidden.t"),
        restricted.request("id only", query="SELECT id FROM t"),
        restricted.request("all", query="SELECT * FROM t"),
    )

    assert list(verdicts(items).values())[6:] == ["failed", "failed", "failed", "ok", "failed"]
    for scope in ("public.t", "public.v", "hidden.t", "all"):
        assert isinstance(problem(items, f"stream {scope}"), InsufficientPermissionsError)
    assert items["stream public.t"].fix == f'GRANT SELECT ON "public"."t" TO "{reader_role}";'
    assert 'the columns "secret" of public.t' in items["stream public.t"].message
    assert "GRANT USAGE ON SCHEMA" in items["stream hidden.t"].fix
    fine = restricted.check(restricted.request("public.t", columns=("id",)))
    assert fine["stream public.t"].verdict is Verdict.OK


def test_view_over_a_table_that_its_owner_may_not_read(
    source: Any, restricted: Any, reader_role: str
) -> None:
    source.execute(
        "CREATE TABLE t (id int); CREATE VIEW v WITH (security_invoker) AS SELECT * FROM t"
    )
    source.execute(f"GRANT SELECT ON v TO {reader_role}")

    items = restricted.check(restricted.request("public.v"))

    assert isinstance(problem(items, "stream public.v"), InsufficientPermissionsError)


def test_role_that_may_not_log_in_or_connect(source: Any, reader_role: str) -> None:
    source.settings |= {"user": reader_role, "password": reader_role}
    source.execute(f"REVOKE CONNECT ON DATABASE {source.address.database} FROM PUBLIC")
    assert isinstance(problem(source.check(), "login"), InsufficientPermissionsError)
    source.execute(f"ALTER ROLE {reader_role} NOLOGIN")
    assert isinstance(problem(source.check(), "login"), InsufficientPermissionsError)


def test_role_without_a_free_connection(source: Any, reader_role: str) -> None:
    source.execute(f"ALTER ROLE {reader_role} CONNECTION LIMIT 0")
    source.settings |= {"user": reader_role, "password": reader_role}

    assert isinstance(problem(source.check(), "login"), ResourceUnavailableError)


def test_server_that_is_too_old(source: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from dativo_connector_postgres import _client

    monkeypatch.setattr(_client, "OLDEST_VERSION", 99)

    items = source.check()

    assert "oldest that is supported" in problem(items, "version").message


def test_check_stops_with_the_run(source: Any) -> None:
    source.context.is_cancelled = True

    assert source.check(source.request("public.t"))["stream public.t"].verdict is Verdict.SKIPPED


def test_snapshots_that_cannot_be_exported_are_a_failed_item(source: Any) -> None:
    source.execute(
        f"ALTER DATABASE {source.address.database} SET default_transaction_deferrable = on"
    )
    source.execute(
        f"ALTER DATABASE {source.address.database} SET search_path = shadow, pg_catalog, public; "
        "CREATE SCHEMA shadow; CREATE FUNCTION shadow.pg_export_snapshot() RETURNS text "
        "LANGUAGE plpgsql AS $$ BEGIN RAISE feature_not_supported; END $$"
    )

    items = source.check()

    assert isinstance(problem(items, "snapshot"), ConfigurationError)
