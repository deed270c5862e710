"""Tell each run as OpenLineage events, into a file or to an endpoint."""

from dativo_extension_openlineage._config import LineageConfig
from dativo_extension_openlineage._hooks import describe_extension, observe

__all__ = ["LineageConfig", "describe_extension", "observe"]
