"""Dativo source for Pulse, an API whose records are rows without names, numbered from 1."""

import json
import urllib.request
from functools import partial

import attrs

from dativo import contract

STREAMS = ("readings", "alarms", "outages")
FIELDS, KEY = ("seq", "note", "value"), ("seq",)
MODES = tuple(contract.ReadMode)


@attrs.frozen
class Config:
    url: contract.Url = contract.setting("The address of the API.", identity=True)
    key: contract.Secret = contract.setting("A key that may read.")


@contract.hookimpl
def describe():
    return contract.ConnectorInfo(
        title="Pulse",
        source=contract.SourceInfo(config=Config, read_modes=MODES),
        permissions=contract.Permissions(hosts=("${config.url}",)),
        errors=(
            "INVALID_CREDENTIALS",
            "INSUFFICIENT_PERMISSIONS",
            "RESOURCE_NOT_FOUND",
            "NETWORK",
            "CONNECT_TIMEOUT",
            "SERVICE_UNAVAILABLE",
        ),
    )


@contract.hookimpl
def check_connection(config, context):
    names = [request.stream for request in context.streams] or STREAMS
    return contract.ConnectionTestResult(
        contract.CheckItem.trying(f"stream {name}", partial(page, config, name)) for name in names
    )


@contract.hookimpl
def discover(config):
    about = {"schema": table([]).schema, "primary_key": KEY, "cursors": KEY, "read_modes": MODES}
    for name in STREAMS:
        yield contract.Stream(name=name, **about).trying(partial(page, config, name))


@contract.hookimpl
def extract(config, request, state, context):
    columns = request.columns_of(FIELDS, cursors=KEY)
    last, rows = state.value["seq"] if state else 0, True
    while rows and not context.cancelled():
        rows = context.retry(partial(page, config, request.stream, last))
        last = rows[-1][0] if rows else last
        yield contract.Batch(table(rows).select(columns), contract.Checkpoint({"seq": last}))


def page(config, stream, after=0):
    url = f"{config.url}/{stream}?after={after}"
    request = urllib.request.Request(url, headers={"X-Key": config.key.reveal()})
    # Nobody can hang up on urllib, so this is also how long a cancelled read lasts.
    with urllib.request.urlopen(request, timeout=2) as answer:
        return json.load(answer)["rows"]


def table(rows):
    import pyarrow as pa  # slow, and who lists plugins needs none of it

    schema = pa.schema({"seq": pa.int64(), "note": pa.string(), "value": pa.float64()})
    return pa.Table.from_pylist([dict(zip(FIELDS, row, strict=True)) for row in rows], schema)
