"""Addresses that a key may be sent to."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

__all__ = ["is_loopback", "require_address"]


def require_address(url: str, name: str) -> None:
    """Refuse what is no address, holds a password, or would show a key on the way.

    Raises:
        ValueError: It is refused; the text says why.
    """
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        msg = f"{name} must be an https:// address"
        raise ValueError(msg)
    if parts.username or parts.password or parts.fragment or parts.query:
        msg = f"{name} is an address only, without a user, a query or a fragment"
        raise ValueError(msg)
    try:
        valid = parts.port != 0
    except ValueError:
        valid = False
    if not valid:
        msg = f"the port of {name} is no number from 1 to 65535"
        raise ValueError(msg)
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        msg = f"{name} has no TLS, which would show data and keys on the way; use https://"
        raise ValueError(msg)


def is_loopback(host: str) -> bool:
    """Whether *host* is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
