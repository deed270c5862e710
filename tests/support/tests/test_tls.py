from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from dativo_test_support.postgres import Address
from dativo_test_support.tls import Certificate, TlsFront

pytestmark = pytest.mark.postgres


def test_a_client_that_trusts_the_certificate_is_encrypted(
    postgres_database: Address, tmp_path: Path
) -> None:
    certificate = Certificate.make(tmp_path)

    with TlsFront(postgres_database, certificate) as front:
        trust = {"sslmode": "verify-full", "sslrootcert": str(certificate.certificate)}
        with front.address.connect(**trust) as connection:
            rows = connection.execute("SELECT generate_series(1, 100000)").fetchall()

        assert len(rows) == 100_000
        assert front.encrypted_connections == 1


def test_an_expired_certificate_and_a_wrong_name_are_refused(
    postgres_database: Address, tmp_path: Path
) -> None:
    expired = Certificate.make(tmp_path, days=-1)
    with TlsFront(postgres_database, expired) as front, pytest.raises(psycopg.OperationalError):
        front.address.connect(sslmode="verify-full", sslrootcert=str(expired.certificate))

    other = Certificate.make(tmp_path, names=("elsewhere.example",), addresses=())
    with TlsFront(postgres_database, other) as front, pytest.raises(psycopg.OperationalError):
        front.address.connect(sslmode="verify-full", sslrootcert=str(other.certificate))


def test_without_a_certificate_tls_is_refused(postgres_database: Address) -> None:
    with TlsFront(postgres_database, None) as front:
        front.address.connect(sslmode="prefer").close()
        with pytest.raises(psycopg.OperationalError, match="SSL"):
            front.address.connect(sslmode="require")


def test_a_front_that_demands_tls_drops_who_does_not_ask(
    postgres_database: Address, tmp_path: Path
) -> None:
    certificate = Certificate.make(tmp_path)

    with TlsFront(postgres_database, certificate, demand=True) as front:
        front.address.connect(sslmode="require").close()
        with pytest.raises(psycopg.OperationalError):
            front.address.connect(sslmode="disable")
