from __future__ import annotations

import pytest
from attrs import frozen

from dativo.contract import Permissions
from dativo.testing._references import led_to

ADDRESS = ("127.0.0.1", 4321)
BOTH = Permissions(hosts=("${config.host}",), ports=("${config.port}",))


@frozen
class Proxy:
    host: str = "proxy.acme.com"
    port: int = 8080


@frozen
class Config:
    host: str | tuple[str, ...] = "acme.com"
    port: int | str | None = 443
    url: str | None = None
    proxy: Proxy | None = None


def _led(config: Config, permissions: Permissions, **settings: object) -> object:
    return led_to(ADDRESS, settings, config=config, permissions=permissions)


def test_host_and_port_are_led_to_the_address() -> None:
    assert _led(Config(), BOTH) == {"host": "127.0.0.1", "port": 4321}


def test_a_port_that_is_text_stays_text() -> None:
    assert _led(Config(port="443"), BOTH) == {"host": "127.0.0.1", "port": "4321"}


def test_a_port_that_is_left_out_is_given() -> None:
    assert _led(Config(port=None), BOTH, host="acme.com") == {"host": "127.0.0.1", "port": 4321}


@pytest.mark.parametrize(
    "permissions",
    [
        Permissions(hosts=("${config.url}",)),
        Permissions(hosts=("${config.url}",), ports=("${config.url}",)),
        Permissions(hosts=("${config.url}",), ports=("443",)),
    ],
)
def test_a_url_stays_one_although_it_is_named_as_a_port(permissions: Permissions) -> None:
    config = Config(url="https://ada@acme.com/v1")
    assert _led(config, permissions) == {"url": "https://ada@127.0.0.1:4321/v1"}


def test_a_port_within_the_host_is_led_with_it() -> None:
    permissions = Permissions(hosts=("${config.host}",))
    assert _led(Config(host="acme.com:9092"), permissions) == {"host": "127.0.0.1:4321"}


def test_a_list_of_hosts_stays_a_list() -> None:
    permissions = Permissions(hosts=("${config.host}",))
    config = Config(host=("one.acme.com:9092", "two.acme.com:9092"))
    assert _led(config, permissions) == {"host": ["127.0.0.1:4321"]}


def test_a_section_that_is_absent_stays_absent() -> None:
    permissions = Permissions(
        hosts=("${config.host}", "${config.proxy.host}"),
        ports=("${config.port}", "${config.proxy.port}"),
    )
    assert _led(Config(), permissions, token="t") == {
        "host": "127.0.0.1",
        "port": 4321,
        "token": "t",
    }


def test_a_section_that_is_there_is_led_too() -> None:
    permissions = Permissions(hosts=("${config.proxy.host}",), ports=("${config.proxy.port}",))
    given = {"host": "127.0.0.1", "port": 4321}
    assert _led(Config(proxy=Proxy()), permissions, proxy={}) == {"proxy": given}


@pytest.mark.parametrize(
    ("config", "permissions"),
    [
        (Config(), Permissions(hosts=("${config.host}",))),
        (Config(), Permissions(hosts=("acme.com",), ports=("443",))),
        (Config(), Permissions(hosts=("${config.url}",), ports=("${config.port}",))),
    ],
)
def test_what_names_no_host_and_port_is_not_led(config: Config, permissions: Permissions) -> None:
    assert _led(config, permissions) is None
