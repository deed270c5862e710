"""Making a new project, from a template or from a local file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs

from dativo.scaffold._files import write_files
from dativo.scaffold._local import local_project
from dativo.scaffold._names import Names
from dativo.scaffold._templates import template_files

__all__ = ["NewProject", "new_project"]


@attrs.frozen(kw_only=True)
class NewProject:
    """A project that was written.

    Attributes:
        names: What it is called.
        folder: Where it is.
        files: Its files, relative to the folder.
        todo: What its author has to look at, one sentence each.
    """

    names: Names
    folder: Path
    files: tuple[str, ...]
    todo: tuple[str, ...] = ()


def new_project(names: Names, *, folder: Path | None = None, source: str = "") -> NewProject:
    """Write a distribution with a connector that works, all of its files or none.

    Args:
        names: What it is called.
        folder: Where it goes; by default the distribution's name in the current folder.
        source: A local file that is made a distribution of, ``FILE.py[:Object]``; without it the
            connector comes from the template of its kind.

    Raises:
        UsageError: A file is there already, or *source* names none.
        PluginLoadError: The local file cannot be loaded, or is no connector of this kind.
        OSError: It cannot be written.
    """
    place = folder or Path(names.distribution)
    files: Mapping[str, str]
    if source:
        project = local_project(source, names)
        files, todo = project.files, _todo(project.needs.requirements, project.needs.unknown)
    else:
        files, todo = template_files(names), ()
    # Absolute, because a folder such as `..` has no name to put a draft beside.
    write_files(place.absolute(), files)
    return NewProject(names=names, folder=place, files=tuple(sorted(files)), todo=todo)


def _todo(requirements: tuple[str, ...], unknown: tuple[str, ...]) -> tuple[str, ...]:
    found = ", ".join(requirements) or "none besides dativo-core"
    texts = [f"check the dependencies in pyproject.toml, which are guessed from imports: {found}"]
    if unknown:
        texts.append(f"name the packages of these modules there: {', '.join(unknown)}")
    texts.append("fill in the situations in tests/test_conformance.py")
    return tuple(texts)
