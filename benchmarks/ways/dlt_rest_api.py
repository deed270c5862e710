"""Copy charges to Parquet files with dlt's REST API source, as its documentation builds one."""

# This runs in the environment of the peers, not in the project's own.
# pyright: reportMissingImports=false

from __future__ import annotations

import os
import sys
from typing import Any

import dlt
from dlt.sources.helpers.requests import Request, Response
from dlt.sources.helpers.rest_client.paginators import BasePaginator
from dlt.sources.rest_api import rest_api_source


class _Paginator(BasePaginator):
    """Pages as Stripe does: the id of the last object is the cursor."""

    def __init__(self) -> None:
        super().__init__()
        self._last = ""

    def update_state(self, response: Response, data: list[Any] | None = None) -> None:
        """Take note of where the page ends."""
        self._has_next_page = bool(data) and response.json()["has_more"]
        self._last = data[-1]["id"] if data else ""

    def update_request(self, request: Request) -> None:
        """Ask for what comes after it."""
        request.params = {**(request.params or {}), "starting_after": self._last}


def main() -> None:
    """Copy the charges of the server in the environment to the folder in the arguments."""
    folder = sys.argv[1]
    endpoint = {
        "path": "v1/charges",
        "params": {"limit": 100},
        "data_selector": "data",
        "paginator": _Paginator(),
    }
    source = rest_api_source(
        {
            "client": {
                "base_url": os.environ["STRIPE_API_BASE"],
                "auth": {"type": "bearer", "token": os.environ["STRIPE_API_KEY"]},
            },
            # What is nested stays JSON, as with us; the default writes tables of it, and is slower.
            "resources": [{"name": "charges", "max_table_nesting": 0, "endpoint": endpoint}],
        }
    )
    pipeline = dlt.pipeline(
        "charges",
        pipelines_dir=f"{folder}/state",
        destination=dlt.destinations.filesystem(f"file://{folder}/lake"),
        dataset_name="lake",
    )
    pipeline.run(source, loader_file_format="parquet", write_disposition="replace")


if __name__ == "__main__":
    main()
