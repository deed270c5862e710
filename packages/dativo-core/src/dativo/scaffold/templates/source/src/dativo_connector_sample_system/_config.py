"""What a job file says about the API: the `source.config` section."""

from __future__ import annotations

from urllib.parse import urlsplit

import attrs
from dativo.contract import Secret, Url, setting

__all__ = ["Config"]

_THIS_MACHINE = ("127.0.0.1", "::1", "localhost")


@attrs.frozen(kw_only=True)
class Config:
    """Where the API is, and how it is asked."""

    base_url: Url = setting(
        "The address of the API; without TLS only on this machine.",
        examples=("https://api.example.com",),
        # A checkpoint of one system must not be used for another.
        identity=True,
    )
    token: Secret = setting("The token of the API.")
    page_size: int = setting("Records per request.", default=500, minimum=1, maximum=1000)
    timeout_seconds: float = setting(
        "How long to wait for a connection, and for each part of an answer, in seconds.",
        default=30.0,
        minimum=0.1,
        maximum=600,
    )

    def __attrs_post_init__(self) -> None:
        """Refuse what can be known to be wrong, while the job file is still in sight.

        The texts become part of an error of the job file; they must never hold the token.
        """
        url = urlsplit(self.base_url)
        if url.scheme not in ("https", "http") or not url.hostname:
            raise ValueError("base_url must be like https://api.example.com")
        if url.username or url.password or url.query or url.fragment:
            raise ValueError("base_url is an address only, without a user or a query")
        if url.scheme == "http" and url.hostname not in _THIS_MACHINE:
            raise ValueError("base_url has no TLS, which would show the token; use https://")
        text = self.token.reveal()
        if not text or not text.isascii() or not text.isprintable() or " " in text:
            raise ValueError("token is empty, or has spaces, line breaks or letters of no token")
