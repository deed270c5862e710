"""Settings that come from code or the command line, as if they stood in a job file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from dativo.config._node import Node, Origin
from dativo.config._problems import ProblemList
from dativo.config._yaml import parse_yaml

__all__ = ["settings_node"]


def settings_node(settings: Mapping[str, object], *, folder: Path, shown: str = "settings") -> Node:
    """Return *settings* as a located value; references in them work as in a job file.

    Args:
        settings: JSON values by key.
        folder: What relative paths are relative to.
        shown: What messages name in place of a file.

    Raises:
        InvalidConfigError: The settings are no JSON values or larger than a job file may be.
    """
    problems = ProblemList()
    # JSON is YAML, so that one parser with one set of limits serves both.
    data = json.dumps(settings, ensure_ascii=False).encode()
    node = parse_yaml(data, Origin(shown, folder), problems)
    problems.raise_if_any()
    assert node is not None
    return node
