"""One invocation: how to answer, where to, and what must not be shown."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from functools import cached_property
from json import dumps  # bound before a plugin can replace it
from typing import TYPE_CHECKING

import attrs

from dativo.cli._outlet import Outlet
from dativo.cli._redaction import Redaction
from dativo.cli._render import Page, open_page

if TYPE_CHECKING:
    from dativo.config import Redactor

__all__ = ["Options", "Session"]


@attrs.frozen(kw_only=True)
class Options:
    """What every command takes."""

    json: bool = False
    verbose: bool = False
    debug: bool = False


class Session:
    """The two outputs of one command, with its options and its secrets.

    Attributes:
        options: What every command takes.
        redaction: Takes secrets out of everything that is shown.
        noise: The same for what plugins print and log; it is stricter, see :meth:`early_redactor`.
        out: Standard output.
        err: Standard error.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.redaction = Redaction()
        self.noise = Redaction()
        self.out = Outlet(1, _encoding(sys.stdout))
        self.err = Outlet(2, _encoding(sys.stderr))

    @cached_property
    def page(self) -> Page:
        """Standard output, for a person."""
        return open_page(self.out, self.redaction)

    @cached_property
    def notes(self) -> Page:
        """Standard error: progress, logs and errors."""
        return open_page(self.err, self.redaction)

    def learning_redactor(self) -> Redactor:
        """Return a redactor whose secrets, also those it learns later, are never shown."""
        from dativo.config import Redactor  # only where jobs are read

        redactor = Redactor()
        self.redaction.add(redactor)
        self.noise.add(redactor)
        return redactor

    def early_redactor(self) -> Redactor:
        """Return a redactor for what may be a secret, while it is not known for certain."""
        from dativo.config import Redactor  # as above

        redactor = Redactor()
        self.noise.add(redactor)
        return redactor

    def leave(self, code: int) -> None:
        """End the process at once, with the terminal in order."""
        if self.notes.is_styled:
            self.err.write("\x1b[?25h\n")  # progress hides the cursor
        os._exit(code)

    def say(self, text: str) -> None:
        """Tell the person something on standard error."""
        self.notes.line((text, "warn"))

    def show_traceback(self, error: BaseException) -> None:
        """Show where *error* comes from; secrets go out before lines are made of the text."""
        import traceback  # only with --debug

        text = "".join(traceback.format_exception(error))
        for line in self.noise.text(text).splitlines():
            self.notes.line(line)

    def write_json(self, document: Mapping[str, object]) -> None:
        """Write the one JSON object: readable on a terminal, else on one line, always UTF-8."""
        self.out.encoding = "utf-8"
        indent = 2 if self.out.is_terminal else None
        value = self.redaction.value(document)
        self.out.write(dumps(value, indent=indent, ensure_ascii=False) + "\n")


def _encoding(file: object) -> str:
    return getattr(file, "encoding", None) or "utf-8"
