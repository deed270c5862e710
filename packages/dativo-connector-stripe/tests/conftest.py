"""A configuration, a context and a client of the connector, for servers on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from dativo.contract import Secret, Url
from dativo_connector_stripe._client import Client, open_client
from dativo_connector_stripe._config import StripeConfig
from dativo_test_support.context import FakeContext

_KEY = "sk_test_4eC39HqLyjWDarjtT1zdp7dc"


def _config(url: str, **settings: Any) -> StripeConfig:
    unhurried = {"requests_per_second": 10_000, "endpoint_requests_per_second": 10_000}
    settings = {"api_key": _KEY, "timeout_seconds": 5, **unhurried, **settings}
    key = Secret(settings.pop("api_key"))
    return StripeConfig(api_key=key, api_base=Url(url), **settings)


@pytest.fixture
def key() -> str:
    return _KEY


@pytest.fixture
def context() -> Iterator[FakeContext]:
    with FakeContext() as context:
        yield context


@pytest.fixture
def config_of() -> Callable[..., StripeConfig]:
    """Make a config for the server at an address, with settings of the test's own."""
    return _config


@pytest.fixture
def client_of(context: FakeContext) -> Callable[..., Client]:
    """Open the run's client for the server at an address."""

    def client_of(url: str, **settings: Any) -> Client:
        return open_client(_config(url, **settings), context)

    return client_of
