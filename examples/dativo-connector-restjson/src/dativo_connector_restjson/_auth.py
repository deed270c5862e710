"""Saying who asks, with tokens that are fetched where they are needed."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Callable, Mapping

import attrs
import msgspec

from dativo.errors import InvalidCredentialsError
from dativo_connector_restjson._auth_config import Auth, ClientCredentials, KeyPlace

__all__ = ["Credentials", "FetchToken", "Identity"]

_EARLY_SECONDS = 30.0
_DEFAULT_LIFE_SECONDS = 300.0

FetchToken = Callable[[ClientCredentials, Mapping[str, str], Mapping[str, str]], bytes]
"""Posts a form with headers to the token's address and returns the answer's body."""


@attrs.frozen(kw_only=True)
class Identity:
    """What a request carries; never shown."""

    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    query: Mapping[str, str] = attrs.field(factory=dict, repr=False)


class _TokenAnswer(msgspec.Struct):
    access_token: str
    token_type: str = "Bearer"
    expires_in: float | None = None


class Credentials:
    """Who asks, from any number of threads."""

    def __init__(self, auth: Auth | None, fetch: FetchToken) -> None:
        self._auth = auth
        self._fetch = fetch
        self._lock = threading.Lock()
        self._token: Identity | None = None
        self._token_ends_at = 0.0

    def identity(self) -> Identity:
        """Return what the next request carries.

        Raises:
            DativoError: No token was given.
        """
        auth = self._auth
        if auth is None:
            return Identity()
        if auth.oauth2 is not None:
            return self._current_token(auth.oauth2)
        if auth.bearer is not None:
            return Identity(headers={"Authorization": f"Bearer {auth.bearer.reveal()}"})
        if auth.basic is not None:
            pair = f"{auth.basic.user}:{auth.basic.password.reveal()}"
            return Identity(headers={"Authorization": _basic(pair)})
        assert auth.api_key is not None  # one of them is given
        named = {auth.api_key.name: auth.api_key.value.reveal()}
        is_query = auth.api_key.place is KeyPlace.QUERY
        return Identity(query=named) if is_query else Identity(headers=named)

    def give_up(self, refused: Identity) -> bool:
        """Forget what the server refused; say whether another one can be had."""
        with self._lock:
            if self._auth is None or self._auth.oauth2 is None:
                return False
            if refused is self._token:
                self._token = None
            return True

    def _current_token(self, client: ClientCredentials) -> Identity:
        with self._lock:
            if self._token is None or time.monotonic() >= self._token_ends_at:
                self._token = self._new_token(client)
            return self._token

    def _new_token(self, client: ClientCredentials) -> Identity:
        form = {"grant_type": "client_credentials"}
        headers = {}
        if client.scope is not None:
            form["scope"] = client.scope
        if client.audience is not None:
            form["audience"] = client.audience
        if client.in_body:
            form |= {"client_id": client.client_id, "client_secret": client.client_secret.reveal()}
        else:
            pair = f"{client.client_id}:{client.client_secret.reveal()}"
            headers["Authorization"] = _basic(pair)
        try:
            answer = msgspec.json.decode(
                self._fetch(client, form, headers), type=_TokenAnswer, strict=False
            )
        except msgspec.MsgspecError as error:
            raise InvalidCredentialsError(
                "the token's address answered with something that is no token",
                fix="Check `auth.oauth2.token_url` in `source.config`.",
            ) from error
        life = _DEFAULT_LIFE_SECONDS if answer.expires_in is None else answer.expires_in
        self._token_ends_at = time.monotonic() + max(0.0, life - _EARLY_SECONDS)
        return Identity(headers={"Authorization": f"Bearer {answer.access_token}"})


def _basic(pair: str) -> str:
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
