"""Read customers, charges and events from localstripe, which others wrote, with the connector.

``python tests/outside/localstripe.py PYTHON``: the Python that has localstripe installed. It is a
program of its own (GPL) and no dependency; ``nox -s localstripe`` installs it apart from ours.
It lists the oldest objects first and filters few lists, so that streams are read as one list.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pyarrow.parquet as pq

_KEY = "sk_test_12345"
_COUNT = 150
_STREAMS = ("customers", "charges", "events")
# Its own command listens on every interface.
_SERVER = """
import sys
from aiohttp import web
from localstripe.server import app
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
"""


def main(python: str) -> int:
    """Return 0 if each stream has exactly the objects that localstripe has."""
    with tempfile.TemporaryDirectory(prefix="dativo-localstripe-") as name, _server(python) as url:
        expected = _fill(url)
        folder = Path(name)
        _run(folder, url)
        for stream in _STREAMS:
            found = sorted(pq.read_table(folder / "lake" / stream).column("id").to_pylist())
            assert found == sorted(expected[stream]), f"{stream}: {len(found)} are not the same"
            sys.stdout.write(f"{stream}: {len(found)} objects, the same as localstripe's\n")
    return 0


@contextmanager
def _server(python: str) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix="dativo-localstripe-") as home:
        process = subprocess.Popen(
            [python, "-c", _SERVER, str(port)], cwd=home, stderr=subprocess.DEVNULL
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _wait(url, process)
            yield url
        finally:
            process.terminate()
            process.wait()


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < until:
        try:
            httpx.get(f"{url}/v1/customers", auth=(_KEY, ""))
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("localstripe does not start")


def _fill(url: str) -> dict[str, list[str]]:
    """Make customers with a charge each; return what localstripe then has by stream."""
    with httpx.Client(base_url=url, auth=(_KEY, ""), timeout=60) as client:
        made: dict[str, list[str]] = {"customers": [], "charges": []}
        for number in range(_COUNT):
            customer = _post(client, "customers", {"email": f"c{number}@example.com"})
            source = {
                "source[object]": "card",
                "source[number]": "4242424242424242",
                "source[exp_month]": "12",
                "source[exp_year]": "2040",
                "source[cvc]": "123",
            }
            _post(client, f"customers/{customer}/sources", source)
            amount = {"amount": str(100 + number), "currency": "eur", "customer": customer}
            made["customers"].append(customer)
            made["charges"].append(_post(client, "charges", amount))
        made["events"] = list(_ids(client, "events"))
        return made


def _post(client: httpx.Client, path: str, form: dict[str, str]) -> str:
    answer = client.post(f"/v1/{path}", data=form)
    answer.raise_for_status()
    return str(answer.json()["id"])


def _ids(client: httpx.Client, path: str) -> Iterator[str]:
    """Follow a list by hand, so that nothing of the connector is trusted."""
    query: dict[str, str] = {"limit": "100"}
    while True:
        page = client.get(f"/v1/{path}", params=query).raise_for_status().json()
        yield from (one["id"] for one in page["data"])
        if not page["has_more"]:
            return
        query["starting_after"] = page["data"][-1]["id"]


def _run(folder: Path, url: str) -> None:
    config = {"api_key": _KEY, "api_base": url, "windows": False, "requests_per_second": 50}
    job = {
        "name": "localstripe",
        "source": {"connector": "stripe", "config": config},
        "streams": [{"name": name} for name in _STREAMS],
        "writer": {"connector": "parquet", "config": {"path": str(folder / "lake")}},
    }
    (folder / "job.yaml").write_text(json.dumps(job), encoding="utf-8")
    subprocess.run([sys.executable, "-m", "dativo", "run"], cwd=folder, check=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
