"""Fixtures that any test of the workspace may ask for."""

from __future__ import annotations

import secrets
import signal
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from dativo_test_support import shared

if TYPE_CHECKING:
    from pathlib import Path

    from dativo_test_support.postgres import Address, EmbeddedPostgres
    from dativo_test_support.project import Project
    from dativo_test_support.s3 import FaultProxy, S3Server


def pytest_configure() -> None:
    """Let the programs that tests start be interrupted.

    A shell that runs the tests in the background has them ignore SIGINT, and what is ignored is
    inherited.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def postgres_server() -> EmbeddedPostgres:
    """One PostgreSQL server for the whole test session; do not stop it."""
    return shared.postgres_server()


@pytest.fixture
def postgres_database(postgres_server: EmbeddedPostgres) -> Iterator[Address]:
    """An empty database of the test's own."""
    name = f"test_{secrets.token_hex(6)}"
    yield postgres_server.create_database(name)
    postgres_server.drop_database(name)


@pytest.fixture(scope="session")
def shop_template(postgres_server: EmbeddedPostgres) -> str:
    """The name of a small shop that `create_database(name, template=...)` copies quickly."""
    from dativo_test_support.shop import load_shop

    load_shop(postgres_server.create_database("shop_template"), orders=2_000)
    return "shop_template"


@pytest.fixture
def shop_database(postgres_server: EmbeddedPostgres, shop_template: str) -> Iterator[Address]:
    """A small shop of the test's own, with 2,000 orders."""
    name = f"shop_{secrets.token_hex(6)}"
    yield postgres_server.create_database(name, template=shop_template)
    postgres_server.drop_database(name)


@pytest.fixture(scope="session")
def s3_server() -> S3Server:
    """One S3 server for the whole test session; do not stop it."""
    return shared.s3_server()


@pytest.fixture
def s3_proxy(s3_server: S3Server) -> Iterator[FaultProxy]:
    """A proxy of the test's own in front of the S3 server."""
    from dativo_test_support.s3 import FaultProxy

    with FaultProxy(s3_server) as proxy:
        yield proxy


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """An empty project; the scripted connectors `numbers` and `ledger` are installed beside it."""
    from dativo_test_support.plugins import scripted_connectors
    from dativo_test_support.project import Project
    from dativo_test_support.wheels import install

    monkeypatch.syspath_prepend(str(install(tmp_path / "site", scripted_connectors())))
    folder = tmp_path / "project"
    folder.mkdir()
    return Project(folder)
