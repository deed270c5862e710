"""References: ``${env:NAME}`` and ``${file:path}`` in the values of a job file."""

from __future__ import annotations

import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

from dativo.config._node import Node, Origin
from dativo.config._problems import ProblemList, nearest

__all__ = ["Resolved", "resolve"]

MAX_FILE_BYTES = 1024 * 1024

_REFERENCE = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")


class _UnresolvedError(Exception):
    """A reference leads nowhere; carries the message and the hint."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


@attrs.frozen
class Resolved:
    """A scalar with its references replaced.

    Attributes:
        text: The text.
        is_text: Whether it is text whatever it looks like (quoted, or put together of parts).
        parts: What the references stood for; never shown in messages.
    """

    text: str = attrs.field(repr=False)
    is_text: bool
    parts: tuple[str, ...] = attrs.field(default=(), repr=False)

    @property
    def is_shown(self) -> bool:
        """Whether a message may quote it."""
        return not self.parts


def resolve(node: Node, problems: ProblemList) -> Resolved | None:
    """Replace the references in a scalar; ``None`` if one leads nowhere, which is reported.

    A scalar that is one reference is read like an unquoted scalar, so that a port may come from
    the environment. ``$${`` stands for ``${``.
    """
    if "${" not in node.text:
        return Resolved(node.text, node.is_quoted)
    pieces: list[str] = []
    parts: list[str] = []
    at = 0
    for match in _REFERENCE.finditer(node.text):
        pieces.append(node.text[at : match.start()])
        at = match.end()
        if match[0] == "$${":
            pieces.append("${")
            continue
        try:
            value = _value_of(match[1], node.origin)
        except _UnresolvedError as error:
            problems.add(node, error.message, hint=error.hint)
            return None
        node.origin.references.add(value)
        pieces.append(value)
        parts.append(value)
    is_one = _REFERENCE.fullmatch(node.text) is not None and bool(parts)
    return Resolved("".join((*pieces, node.text[at:])), not is_one, tuple(parts))


def _value_of(reference: str | None, origin: Origin) -> str:
    if reference is None:
        raise _UnresolvedError("a reference is not closed", "write $${ for the text ${")
    provider, colon, name = reference.partition(":")
    if not colon:
        hint = f"write ${{env:{provider}}} for an environment variable" if provider else ""
        raise _UnresolvedError("a reference needs a kind", hint)
    if provider not in _PROVIDERS:
        message = f"unknown kind of reference {provider!r}"
        raise _UnresolvedError(message, nearest(provider, _PROVIDERS))
    value = _PROVIDERS[provider](name, origin)
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise _UnresolvedError(f"the value of {reference!r} is not text in UTF-8")
    return value


def _environment(name: str, origin: Origin) -> str:
    if name not in origin.environ:
        message = f"the environment variable {name!r} is not set"
        raise _UnresolvedError(message, f"export {name}=..." if name.isidentifier() else "")
    return origin.environ[name]


def _file(name: str, origin: Origin) -> str:
    """Read a file; it may lie anywhere, as secrets are mounted outside the project."""
    try:
        path = origin.folder / Path(name).expanduser()
        if not stat.S_ISREG(path.stat().st_mode):
            raise _UnresolvedError(f"{name!r} is no file")
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        text = data.decode("utf-8-sig")
    except (OSError, RuntimeError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise _UnresolvedError(f"the file {name!r} cannot be read: {why}") from error
    except ValueError as error:
        raise _UnresolvedError(f"the file {name!r} is not text in UTF-8") from error
    if len(data) > MAX_FILE_BYTES:
        raise _UnresolvedError(f"the file {name!r} is larger than {MAX_FILE_BYTES} bytes")
    return text.removesuffix("\n").removesuffix("\r")


_PROVIDERS: Mapping[str, Callable[[str, Origin], str]] = {"env": _environment, "file": _file}
