"""Stripe's API as one call: paced, retried by the engine, and over before its deadline."""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import attrs
import httpcore
import httpx

from dativo.contract import Context
from dativo.errors import (
    ConfigurationError,
    DativoError,
    InsufficientPermissionsError,
    NetworkError,
    RateLimitError,
    RunInterruptedError,
    ServiceUnavailableError,
)
from dativo_connector_stripe._config import StripeConfig
from dativo_connector_stripe._decode import require_json
from dativo_connector_stripe._errors import (
    LONGEST_WAIT_SECONDS,
    Refusal,
    from_answer,
    retry_after_seconds,
    server_seconds,
    wait_is_too_long,
)
from dativo_connector_stripe._limits import Limiter
from dativo_connector_stripe._sockets import Sockets
from dativo_connector_stripe._transport import open_http, read_body

__all__ = ["Account", "Answer", "Client", "open_client"]

_OK = 200
_MAX_REFUSAL_BYTES = 64 << 10
_LATENCY_WEIGHT = 0.1
# What may be saved up in a lull: with 80 % of a limit this stays below it in any second.
_BURST_SECONDS = 0.1

# Shorter waits may end with the run, which then says why.
_PATIENCE_SECONDS = 60.0

_PAUSES = frozenset({429, 503})

_BROKEN = (
    httpcore.ProtocolError,
    httpcore.NetworkError,
    httpcore.TimeoutException,
    httpcore.ProxyError,
)


@attrs.frozen
class Answer:
    """A success.

    Attributes:
        body: The bytes, unpacked.
        now: Stripe's clock when it answered, in seconds since 1970.
        request_id: Stripe's name for the request; empty if it did not say.
    """

    body: bytes = attrs.field(repr=False)
    now: int
    request_id: str


@attrs.frozen
class Account:
    """Whose data it is; the id is empty if the key may not know."""

    id: str
    livemode: bool


def open_client(config: StripeConfig, context: Context) -> Client:
    """Return the client of the run; the engine closes it."""
    return context.resource("stripe", lambda: _opened(config, context.deadline))


@contextmanager
def _opened(config: StripeConfig, deadline: float | None) -> Iterator[Client]:
    try:
        client = Client(config, deadline=deadline)
    except (httpx.InvalidURL, UnicodeError) as error:
        msg = f"api_base is no address that can be asked: {error}"
        raise ConfigurationError(msg, fix="Mend `api_base` in `source.config`.") from error
    try:
        yield client
    finally:
        client.close()


