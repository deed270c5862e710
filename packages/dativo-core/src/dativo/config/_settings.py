"""Settings that come from code or the command line, as if they stood in a job file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from dativo.config._node import Node, NodeKind, Origin
from dativo.config._problems import ProblemList
from dativo.config._redactor import Redactor
from dativo.config._yaml import parse_yaml
from dativo.errors import InvalidConfigError

__all__ = ["settings_node"]


def settings_node(
    settings: Mapping[str, object],
    *,
    folder: Path,
    shown: str = "settings",
    redactor: Redactor | None = None,
) -> Node:
    """Return *settings* as a located value; references in them work as in a job file.

    Args:
        settings: JSON values by key.
        folder: What relative paths are relative to.
        shown: What messages name in place of a file.
        redactor: Learns every secret that is met.

    Raises:
        InvalidConfigError: The settings are no JSON values or larger than a job file may be.
    """
    learns = Redactor() if redactor is None else redactor
    problems = ProblemList()
    try:
        # JSON is YAML, so one parser with one set of limits serves both.
        data = json.dumps(dict(settings)).encode()
    except (TypeError, ValueError, RecursionError) as error:
        msg = f"{shown}: expected JSON values: {type(error).__name__}"
        raise InvalidConfigError(msg) from error
    node = parse_yaml(data, Origin(shown, folder, redactor=learns), problems)
    problems.raise_if_any()
    return node or Node(NodeKind.MAPPING, "", 1, 1, Origin(shown, folder))
