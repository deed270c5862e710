"""Write records into Sample System, whole epochs or nothing."""

from ._config import Config
from ._hooks import check_connection, describe, read_back, write

__all__ = ["Config", "check_connection", "describe", "read_back", "write"]
