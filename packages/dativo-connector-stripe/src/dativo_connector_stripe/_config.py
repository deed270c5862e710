"""What a job file says about the Stripe account and how much may be asked of it."""

from __future__ import annotations

import datetime as dt
import ipaddress
import math
import re
from urllib.parse import urlsplit

import attrs

from dativo.contract import Secret, Url, setting
from dativo_connector_stripe._times import moment_of

__all__ = ["StripeConfig"]

_KEYS_PAGE = "https://dashboard.stripe.com/apikeys"
_NEEDED = f"a secret key (sk_...) or a restricted key (rk_...) of {_KEYS_PAGE}"

# 80 % of what docs.stripe.com/rate-limits allows an account: 100 live, 25 in a sandbox.
_LIVE_RATE = 80.0
_TEST_RATE = 20.0

_LIVE_KEY = re.compile(r"(sk|rk)_(org_)?live_")

_OTHER_KEYS = {
    "pk_": "a publishable key, which may not read",
    "ek_": "an ephemeral key, which is for apps",
    "whsec_": "the secret of a webhook",
}


@attrs.frozen(kw_only=True)
class StripeConfig:
    """The account, the version of its API, and how fast it is read."""

    api_key: Secret = setting("A secret or restricted key of the account, `sk_...` or `rk_...`.")
    account: str | None = setting(
        "The connected account to read, if it is not the key's own.",
        default=None,
        pattern=r"acct_[A-Za-z0-9]+",
        examples=("acct_1032D82eZvKYlo2C",),
        identity=True,
    )
    api_version: str = setting(
        "The version of the API in which objects are read.",
        default="2026-10-28.endive",
        pattern=r"[0-9]{4}-[0-9]{2}-[0-9]{2}(\.[a-z_]+)?",
        identity=True,
    )
    api_base: Url = setting(
        "The address of the API; without TLS only on this machine.",
        default=Url("https://api.stripe.com"),
    )
    start: str | None = setting(
        "Objects that were created before are left out: a date, or a time as in ISO 8601, which "
        "is taken for UTC if it has no offset.",
        default=None,
        examples=("2024-01-01", "2024-01-01T12:00:00+02:00"),
        identity=True,
    )
    overlap_seconds: int = setting(
        "How many seconds of the last read an incremental read asks for once more, for objects "
        "that appear late.",
        default=300,
        minimum=0,
        maximum=86_400,
    )
    requests_per_second: float | None = setting(
        "The most requests a second of the whole run; if it is not given, 80 % of Stripe's "
        "documented limit: 80 with a live key, else 20.",
        default=None,
        minimum=0.1,
        maximum=10_000,
    )
    endpoint_requests_per_second: float = setting(
        "The most requests a second to one endpoint.",
        default=20.0,
        minimum=0.1,
        maximum=10_000,
    )
    concurrency: int = setting(
        "How many requests are under way at once.", default=16, minimum=1, maximum=64
    )
    windows: bool = setting(
        "Whether a stream is read in several windows of `created` at once; false for a server "
        "that cannot filter by it.",
        default=True,
    )
    timeout_seconds: float = setting(
        "How long one request may take as a whole, in seconds.",
        default=60.0,
        minimum=0.1,
        maximum=3600,
    )
    connect_timeout_seconds: float = setting(
        "How long to wait for a connection, in seconds.", default=10.0, minimum=0.1, maximum=3600
    )

    def __attrs_post_init__(self) -> None:
        _require_key(self.api_key.reveal())
        _require_base(self.api_base)
        if self.start is not None:
            _moment(self.start)
            if not self.windows:
                raise ValueError("start needs lists that are filtered by `created`: windows: true")

    @property
    def livemode(self) -> bool:
        """Whether the key says that it is for live data; keys of other shapes are not."""
        return _LIVE_KEY.match(self.api_key.reveal()) is not None

    @property
    def account_rate(self) -> float:
        """The most requests a second of the account."""
        return self.requests_per_second or (_LIVE_RATE if self.livemode else _TEST_RATE)

    @property
    def start_seconds(self) -> int | None:
        """The first second of ``created`` to read, since 1970."""
        return None if self.start is None else math.ceil(_moment(self.start).timestamp())


def _require_key(key: str) -> None:
    for prefix, what in _OTHER_KEYS.items():
        if key.startswith(prefix):
            msg = f"api_key is {what}; use {_NEEDED}"
            raise ValueError(msg)
    if not (key.isascii() and key.isprintable() and " " not in key and key):
        msg = f"api_key is empty or has spaces, line breaks or letters of no key; use {_NEEDED}"
        raise ValueError(msg)


def _require_base(base: Url) -> None:
    url = urlsplit(base)
    if not url.hostname or url.scheme not in {"http", "https"}:
        raise ValueError("api_base must be an https:// address, such as https://api.stripe.com")
    if url.username or url.password or url.query or url.fragment:
        raise ValueError("api_base is an address only, without a user or a query")
    if not _has_port(url.netloc):
        raise ValueError("the port of api_base is no number from 1 to 65535")
    if url.scheme == "http" and not _is_loopback(url.hostname):
        raise ValueError(
            "api_base has no TLS, which would show the key to everybody on the way; use https://"
        )


def _has_port(netloc: str) -> bool:
    try:
        return urlsplit(f"//{netloc}").port != 0
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _moment(text: str) -> dt.datetime:
    try:
        return moment_of(text)
    except ValueError as error:
        msg = f"start is no date or time: {text!r}; write it as 2024-01-01 or 2024-01-01T12:00:00Z"
        raise ValueError(msg) from error
