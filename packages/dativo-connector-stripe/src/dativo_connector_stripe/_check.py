"""The connection test: whose account it is, and one verdict per stream of the job."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from dativo.contract import CheckItem, ConnectionTestResult, Context, ReadMode, StreamRequest
from dativo.errors import DativoError, RunInterruptedError
from dativo_connector_stripe._client import Client, open_client
from dativo_connector_stripe._config import StripeConfig
from dativo_connector_stripe._decode import Columns
from dativo_connector_stripe._extract import require_readable, row_of
from dativo_connector_stripe._probe import probe, probe_events, side_by_side

__all__ = ["check_connection"]


def check_connection(config: StripeConfig, context: Context) -> ConnectionTestResult:
    """Ask for the account, and for one object of each stream of the job."""
    return ConnectionTestResult(tuple(_items(config, context)))


def _items(config: StripeConfig, context: Context) -> Iterator[CheckItem]:
    try:
        client = open_client(config, context)
        account = client.account(context)
    except DativoError as error:
        yield CheckItem.failed("account", error)
        for request in context.streams:
            yield CheckItem.skipped(_scope(request), "account failed")
        return
    whose = account.id or "an account that the key may not look at"
    mode = "live" if account.livemode else "test"
    yield CheckItem.ok("account", f"{whose}, {mode} mode, API version {config.api_version}")
    checks = _Checks(config, context, client, _events_problem(client, context))
    yield from side_by_side(checks.item, context.streams)


def _events_problem(client: Client, context: Context) -> DativoError | None:
    """Return why events cannot be read, if a stream of the job needs them."""
    if not any(request.mode is ReadMode.INCREMENTAL for request in context.streams):
        return None
    try:
        probe_events(client, context)
    except DativoError as error:
        return error
    return None


@attrs.frozen
class _Checks:
    config: StripeConfig
    context: Context
    client: Client
    events_problem: DativoError | None

    def item(self, request: StreamRequest) -> CheckItem:
        scope = _scope(request)
        try:
            return CheckItem.ok(scope, self._found(request))
        except RunInterruptedError:
            return CheckItem.skipped(scope, "the check was stopped")
        except DativoError as error:
            return CheckItem.failed(scope, error.located(stream=request.stream))

    def _found(self, request: StreamRequest) -> str:
        row = row_of(request)
        require_readable(row, request, self.config)
        columns = Columns(row, request.columns).schema.names
        probe(row, self.client, self.context)
        found = f"{len(columns)} column{'' if len(columns) == 1 else 's'}"
        if request.mode is ReadMode.FULL:
            return found
        if not row.events:
            return f"{found}; its objects do not change"
        if self.events_problem is not None:
            raise _without_events(request, self.events_problem)
        return f"{found}; events tell what changes"


def _without_events(request: StreamRequest, problem: DativoError) -> DativoError:
    """Return *problem* as one of the stream: each has an instance of its own to be located in."""
    return type(problem)(
        f"incremental reads of {request.stream} need the events: {problem.message}",
        fix=problem.fix,
        retryable=problem.retryable,
        details=problem.details,
    )


def _scope(request: StreamRequest) -> str:
    return f"stream {request.stream}"
