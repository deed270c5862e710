"""Where events go: a file of JSON lines, or an endpoint."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dativo.errors import (
    AuthenticationError,
    ConfigurationError,
    NetworkError,
    ServiceUnavailableError,
)
from dativo_extension_openlineage._config import LineageConfig

__all__ = ["Sink", "open_sink"]

Sink = Callable[[Mapping[str, Any]], None]

_SERVER_ERROR = 500
_UNAUTHORIZED = (401, 403)
_TOO_MANY = 429


def open_sink(config: LineageConfig) -> Sink:
    """Return a function that delivers one event, or raises.

    Raises:
        OSError: The file cannot be written.
    """
    if config.path is not None:
        return _file(config.path)
    return _endpoint(config)


def _file(path: Path) -> Sink:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)

    def append(event: Mapping[str, Any]) -> None:
        # One write with O_APPEND: lines of several runs do not mix.
        line = json.dumps(event, separators=(",", ":")) + "\n"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(file, line.encode())
        finally:
            os.close(file)

    return append


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry the key to somewhere that nobody has named."""

    def redirect_request(self, *_arguments: Any, **_named: Any) -> None:
        return None


def _endpoint(config: LineageConfig) -> Sink:
    url = str(config.url)
    if not url.startswith(("http://", "https://")):
        raise ConfigurationError(f"the url must begin with http:// or https://, not {url[:20]!r}")
    headers = {"Content-Type": "application/json", "User-Agent": "dativo-extension-openlineage"}
    if config.api_key is not None:
        headers["Authorization"] = f"Bearer {config.api_key.reveal()}"
    opener = urllib.request.build_opener(_NoRedirects)

    def post(event: Mapping[str, Any]) -> None:
        data = json.dumps(event).encode()
        request = urllib.request.Request(url, data, headers, method="POST")
        try:
            opener.open(request, timeout=config.timeout_seconds).close()
        except urllib.error.HTTPError as error:
            error.close()
            raise _refused(error.code) from None
        except OSError as error:
            msg = f"the endpoint does not answer: {type(error).__name__}"
            raise NetworkError(msg) from error

    return post


def _refused(status: int) -> Exception:
    msg = f"the endpoint refuses the event with HTTP {status}"
    if status in _UNAUTHORIZED:
        return AuthenticationError(msg, fix="Look at api_key.")
    if status >= _SERVER_ERROR or status == _TOO_MANY:
        return ServiceUnavailableError(msg)
    return ConfigurationError(msg, fix="Look at url.")
