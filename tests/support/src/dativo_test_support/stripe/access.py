"""Who may ask: keys and their rights, the account, and how often."""

from __future__ import annotations

import base64
import re
import time

import attrs

from dativo_test_support.stripe.errors import Refusal, bad_request, rate_limited
from dativo_test_support.stripe.exchange import Request

__all__ = ["Bucket", "Key", "Keys", "check_version", "secret_of"]

_VERSION = re.compile(r"\d{4}-\d\d-\d\d(\.[a-z_]+)?")


@attrs.define
class Key:
    """An API key; `rights` is what a restricted one may read, ``None`` is everything."""

    secret: str
    rights: frozenset[str] | None = None
    has_expired: bool = False

    @property
    def masked(self) -> str:
        """The key as error messages show it."""
        start = "_".join(self.secret.split("_")[:2]) + "_" if "_" in self.secret else ""
        stars = max(0, len(self.secret) - len(start) - 4)
        return start + "*" * stars + self.secret[-4:]

    def demand(self, permission: str, account: str) -> None:
        """Refuse unless it has the right."""
        if self.rights is not None and permission not in self.rights:
            raise Refusal(
                403,
                f"The provided key '{self.masked}' does not have the required permissions for"
                f" this endpoint on account '{account}'. Having the '{permission}' permission"
                " would allow this request to continue.",
            )


@attrs.define
class Keys:
    """The keys of an account, and the accounts that they reach."""

    keys: dict[str, Key]
    accounts: set[str]

    def admit(self, request: Request) -> Key:
        """Return the key of a request that has a valid one."""
        secret = secret_of(request)
        if not secret:
            raise Refusal(
                401,
                "You did not provide an API key. You need to provide your API key in the"
                " Authorization header, using Bearer auth (e.g. 'Authorization: Bearer"
                " YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details,"
                " or we can help at https://support.stripe.com/.",
                headers=(("WWW-Authenticate", 'Bearer realm="Stripe"'),),
            )
        key = self.keys.get(secret)
        if key is None:
            raise Refusal(401, f"Invalid API Key provided: {Key(secret).masked}")
        if key.has_expired:
            message = f"Expired API Key provided: {key.masked}"
            raise Refusal(401, message, code="api_key_expired")
        account = request.headers.get("stripe-account", "")
        if account and account not in self.accounts:
            raise Refusal(
                403,
                f"The provided key '{key.masked}' does not have access to account '{account}' (or"
                " that account does not exist). Application access may have been revoked.",
                code="account_invalid",
            )
        return key


class Bucket:
    """Refuses what comes faster than *rate* in a second, after as many at once as *burst*."""

    def __init__(self, rate: float, burst: float, *, reason: str) -> None:
        self._rate, self._burst, self._reason = rate, burst, reason
        self._level, self._at = burst, time.monotonic()

    def take(self) -> None:
        """Count one request, or refuse it."""
        now = time.monotonic()
        self._level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now
        if self._level < 1:
            raise rate_limited(reason=self._reason)
        self._level -= 1


def check_version(version: str) -> None:
    if not _VERSION.fullmatch(version):
        raise bad_request(f"Invalid Stripe API version: {version}", "")


def secret_of(request: Request) -> str:
    """Return the key that a request carries; empty if it carries none."""
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        return base64.b64decode(rest).decode("latin-1").partition(":")[0]
    return rest.strip() if scheme.lower() == "bearer" else ""
