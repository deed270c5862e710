"""HTTP over connections that end in time: httpx's client above, httpcore's pool below."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from dativo.errors import ConfigurationError, ResourceUnavailableError, ServiceUnavailableError
from dativo_connector_stripe._config import StripeConfig
from dativo_connector_stripe._sockets import Sockets

__all__ = ["MAX_BODY_BYTES", "open_http", "read_body"]

MAX_BODY_BYTES = 64 << 20

# Stripe closes idle connections after about a minute; ours are given up before.
_KEEPALIVE_SECONDS = 30.0


def open_http(config: StripeConfig, sockets: Sockets) -> httpx.Client:
    """Return a client that gives the key to ``api_base`` alone, and follows no redirect.

    Raises:
        httpx.InvalidURL: ``api_base`` is no address.
        UnicodeError: Its host is no name.
    """
    return httpx.Client(
        transport=_Transport(config, sockets),
        base_url=config.api_base,
        headers=_headers(config),
        follow_redirects=False,
        trust_env=False,
    )


class _Transport(httpx.BaseTransport):
    """Sends requests over a pool of kept connections; it follows nothing and retries nothing.

    The environment may name a proxy (HTTPS_PROXY, NO_PROXY) and the certificates to trust
    (SSL_CERT_FILE, SSL_CERT_DIR).
    """

    def __init__(self, config: StripeConfig, sockets: Sockets) -> None:
        timeout = config.connect_timeout_seconds
        self._extensions = {"timeout": {"connect": timeout, "pool": config.timeout_seconds}}
        self._pool = httpcore.ConnectionPool(
            ssl_context=httpx.create_ssl_context(),
            proxy=_proxy(config.api_base),
            max_connections=config.concurrency,
            keepalive_expiry=_KEEPALIVE_SECONDS,
            network_backend=sockets,
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request*; the body of the answer is read later."""
        url = request.url
        answer = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=self._extensions,
            )
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer))

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


def _headers(config: StripeConfig) -> dict[str, str]:
    headers = {
        "Authorization": f"Bearer {config.api_key.reveal()}",
        "Stripe-Version": config.api_version,
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
        "User-Agent": f"dativo-connector-stripe/{version('dativo-connector-stripe')}",
    }
    return headers if config.account is None else {**headers, "Stripe-Account": config.account}


def read_body(response: httpx.Response, *, limit_bytes: int = MAX_BODY_BYTES) -> bytes:
    """Return the whole body, unpacked; no more than the limit is ever in memory.

    Raises:
        ServiceUnavailableError: It is damaged, cut off, or packed in a way that was not asked for.
        ResourceUnavailableError: It is larger than the limit.
    """
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip", "x-gzip", ""}:
        raise ServiceUnavailableError(f"the answer is packed as {encoding!r}, unlike asked for")
    parts = response.iter_raw()
    if "gzip" in encoding:
        parts = _unzipped(parts, limit_bytes)
    received: list[bytes] = []
    size_bytes = 0
    for part in parts:
        received.append(part)
        size_bytes += len(part)
        if size_bytes > limit_bytes:
            raise ResourceUnavailableError(
                f"the answer is larger than {limit_bytes >> 20} MiB",
                fix="Check that `api_base` is Stripe and no other server answers.",
                retryable=False,
            )
    return b"".join(received)


def _unzipped(chunks: Iterable[bytes], limit_bytes: int) -> Iterator[bytes]:
    """Unpack gzip in parts of no more than the limit, so that a small body cannot fill memory."""
    unzip = zlib.decompressobj(zlib.MAX_WBITS | 16)
    is_begun = False
    for chunk in chunks:
        rest = chunk
        while rest:
            is_begun = True
            try:
                yield unzip.decompress(rest, limit_bytes + 1)
            except zlib.error as error:
                raise ServiceUnavailableError(f"the answer is damaged: {error}") from error
            rest = unzip.unconsumed_tail
            if unzip.eof:
                rest = unzip.unused_data
                unzip, is_begun = zlib.decompressobj(zlib.MAX_WBITS | 16), False
    if is_begun:
        raise ServiceUnavailableError("the answer is cut off: its gzip data has no end")


def _proxy(base: str) -> httpcore.Proxy | None:
    """Return the proxy that the environment names for *base*; one without TLS sees no key."""
    url = urlsplit(base)
    named = getproxies()
    address = named.get("https") or named.get("all")
    if url.scheme != "https" or not address or proxy_bypass(url.hostname or ""):
        return None
    try:
        proxy = httpx.Proxy(address)
    except (ValueError, httpx.InvalidURL):
        proxy = None
    if proxy is None or proxy.url.scheme != "http":
        # Its text may hold a password, and so may the cause.
        raise ConfigurationError(
            "the proxy that the environment names is no http:// address",
            fix="Mend HTTPS_PROXY or ALL_PROXY, or name the host of `api_base` in NO_PROXY.",
        )
    return httpcore.Proxy(f"{proxy.url}", auth=proxy.raw_auth)
