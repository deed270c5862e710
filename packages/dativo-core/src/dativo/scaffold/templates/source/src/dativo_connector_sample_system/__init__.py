"""Read the records of Sample System through its HTTP API."""

from ._config import Config
from ._hooks import check_connection, describe, discover, extract

__all__ = ["Config", "check_connection", "describe", "discover", "extract"]
