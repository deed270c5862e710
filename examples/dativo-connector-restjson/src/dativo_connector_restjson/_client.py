"""An API as one call: paced, in time, and never with a key to a foreign host."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from urllib.parse import quote

import attrs
import httpx
import msgspec

from dativo.contract import Context
from dativo.errors import (
    AuthenticationError,
    ConfigurationError,
    DativoError,
    InvalidCredentialsError,
    MissingConfigError,
    ResourceUnavailableError,
    RunInterruptedError,
    ServiceUnavailableError,
)
from dativo_connector_restjson._auth import Credentials, Identity
from dativo_connector_restjson._auth_config import ClientCredentials
from dativo_connector_restjson._config import RestConfig
from dativo_connector_restjson._errors import (
    BROKEN,
    from_network,
    from_status,
    request_id,
    retry_after_seconds,
)
from dativo_connector_restjson._limiter import Limiter
from dativo_connector_restjson._network import Network, Transport

__all__ = ["Answer", "Client", "open_client"]

_MASK = "****"
_MAX_REDIRECTS = 5
_MAX_REFUSAL_BYTES = 64 << 10
_PAUSES = frozenset({429, 503})

_JSON = msgspec.json.Decoder(msgspec.Raw)


@attrs.frozen
class Answer:
    """A success: its address without keys, its headers, and its body, which is JSON in UTF-8."""

    url: httpx.URL
    headers: httpx.Headers
    body: bytes = attrs.field(repr=False)

    @property
    def request_id(self) -> str:
        """The server's name for the request; empty if it gave none."""
        return request_id(self.headers)


def open_client(config: RestConfig, context: Context) -> Client:
    """Return the client of the run; the engine closes it."""
    return context.resource("restjson", lambda: _opened(config))


@contextmanager
def _opened(config: RestConfig) -> Iterator[Client]:
    client = Client(config)
    try:
        yield client
    finally:
        client.close()