class Client:
    """Asks Stripe from any number of threads, as fast as the limits allow."""

    def __init__(self, config: StripeConfig, *, deadline: float | None = None) -> None:
        """Prepare to ask; *deadline* is when the run must be over, by the monotonic clock."""
        self._config = config
        self._deadline = math.inf if deadline is None else deadline
        self._stopped = threading.Event()
        self._limiter = self._new_limiter(config.account_rate)
        self._sockets = Sockets(gate=self._limiter.hold)
        self._http = open_http(config, self._sockets)
        self._host = _place(httpx.URL(config.api_base))
        self._slots = threading.BoundedSemaphore(config.concurrency)
        self._lock = threading.Lock()
        self._endpoints: dict[str, Limiter] = {}
        self._account: Account | None = None
        self._account_lock = threading.Lock()
        self._latency_seconds = 0.0
        self._ahead_seconds = math.inf

    def get(
        self,
        context: Context,
        path: str,
        params: Sequence[tuple[str, str]] = (),
        *,
        endpoint: str = "",
    ) -> Answer:
        """Ask for *path*, whose parts are percent-encoded, until it is answered or fails for good.

        Args:
            context: Retries, and ends every wait when the run is cancelled.
            path: Such as ``/v1/charges``.
            params: The query, in this order.
            endpoint: What Stripe counts requests by: the path with ``{}`` in place of ids.

        Raises:
            DativoError: What :mod:`_errors` makes of answers and of failures of the network.
        """
        with context.on_cancel(self._stop):
            if context.cancelled():
                self._stop()
            return context.retry(lambda: self._try(path, params, endpoint or path))

    def account(self, context: Context) -> Account:
        """Return whose data it is; asked once per run."""
        with self._account_lock:
            if self._account is None:
                self._account = self._ask_account(context)
            return self._account

    def now(self, context: Context) -> int:
        """Return Stripe's clock, in whole seconds since 1970; it may be a few too few.

        Of what the answers said the earliest counts: what is taken for the future is read later,
        and what is wrongly taken for the past is not read at all.
        """
        if self._ahead_seconds == math.inf:
            self.account(context)
        ahead = self._ahead_seconds
        return int(time.time() if ahead == math.inf else time.monotonic() + ahead)

    @property
    def latency_seconds(self) -> float:
        """How long an answer takes, as a moving average; 0 before the first."""
        return self._latency_seconds

    def rate(self, endpoint: str) -> float:
        """Return how many requests a second to *endpoint* get through now."""
        return min(self._limiter.rate, self._endpoint(endpoint).rate)

    def close(self) -> None:
        """End what is under way and close all connections."""
        self._stop()
        self._http.close()

    def _stop(self) -> None:
        self._stopped.set()
        self._sockets.cut()

    def _wait(self, seconds: float) -> None:
        """Wait for a limiter; whoever would wait for hours, or beyond the run, fails instead."""
        left = max(_PATIENCE_SECONDS, self._deadline - time.monotonic())
        if seconds > min(LONGEST_WAIT_SECONDS, left):
            raise wait_is_too_long(seconds)
        if self._stopped.wait(seconds):
            raise _interrupted()

    def _try(self, path: str, params: Sequence[tuple[str, str]], endpoint: str) -> Answer:
        limiter = self._endpoint(endpoint)
        limiter.take()
        with self._slots:
            # The last one, as it is the one that is paused.
            self._limiter.take()
            if self._stopped.is_set():
                raise _interrupted()
            sent = time.monotonic()
            with self._sockets.within(self._config.timeout_seconds):
                answer = self._send(path, params)
        if isinstance(answer, Answer):
            self._note_latency(time.monotonic() - sent)
            return answer
        error = from_answer(answer, self._config.api_key)
        if isinstance(error, RateLimitError):
            self._slow_down(limiter, answer, sent)
        raise error

    def _send(self, path: str, params: Sequence[tuple[str, str]]) -> Answer | Refusal:
        request = self._http.build_request("GET", path, params=list(params) or None)
        try:
            response = self._http.send(request, stream=True)
            try:
                return self._read(response, path)
            finally:
                response.close()
        except (DativoError, *_BROKEN) as error:
            if self._stopped.is_set():
                raise _interrupted() from error
            if isinstance(error, DativoError):
                raise
            msg = f"{self._host} broke the connection off: {_text(error)}"
            raise NetworkError(msg, details={"path": path}) from error

    def _read(self, response: httpx.Response, path: str) -> Answer | Refusal:
        headers, status = response.headers, response.status_code
        if status in _PAUSES:
            # Before the body, which may take its time: nobody is to send meanwhile.
            self._limiter.pause(retry_after_seconds(headers) or 0.0)
        if status != _OK:
            body = b""
            with suppress(DativoError, *_BROKEN):
                body = read_body(response, limit_bytes=_MAX_REFUSAL_BYTES)
            return Refusal(status=status, headers=headers, body=body, place=self._host + path)
        request_id = headers.get("request-id", "")
        try:
            body = read_body(response)
            # Here, so that a page of a proxy costs one more request and nothing that was read.
            require_json(body, self._host + path)
        except DativoError as error:
            error.details.setdefault("request_id", request_id)
            raise
        told = server_seconds(headers)
        now = int(time.time() if told is None else told)
        with self._lock:
            self._ahead_seconds = min(self._ahead_seconds, now - time.monotonic())
        return Answer(body, now, request_id)

    def _ask_account(self, context: Context) -> Account:
        livemode = self._config.livemode
        try:
            answer = self.get(context, "/v1/account")
        except InsufficientPermissionsError as error:
            if error.details.get("stripe_code") == "account_invalid":
                raise
            return Account("", livemode)
        try:
            found = json.loads(answer.body)
            return Account(str(found["id"]), bool(found.get("livemode", livemode)))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            text = f"{self._host}/v1/account answered with something else than an account"
            details = {"request_id": answer.request_id}
            raise ServiceUnavailableError(text, details=details) from error

    def _endpoint(self, name: str) -> Limiter:
        with self._lock:
            limiter = self._endpoints.get(name)
            if limiter is None:
                limiter = self._new_limiter(self._config.endpoint_requests_per_second)
                self._endpoints[name] = limiter
            return limiter

    def _new_limiter(self, rate: float) -> Limiter:
        return Limiter(rate, burst=rate * _BURST_SECONDS, wait=self._wait)

    def _slow_down(self, endpoint: Limiter, refusal: Refusal, sent: float) -> None:
        """Halve the rate of what was too much; both, if Stripe does not say."""
        reason = refusal.headers.get("stripe-rate-limited-reason", "")
        if not reason.startswith("global-"):
            endpoint.slow_down(sent=sent)
        if not reason.startswith(("endpoint-", "resource-")):
            self._limiter.slow_down(sent=sent)

    def _note_latency(self, seconds: float) -> None:
        with self._lock:
            weight = _LATENCY_WEIGHT if self._latency_seconds else 1.0
            self._latency_seconds += weight * (seconds - self._latency_seconds)


def _place(url: httpx.URL) -> str:
    return url.host if url.port is None else f"{url.host}:{url.port}"


def _interrupted() -> RunInterruptedError:
    return RunInterruptedError("the run was stopped")


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__
