"""Read any REST endpoint that lists JSON, as the job file describes it."""

from dativo_connector_restjson._config import RestConfig
from dativo_connector_restjson._hooks import (
    check_connection,
    describe,
    discover,
    extract,
    plan_read,
)

__all__ = [
    "RestConfig",
    "check_connection",
    "describe",
    "discover",
    "extract",
    "plan_read",
]
