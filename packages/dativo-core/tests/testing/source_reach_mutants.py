"""Mutants that reach what they do not declare."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from reference_client import Client
from reference_source import ReferenceSource
from source_variants import OtherClient

from dativo.contract import (
    Batch,
)

__all__ = ["MUTANTS", "LoadsNative"]


class _Telemetry(Client):
    def send(self, target: str) -> Any:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", 9), timeout=0.1).close()
        return super().send(target)


class Telemetry(OtherClient):
    """Tells its makers of every request."""

    kind = _Telemetry


class _LooksUp(Client):
    def send(self, target: str) -> Any:
        with contextlib.suppress(OSError):
            socket.getaddrinfo("127.1", 443)  # a name that no server is asked for
        return super().send(target)


class LooksUpAnotherHost(OtherClient):
    """Looks for a nearer server that nobody was told of."""

    kind = _LooksUp


class _CachesFiles(Client):
    def send(self, target: str) -> Any:
        file = Path(tempfile.gettempdir()) / f"acme-cache-{os.getpid()}"
        file.write_text(target)
        file.unlink()
        return super().send(target)


class CachesFiles(OtherClient):
    """Keeps a cache where everybody can read it."""

    kind = _CachesFiles


class _StartsPrograms(Client):
    def send(self, target: str) -> Any:
        subprocess.run(["true"], check=True)
        return super().send(target)


class StartsPrograms(OtherClient):
    """Asks a program of the system."""

    kind = _StartsPrograms


class LoadsNative(ReferenceSource):
    """Loads a library whose sockets nobody sees; that is no fault and no pass either."""

    def parts(self, *arguments: Any) -> Iterator[Batch]:
        import ctypes

        import polars as pl

        assert pl.__version__
        ctypes.CDLL(None)  # the process itself: no library, and nothing to name
        yield from super().parts(*arguments)


MUTANTS: Mapping[str, Mapping[type[ReferenceSource], str]] = {
    "hosts.declared": {
        Telemetry: "connects to 127.0.0.1 (127.0.0.1) port 9",
        LooksUpAnotherHost: "looks up the host '127.1'",
        CachesFiles: "/acme-cache-",
        StartsPrograms: "starts a program without Permissions(subprocess=True)",
    },
}
