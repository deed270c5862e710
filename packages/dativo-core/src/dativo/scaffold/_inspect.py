"""Looking at a local connector, in a process of its own: the file is its author's code."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import attrs

from dativo.contract import Manifest, Role
from dativo.errors import DativoError, PluginLoadError
from dativo.plugins import load_file, run_child
from dativo.scaffold._names import Names

__all__ = ["Found", "Style", "inspect_file", "look"]

_SECONDS = 30.0


class Style(StrEnum):
    """What the hooks of a local connector hang on."""

    MODULE = "module"
    INSTANCE = "instance"
    CLASS = "class"
    CLASS_STYLE = "class_style"
    """A class from before the hooks, contract 0."""


@attrs.frozen(kw_only=True)
class Found:
    """What a local connector says of itself.

    Attributes:
        style: What the hooks hang on.
        settings: The name of its config class.
        manifest: Its manifest under its new name.
    """

    style: Style
    settings: str
    manifest: Manifest


def inspect_file(file: Path, path: str, names: Names, *, seconds: float = _SECONDS) -> Found:
    """Load the object *path* of *file* in a child process, and return what it says of itself.

    Raises:
        PluginLoadError: It cannot be loaded, is no connector of this kind, or hangs.
    """
    request = {"file": str(file), "path": path, "name": names.name, "kind": names.kind.value}
    end = run_child("dativo.scaffold._inspect:look", request, seconds=seconds)
    if not end.has_ended:
        msg = f"{file} cannot be looked at: {end.reason}"
        fix = f"Mend {file}; a connector does nothing but define things when it is imported."
        raise PluginLoadError(msg, fix=fix, phase="load")
    answer: Mapping[str, Any] = end.answer
    if "problem" in answer:
        raise PluginLoadError(answer["problem"], fix=answer["fix"], phase="load")
    return Found(
        style=Style(answer["style"]),
        settings=answer["settings"],
        manifest=Manifest.from_json(answer["manifest"]),
    )


def look(request: Mapping[str, str]) -> Mapping[str, str]:
    """Load a local connector, in the child, and return what it says of itself as JSON values."""
    file, role = Path(request["file"]), Role(request["kind"])
    address = f"{file}:{request['path']}" if request["path"] else str(file)
    try:
        connector = load_file(file, request["path"], address=address, role=role)
    except DativoError as error:
        return {"problem": error.message, "fix": error.fix}
    side = connector.info.source if role is Role.SOURCE else connector.info.writer
    assert side is not None  # load_file saw to it
    manifest = Manifest.of(request["name"], connector.info, connector.hooks)
    style = Style.CLASS_STYLE if connector.notices else _style(file, request["path"])
    if style is Style.CLASS_STYLE:
        # It has no title of its own, so it goes by its address, which has been that of the file.
        manifest = attrs.evolve(manifest, contract="0.0", title=request["name"])
    return {
        "style": style.value,
        "settings": side.config.__qualname__,
        "manifest": manifest.to_json(),
    }


def _style(file: Path, path: str) -> Style:
    """Return what the object *path* of the module that was loaded from *file* is."""
    if not path:
        return Style.MODULE
    modules = list(sys.modules.values())
    found: Any = next(one for one in modules if getattr(one, "__file__", None) == str(file))
    for name in path.split("."):
        found = getattr(found, name)
    return Style.CLASS if inspect.isclass(found) else Style.INSTANCE
