from __future__ import annotations

from typing import Any

import pytest

from dativo.testing._about_hosts import _Allowed


def _allowed(*hosts: str, **more: Any) -> _Allowed:
    about: dict[str, Any] = {"ports": (), "paths": (), "names": {}, **more}
    return _Allowed(hosts=hosts, **about)


@pytest.mark.parametrize(
    ("hosts", "ports", "host", "port", "may"),
    [
        (["acme.com"], ["443"], "acme.com", 443, True),
        (["ACME.com"], ["443"], "Acme.COM", 443, True),
        (["acme.com"], ["443"], "acme.com", 80, False),
        (["acme.com"], [], "acme.com", 443, False),
        (["acme.com"], ["443"], "acme.org", 443, False),
        (["*.acme.com"], ["443"], "eu.acme.com", 443, True),
        (["*.acme.com"], ["443"], "acme.com", 443, False),
        (["acme.com:9092"], ["443"], "acme.com", 9092, True),
        (["acme.com:9092", "other.com"], ["443"], "other.com", 9092, False),
        (["https://acme.com/v1"], [], "acme.com", 443, True),
        (["http://acme.com"], [], "acme.com", 80, True),
        (["https://acme.com:8443"], [], "acme.com", 8443, True),
        (["https://acme.com:8443"], [], "acme.com", 443, False),
        (["https://acme.com:none"], ["7"], "acme.com", 7, True),
        (["odd://acme.com"], ["7"], "acme.com", 7, True),
        (["odd://acme.com"], [], "acme.com", 443, False),
        ([""], ["443"], "", 443, False),
    ],
)
def test_a_socket_may_connect_to_a_declared_port_of_a_declared_host(
    hosts: list[str], ports: list[str], host: str, port: int, *, may: bool
) -> None:
    assert _allowed(*hosts, ports=ports).has_address(host, port) is may


def test_an_address_may_be_connected_to_by_the_name_that_led_to_it() -> None:
    allowed = _allowed("acme.com", ports=["443"], names={"10.0.0.7": ["Acme.com"]})
    assert allowed.has_address("10.0.0.7", 443)
    assert not allowed.has_address("10.0.0.8", 443)


def test_a_name_may_be_looked_up_if_it_is_declared_whatever_the_port_is() -> None:
    assert _allowed("https://acme.com").has_name("ACME.com")
    assert not _allowed("https://acme.com").has_name("acme.org")


def test_a_path_may_be_written_if_it_is_declared_or_below_that() -> None:
    allowed = _allowed(paths=["/var/acme", ""])
    assert allowed.has_path("/var/acme")
    assert allowed.has_path("/var/acme/one/two")
    assert not allowed.has_path("/var/acme2")
    assert not allowed.has_path("relative")