class Client:
    """Asks one API, from any number of threads."""

    def __init__(self, config: RestConfig) -> None:
        self._config = config
        self._base = httpx.URL(config.base_url)
        self._stopped = threading.Event()
        self._limiter = Limiter(config.requests_per_second, wait=self._wait)
        self._network = Network()
        self._http = httpx.Client(
            transport=Transport(
                self._network,
                trust=_trust(config),
                connect_timeout_seconds=config.connect_timeout_seconds,
            ),
            headers={
                "Accept": "application/json",
                "Accept-Encoding": "gzip",
                "User-Agent": f"dativo-connector-restjson/{version('dativo-connector-restjson')}",
                **config.headers,
            },
            follow_redirects=False,
            trust_env=False,
        )
        self._credentials = Credentials(config.auth, self._fetch_token)

    def get(self, context: Context, url: httpx.URL) -> Answer:
        """Ask for *url* until it is answered or fails for good.

        Raises:
            DativoError: What :mod:`_errors` makes of answers and of failures of the network.
        """
        with context.on_cancel(self._stop):
            if context.cancelled():
                self._stop()
            return context.retry(lambda: self._try_within(url, context.deadline))

    def address(self, path: str, params: Mapping[str, str]) -> httpx.URL:
        """Return the address of *path* below the base."""
        base = self._base.path.rstrip("/")
        below = quote(path.strip("/"), safe="/%:@!$&'()*+,;=~")
        whole = self._base.copy_with(path=f"{base}/{below}" if below else base or "/")
        return whole.copy_merge_params(params) if params else whole

    def link(self, page: httpx.URL, link: str) -> httpx.URL:
        """Return the address that *link* on *page* means, without our key.

        Raises:
            ConfigurationError: It leads to another host, or is no address.
        """
        try:
            url = page.join(link)
        except httpx.InvalidURL as error:
            raise ConfigurationError(f"the link on {page.path} is no address: {error}") from error
        self._require_ours(url, f"the link on {page.path}")
        auth = self._config.auth
        if auth is not None and auth.api_key is not None:
            url = url.copy_remove_param(auth.api_key.name)
        return url

    def close(self) -> None:
        """End what is under way and close all connections."""
        self._stop()
        self._http.close()

    def _stop(self) -> None:
        self._stopped.set()
        self._network.cut()

    def _wait(self, seconds: float) -> None:
        if self._stopped.wait(seconds):
            raise RunInterruptedError("the run was stopped")

    def _try_within(self, url: httpx.URL, deadline: float | None) -> Answer:
        seconds = self._config.timeout_seconds
        if deadline is not None:
            seconds = min(seconds, deadline - time.monotonic())
        with self._network.within(seconds):
            return self._try(url)

    def _try(self, url: httpx.URL) -> Answer:
        for _ in range(_MAX_REDIRECTS):
            identity = self._credentials.identity()
            try:
                answer = self._once(url, identity)
            except InvalidCredentialsError:
                if not self._credentials.give_up(identity):
                    raise
                answer = self._once(url, self._credentials.identity())
            if isinstance(answer, Answer):
                return answer
            url = answer
        raise ConfigurationError(f"{url.host}{url.path} redirects in a circle")

    def _once(self, url: httpx.URL, identity: Identity) -> Answer | httpx.URL:
        request = self._http.build_request(
            "GET",
            url,
            headers=dict(identity.headers),
            extensions={"query_secrets": identity.query},
        )
        with self._sent(request) as response:
            if response.has_redirect_location:
                return self.link(url, response.headers["location"])
            self._require_success(response, identity)
            body = self._read(response, self._config.max_response_mib << 20)
            _require_json(response, body)
            return Answer(url, response.headers, body)

    @contextmanager
    def _sent(self, request: httpx.Request) -> Iterator[httpx.Response]:
        place = f"{request.url.host}{request.url.path}"
        with self._network.paused():
            self._limiter.take()
        if self._stopped.is_set():
            raise RunInterruptedError("the run was stopped")
        try:
            response = self._http.send(request, stream=True)
            try:
                yield response
            finally:
                response.close()
        except BROKEN as error:
            if self._stopped.is_set():
                raise RunInterruptedError("the run was stopped") from error
            raise from_network(error, place) from error

    def _require_success(self, response: httpx.Response, identity: Identity) -> None:
        if response.is_success:
            return
        if response.status_code in _PAUSES:
            self._limiter.hold(retry_after_seconds(response.headers) or 0.0)
        try:
            body = self._read(response, _MAX_REFUSAL_BYTES)
        except (DativoError, *BROKEN):
            body = b""
        error = from_status(response, body)
        raise type(error)(
            self._hidden(error.message, identity),
            details=error.details,
            retry_after=error.retry_after,
            retryable=error.retryable,
            fix=error.fix,
        )

    def _read(self, response: httpx.Response, limit_bytes: int) -> bytes:
        received = bytearray()
        for part in response.iter_bytes():
            received += part
            if len(received) > limit_bytes:
                raise ResourceUnavailableError(
                    f"the answer of {response.request.url.host}{response.request.url.path} is "
                    f"larger than {limit_bytes >> 20} MiB",
                    fix="Ask for smaller pages, or raise `max_response_mib`.",
                    retryable=False,
                )
        return bytes(received)

    def _fetch_token(
        self, client: ClientCredentials, form: Mapping[str, str], headers: Mapping[str, str]
    ) -> bytes:
        request = self._http.build_request(
            "POST", client.token_url, data=dict(form), headers=dict(headers)
        )
        try:
            with self._sent(request) as response:
                self._require_success(response, Identity(headers=headers))
                return self._read(response, _MAX_REFUSAL_BYTES)
        except ConfigurationError as error:
            # RFC 6749 answers 400 to whatever is wrong with a client.
            raise InvalidCredentialsError(
                error.message, details=error.details, fix="Check `auth.oauth2` in `source.config`."
            ) from error

    def _require_ours(self, url: httpx.URL, what: str) -> None:
        ours, theirs = _origin(self._base), _origin(url)
        if ours != theirs:
            raise ConfigurationError(
                f"{what} leads to {theirs}, and keys are for {ours} alone",
                fix=f"If {url.host} is right, set `base_url` to it.",
            )

    def _hidden(self, text: str, identity: Identity) -> str:
        told = (value.rpartition(" ")[2] for value in identity.headers.values())
        for secret in (*self._config.secrets(), *told, *identity.query.values()):
            for form in (secret, quote(secret, safe="")):
                text = text.replace(form, _MASK) if form else text
        return text


def _origin(url: httpx.URL) -> str:
    port = f":{url.port}" if url.port else ""
    return f"{url.scheme}://{url.host}{port}"


def _trust(config: RestConfig) -> ssl.SSLContext | None:
    oauth2 = config.auth.oauth2 if config.auth is not None else None
    addresses = (config.base_url, config.base_url if oauth2 is None else oauth2.token_url)
    if all(address.startswith("http://") for address in addresses):
        return None  # to read all certificates takes longer than a request on this machine
    ca_file = config.ca_file
    if ca_file is None:
        return httpx.create_ssl_context(trust_env=False)
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        if isinstance(error, ssl.SSLError):
            raise AuthenticationError(f"{ca_file} holds no certificates: {error}") from error
        raise MissingConfigError(f"ca_file cannot be read: {ca_file}: {error.strerror}") from error


def _require_json(response: httpx.Response, body: bytes) -> None:
    try:
        body.decode()  # msgspec passes over the bytes of texts
        _JSON.decode(body)
    except (ValueError, RecursionError) as error:
        raise ServiceUnavailableError(
            f"{response.request.url.host}{response.request.url.path} answered with something that "
            f"is no JSON: {error}",
            details={"request_id": request_id(response.headers), "size_bytes": len(body)},
        ) from error
