"""What was measured, as versions of installed distributions."""

from __future__ import annotations

from importlib.metadata import distributions
from pathlib import Path

__all__ = ["describe_versions"]

_OURS = ("dativo-core", "dativo-pgcopy", "adbc-driver-postgresql", "pyarrow", "typer")
_PEERS = ("dlt", "connectorx", "duckdb", "tpchgen-cli")


def describe_versions(ours: Path, peers: Path) -> str:
    """Return a sentence of the versions in two environments."""
    found = _versions(ours, _OURS) | _versions(peers, _PEERS)
    listed = ", ".join(f"{name} {version}" for name, version in found.items())
    return f"Versions: PostgreSQL 18, {listed}."


def _versions(environment: Path, names: tuple[str, ...]) -> dict[str, str]:
    folders = [str(path) for path in environment.glob("lib/python*/site-packages")]
    found = {one.name: one.version for one in distributions(path=folders)}
    return {name: found[name] for name in names if name in found}
