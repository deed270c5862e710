"""The check: one item per thing that can be wrong, each tried for real."""

from __future__ import annotations

from dativo.contract import CheckItem, ConnectionTestResult, Context
from dativo.errors import AuthenticationError, DativoError

from ._catalog import ENDPOINTS, find_endpoint
from ._client import open_client
from ._config import Config

__all__ = ["check_connection"]


def check_connection(config: Config, context: Context) -> ConnectionTestResult:
    """Ask for one record of each stream of the job, or of all streams outside of a job.

    What fails is an item and no exception, so that a person sees all problems at once.
    """
    wanted = [request.stream for request in context.streams]
    items = [_try_token(config, context)]
    if items[0].error is None:
        names = wanted or [endpoint.name for endpoint in ENDPOINTS]
        items += [_try_stream(config, context, name) for name in names]
    return ConnectionTestResult(items)


def _try_token(config: Config, context: Context) -> CheckItem:
    client = open_client(config, context)
    try:
        client.get(context, "/v1/me", {})
    except AuthenticationError as error:
        return CheckItem.failed("token", error)
    except DativoError as error:
        return CheckItem.failed("api", error)
    return CheckItem.ok("token", f"{config.base_url} accepts it")


def _try_stream(config: Config, context: Context, name: str) -> CheckItem:
    def ask() -> None:
        endpoint = find_endpoint(name)
        open_client(config, context).get_page(context, endpoint.path, {"limit": 1})

    return CheckItem.trying(f"stream {name}", ask)
