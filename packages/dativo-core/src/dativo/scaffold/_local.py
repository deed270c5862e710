"""A local file as a distribution: its code as it is, and around it what a package needs."""

from __future__ import annotations

import keyword
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from dativo.contract import CONNECTOR_GROUP, CONNECTOR_GROUP_PREFIX, Role
from dativo.errors import UsageError
from dativo.scaffold._imports import Needs, needs_of
from dativo.scaffold._inspect import Found, Style, inspect_file
from dativo.scaffold._names import Names
from dativo.scaffold._templates import local_files

__all__ = ["LocalProject", "local_project"]

_CORE = "dativo-core>=0.1,<1"
_ADDRESS = re.compile(r"(?P<file>[^:]+\.py)(:(?P<path>[A-Za-z_]\w*(\.[A-Za-z_]\w*)*))?")


@attrs.frozen(kw_only=True)
class LocalProject:
    """What a local file becomes.

    Attributes:
        files: The text of each file by its path in the project.
        module: The path of the file's code in the project.
        found: What it says of itself.
        needs: What it seems to need.
    """

    files: Mapping[str, str]
    module: str
    found: Found
    needs: Needs


def local_project(address: str, names: Names) -> LocalProject:
    """Make a project of the file and the object in it that *address* names.

    Raises:
        UsageError: *address* names no file.
        PluginLoadError: It cannot be loaded, or is no connector of this kind.
    """
    file, path = _split(address)
    source = _read(file)
    found = inspect_file(file, path, names)
    needs = needs_of(source.removeprefix("\ufeff"))
    module = _module_name(file)
    place = f"src/{names.module}"
    entry = f"{names.module}.{module}:{path}" if path else f"{names.module}.{module}"
    made = ""
    if found.style is Style.CLASS:
        # An entry point names a module or an instance, so the package makes one.
        outer = path.partition(".")[0]
        made = f'\nfrom .{module} import {outer}\n\n__all__ = ["plugin"]\n\nplugin = {path}()\n'
        entry = f"{names.module}:plugin"
    files = local_files(names, _values(names, entry, module, found=found, needs=needs))
    files[f"{place}/__init__.py"] += made
    files[f"{place}/{module}.py"] = source
    files["dativo.json"] = found.manifest.to_json()
    return LocalProject(files=files, module=f"{place}/{module}.py", found=found, needs=needs)


def _split(address: str) -> tuple[Path, str]:
    matched = _ADDRESS.fullmatch(address)
    if matched is None:
        msg = f"{address!r} names no Python file and no object in one"
        raise UsageError(msg, fix="Write it as ./my_reader.py or ./my_reader.py:MyReader.")
    file = Path(matched["file"]).expanduser().absolute()
    if not file.is_file():
        near = sorted(other.name for other in file.parent.glob("*.py"))[:5]
        hint = f"; there are {', '.join(near)}" if near else ""
        raise UsageError(f"there is no file {file}{hint}", fix="Mend the path after --from.")
    return file, matched["path"] or ""


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise UsageError(f"{file} is not UTF-8: {error}", fix="Save it as UTF-8.") from error


def _module_name(file: Path) -> str:
    name = re.sub(r"\W", "_", file.stem)
    is_usable = name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("__")
    return name if is_usable else f"connector_{name.strip('_')}"


def _values(names: Names, entry: str, module: str, *, found: Found, needs: Needs) -> dict[str, str]:
    """Return what the placeholders of the templates stand for."""
    is_old = found.style is Style.CLASS_STYLE
    requirements = sorted({_CORE, *needs.requirements})
    return {
        "group": f"{CONNECTOR_GROUP_PREFIX}0" if is_old else CONNECTOR_GROUP,
        "entry": entry,
        "module": module,
        "dependencies": "".join(f'  "{one}",\n' for one in requirements),
        "unknown": "".join(f"  # Which package has the module {one}?\n" for one in needs.unknown),
        "settings": _settings(found, names),
    }


def _settings(found: Found, names: Names) -> str:
    """Return the names of the settings, the required ones first."""
    schema: Mapping[str, Any] = found.manifest.roles[Role(names.kind.value)]["config"]
    required = schema.get("required", [])
    optional = [f"{name} (optional)" for name in schema["properties"] if name not in required]
    return ", ".join([*required, *optional]) or "none"
