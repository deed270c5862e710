"""What a job file says about who asks: one of four ways, or none."""

from __future__ import annotations

from enum import StrEnum

import attrs

from dativo.contract import Secret, Url, setting
from dativo_connector_restjson._address import require_address

__all__ = ["ApiKey", "Auth", "Basic", "ClientCredentials", "KeyPlace"]


class KeyPlace(StrEnum):
    """Where a key stands in a request."""

    HEADER = "header"
    QUERY = "query"


@attrs.frozen(kw_only=True)
class Basic:
    """A user and a password (RFC 7617)."""

    user: str = setting("The name that the server knows who asks by.")
    password: Secret = setting("What is sent with the name, to prove it.")


@attrs.frozen(kw_only=True)
class ApiKey:
    """A key in a header or in the query."""

    value: Secret = setting("The key.")
    name: str = setting("The name of the header or of the query parameter.", default="X-Api-Key")
    place: KeyPlace = setting("Where the key stands.", default=KeyPlace.HEADER)


@attrs.frozen(kw_only=True)
class ClientCredentials:
    """OAuth 2.0 client credentials (RFC 6749, section 4.4)."""

    token_url: Url = setting("Where tokens are given; without TLS only on this machine.")
    client_id: str = setting("The client's id.")
    client_secret: Secret = setting("The client's secret.")
    scope: str | None = setting("The scopes, with spaces between them.", default=None)
    audience: str | None = setting("The audience, where the server wants one.", default=None)
    in_body: bool = setting(
        "Whether id and secret are sent in the form and not as basic authentication.",
        default=False,
    )

    def __attrs_post_init__(self) -> None:
        require_address(self.token_url, "token_url")


@attrs.frozen(kw_only=True)
class Auth:
    """One way to say who asks."""

    bearer: Secret | None = setting("A token that is sent as `Bearer`.", default=None)
    basic: Basic | None = setting("A user and a password.", default=None)
    api_key: ApiKey | None = setting("A key in a header or in the query.", default=None)
    oauth2: ClientCredentials | None = setting("OAuth 2.0 client credentials.", default=None)

    def __attrs_post_init__(self) -> None:
        ways = [name for name, way in attrs.asdict(self, recurse=False).items() if way is not None]
        if len(ways) != 1:
            found = ", ".join(ways) or "none"
            msg = f"auth takes one of bearer, basic, api_key and oauth2; found: {found}"
            raise ValueError(msg)
