"""The names of a new connector: one that its author chooses, and all that follow from it."""

from __future__ import annotations

import keyword
import re
import unicodedata
from enum import StrEnum

import attrs

from dativo.errors import UsageError
from dativo.plugins import list_plugins

__all__ = ["Kind", "Names", "names_of"]

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_MAX_CHARACTERS = 40
# A job file would read `connector: null` as something else than a text.
_YAML_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off"})


class Kind(StrEnum):
    """What a new connector is."""

    SOURCE = "source"
    WRITER = "writer"


_DISTRIBUTION = {Kind.SOURCE: "dativo-connector", Kind.WRITER: "dativo-writer"}


@attrs.frozen
class Names:
    """What a new connector is called, and where.

    Attributes:
        name: Its address in job files.
        kind: What it is.
    """

    name: str
    kind: Kind

    @property
    def distribution(self) -> str:
        """What `pip install` takes."""
        return f"{_DISTRIBUTION[self.kind]}-{self.name}"

    @property
    def module(self) -> str:
        """What Python imports; the prefix keeps it apart from every other library."""
        return self.distribution.replace("-", "_")

    @property
    def identifier(self) -> str:
        """The name where only letters, digits and underscores may stand."""
        return self.name.replace("-", "_")

    @property
    def title(self) -> str:
        """The name as a text for people."""
        return " ".join(word.capitalize() for word in self.name.split("-"))


def names_of(name: str, kind: Kind) -> Names:
    """Return the names of a new connector; nothing is imported.

    Raises:
        UsageError: It is no name that packages, Python and job files take alike, or one that an
            installed connector has.
    """
    if len(name) > _MAX_CHARACTERS:
        msg = f"the name has {len(name)} characters; {_MAX_CHARACTERS} are allowed"
        raise UsageError(msg, fix="Choose a shorter name.")
    if _NAME.fullmatch(name) is None:
        msg = f"{name!r} is no name for a connector: lower-case letters and digits, with - between"
        raise UsageError(msg, fix=_nearest(name))
    if name in _YAML_WORDS or keyword.iskeyword(name):
        msg = f"{name!r} is a word of Python or of YAML, which reads it as something else"
        raise UsageError(msg, fix=f"Choose another name, such as {name}-data.")
    names = Names(name, kind)
    _require_new(names)
    return names


def _nearest(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode()
    near = re.sub(r"[^a-z0-9]+", "-", plain).lstrip("-0123456789").rstrip("-")
    return f"Call it {near}." if _NAME.fullmatch(near) else "Call it by the system, such as acme."


def _require_new(names: Names) -> None:
    for entry in list_plugins():
        if entry.kind == "connector" and entry.name == names.name:
            msg = f"{entry.distribution} is installed and has a connector {names.name!r} already"
            fix = f"Choose another name, or pip uninstall {entry.distribution}."
            raise UsageError(msg, fix=fix)
        if re.sub(r"[-_.]+", "-", entry.distribution).lower() == names.distribution:
            msg = f"{entry.distribution} is installed already; its {entry.kind} is {entry.name!r}"
            raise UsageError(msg, fix=f"Choose another name, or pip uninstall {msg.split()[0]}.")
