from __future__ import annotations

import base64
import json
import traceback
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, quote_plus

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from dativo.contract import Secret
from dativo.errors import DativoError
from dativo_connector_postgres import PostgresConfig
from dativo_connector_postgres._client import conninfo
from dativo_connector_postgres._errors import from_driver, tidy

CANARIES = {
    "awkward": "p@:/%+\"'\\ n\nx#?&=€",
    "hex": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "pem": "-----BEGIN-----\nMIGHAgEAMBMGByqGSM49AgEG\nCCqGSM49AwEHBG0wawIB\n-----END-----\n",
}


def forms(secret: str) -> set[str]:
    raw = secret.encode()
    return {
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret)[1:-1],
        repr(secret)[1:-1],
        secret.replace("\\", "\\\\").replace("'", "\\'"),
        raw.hex(),
        base64.b64encode(raw).decode(),
    }


def everything(error: BaseException) -> str:
    parts = ["".join(traceback.format_exception(error)), repr(error), str(error)]
    if isinstance(error, DativoError):
        parts.append(repr(error.to_dict()))
    return "\n".join(parts)


def assert_hidden(text: str, secret: str) -> None:
    for form in forms(secret):
        assert form not in text


@pytest.fixture(params=CANARIES)
def canary(request: pytest.FixtureRequest) -> str:
    return CANARIES[request.param]


@pytest.fixture
def secured(source: Any, reader_role: str, canary: str) -> Iterator[Any]:
    """The database for a role that has the canary as its password."""
    text = canary.replace("'", "''")
    source.execute(
        f"SET standard_conforming_strings = on; ALTER ROLE {reader_role} PASSWORD '{text}'"
    )
    source.execute(f"GRANT pg_read_all_data TO {reader_role}; CREATE TABLE t AS SELECT 1 AS id")
    source.settings |= {"user": reader_role, "password": canary}
    yield source
    source.context.close()


def test_awkward_passwords_work(secured: Any) -> None:
    assert secured.read("public.t").num_rows == 1
    assert len(secured.discover()) == 1
    assert all(item.error is None for item in secured.check().values())


SPOIL: list[Callable[[Any], Any]] = [
    lambda source: source.settings.update(port=1),
    lambda source: source.settings.update(host="no-such-host.invalid"),
    lambda source: source.settings.update(database="nope"),
    lambda source: source.settings.update(user="nobody_at_all"),
    lambda source: source.settings.update(password=source.settings["password"] + "x"),
    lambda source: source.settings.update(application_name="a\0b"),
    lambda source: source.settings.update(host="/nowhere"),
    lambda source: source.execute("REVOKE pg_read_all_data FROM CURRENT_USER; DROP TABLE t"),
]


@pytest.mark.parametrize("spoil", SPOIL)
def test_no_failure_shows_the_password(secured: Any, canary: str, spoil: Any) -> None:
    spoil(secured)
    said = [repr(secured.config)]
    for item in secured.check(secured.request("public.t")).values():
        said += [item.message, item.fix, repr(item)]
        if item.error is not None:
            said.append(everything(item.error))
    for act in (secured.discover, lambda: secured.read("public.t")):
        try:
            act()
        except Exception as error:  # noqa: BLE001 - all that can come out is what is looked at
            said.append(everything(error))
    said += [text for _, text in secured.context.logs]

    assert len(said) > 8
    assert_hidden("\n".join(said), canary)


def test_query_that_repeats_the_password_does_not_show_it(secured: Any, canary: str) -> None:
    with pytest.raises(DativoError) as caught:
        secured.read("q", query=f"SELECT $x${canary}$x$ +")

    assert_hidden(caught.value.message, canary)


def test_message_that_holds_the_password_is_masked(canary: str) -> None:
    for form in (canary, quote(canary, safe=""), quote_plus(canary)):
        error = from_driver(psycopg.OperationalError(f"bad: {form}!"), password=Secret(canary))
        assert "****" in error.message
        assert error.__cause__ is None
        assert_hidden(everything(error), canary)


def test_short_password_does_not_garble_messages() -> None:
    assert tidy("connection refused", Secret("c")) == "connection refused"


def test_connection_string_keeps_every_setting_apart(canary: str) -> None:
    config = PostgresConfig(
        database="d b", user="it's", password=Secret(canary), application_name="x y=z"
    )

    parsed = conninfo_to_dict(conninfo(config))

    assert parsed["password"] == canary
    assert (parsed["dbname"], parsed["user"]) == ("d b", "it's")
    assert parsed["application_name"] == "x y=z"
