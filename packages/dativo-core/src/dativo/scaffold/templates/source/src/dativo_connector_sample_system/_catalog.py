"""The streams: one entry of the table per list that the API has.

A new stream is a new entry here and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import attrs
import pyarrow as pa
from dativo.contract import Context, ReadMode, Stream
from dativo.errors import ResourceNotFoundError

from ._client import open_client
from ._config import Config

__all__ = ["ENDPOINTS", "MONEY", "TIME", "Endpoint", "discover", "find_endpoint"]

TIME = pa.timestamp("us", "UTC")
MONEY = pa.decimal128(18, 2)


@attrs.frozen(kw_only=True)
class Endpoint:
    """One list of the API.

    Attributes:
        name: The stream's name in job files.
        path: Where the API has it.
        description: What its records are.
        schema: The fields and their types; what is not nullable is never missing.
        cursors: The fields by which the API can list what is new.
    """

    name: str
    path: str
    description: str
    schema: pa.Schema = attrs.field(eq=False)
    cursors: tuple[str, ...] = ()

    @property
    def read_modes(self) -> tuple[ReadMode, ...]:
        """Only a list with a cursor can be read from where the last run ended."""
        return (ReadMode.FULL, ReadMode.INCREMENTAL) if self.cursors else (ReadMode.FULL,)

    def to_stream(self) -> Stream:
        """Return what `dativo discover` shows of it."""
        return Stream(
            name=self.name,
            schema=self.schema,
            kind="endpoint",
            primary_key=("id",),
            cursors=self.cursors,
            read_modes=self.read_modes,
            description=self.description,
        )


ENDPOINTS = (
    Endpoint(
        name="customers",
        path="/v1/customers",
        description="Who buys.",
        schema=pa.schema(
            [
                pa.field("id", pa.string(), nullable=False),
                pa.field("updated_at", TIME, nullable=False),
                pa.field("name", pa.string()),
                pa.field("newsletter", pa.bool_()),
                pa.field("credit", MONEY),
            ]
        ),
        cursors=("updated_at",),
    ),
    Endpoint(
        name="orders",
        path="/v1/orders",
        description="What was bought.",
        schema=pa.schema(
            [
                pa.field("id", pa.string(), nullable=False),
                pa.field("updated_at", TIME, nullable=False),
                pa.field("customer", pa.string(), nullable=False),
                pa.field("quantity", pa.int64()),
                pa.field("total", MONEY),
                pa.field("note", pa.string()),
            ]
        ),
        cursors=("updated_at",),
    ),
    Endpoint(
        name="regions",
        path="/v1/regions",
        description="Where is sold; the API has no way to ask for what is new.",
        schema=pa.schema(
            [pa.field("id", pa.string(), nullable=False), pa.field("title", pa.string())]
        ),
    ),
)


def discover(config: Config, context: Context) -> Iterator[Stream]:
    """Yield every stream; one that the token may not read is shown with the reason."""
    client = open_client(config, context)
    for endpoint in ENDPOINTS:
        ask = partial(client.get_page, context, endpoint.path, {"limit": 1})
        yield endpoint.to_stream().trying(ask)


def find_endpoint(name: str) -> Endpoint:
    """Return the endpoint of a stream."""
    for endpoint in ENDPOINTS:
        if endpoint.name == name:
            return endpoint
    known = ", ".join(endpoint.name for endpoint in ENDPOINTS)
    raise ResourceNotFoundError(f"there is no stream {name!r}; there are {known}")
