"""An address that is no path."""

from __future__ import annotations

import re
from typing import Self

__all__ = ["Url"]

_URL = re.compile(r"[a-z][a-z0-9+.-]*://\S+")


class Url(str):
    """The address of something outside the file system, such as ``s3://bucket/prefix``.

    A setting of the type ``Url | Path`` takes both: a text with a scheme and ``://`` is the first,
    any other the second, relative to the job file.

    Raises:
        ValueError: The text is no such address.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Check the text."""
        if _URL.fullmatch(text) is None:
            msg = "a URL starts with a scheme, such as s3://, and has no spaces"
            raise ValueError(msg)
        return super().__new__(cls, text)

    @property
    def scheme(self) -> str:
        """What stands before ``://``."""
        return self.partition("://")[0]
