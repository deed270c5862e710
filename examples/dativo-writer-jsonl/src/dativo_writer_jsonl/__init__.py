"""Write streams as JSON Lines, exactly and in one step."""

from dativo_writer_jsonl._config import JsonlConfig
from dativo_writer_jsonl._hooks import (
    check_connection,
    describe,
    lock,
    plan_write,
    read_back,
    write,
)

__all__ = [
    "JsonlConfig",
    "check_connection",
    "describe",
    "lock",
    "plan_write",
    "read_back",
    "write",
]
