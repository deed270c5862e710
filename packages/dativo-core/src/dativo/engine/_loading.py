"""The connector that an address names: an installed one, or a Python file."""

from __future__ import annotations

from pathlib import Path

from dativo.config import ConnectorUse, file_address
from dativo.contract import Role
from dativo.plugins import Connector, load_connector, load_file

__all__ = ["load_named", "load_used"]


def load_used(use: ConnectorUse, role: Role) -> Connector:
    """Load the connector of one side of a job.

    Raises:
        PluginError: It is not there or cannot be loaded.
    """
    if use.file is None:
        return load_connector(use.connector, role)
    return load_file(use.file.path, use.file.name, address=use.file.text, role=role)


def load_named(name: str, role: Role, *, folder: Path) -> Connector:
    """Load the connector *name*; if it is a file, its path begins in *folder*.

    Raises:
        PluginError: It is not there or cannot be loaded.
    """
    file = file_address(name, folder)
    if file is None:
        return load_connector(name, role)
    return load_file(file.path, file.name, address=file.text, role=role)
