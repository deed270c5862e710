"""Where one stream lies, and what is published there.

    PATH/orders -> OURS/orders/data-0000000001/         a link; readers go through it
    OURS/orders/data-0000000001/epoch-0000000001/       an epoch: its files and their record
    OURS/orders/staging-3f2a.../                        what nobody sees yet
    OURS/orders/claim.json, lock                        who may publish

OURS is a hidden folder in PATH, so that a link stays on one file system and can be exchanged.
An append renames a folder into `data-...`; a replace makes a new `data-...` and exchanges the link.
Either is one rename, which happens or does not, whatever is killed when.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import attrs
from dativo.contract import CommitRecord
from dativo.errors import StateUnreadableError

from ._config import Config

__all__ = ["RECORD", "Place", "place_of"]

RECORD = "commit.json"
_OURS = ".sample-system"


@attrs.frozen
class Place:
    """The paths of one stream.

    Attributes:
        link: What readers know.
        folder: Where everything lies that the link may point to.
    """

    link: Path
    folder: Path

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes out for the moment of a claim or a publication.

        The kernel gives the lock back when the process ends, however it ends.
        """
        descriptor = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def epochs(self) -> list[Path]:
        """Return the published epochs, the oldest first."""
        # The link is read once: a replace in between must not mix two generations.
        current = self.link.resolve()
        return sorted(current.glob("epoch-*")) if self.link.is_symlink() else []

    def last_record(self) -> CommitRecord | None:
        """Return the record of the newest epoch."""
        epochs = self.epochs()
        if not epochs:
            return None
        file = epochs[-1] / RECORD
        try:
            return CommitRecord.from_json(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            # Taking it for "nothing published" would publish everything a second time.
            raise StateUnreadableError(f"the commit record {file} is damaged: {error}") from error


def place_of(config: Config, stream: str) -> Place:
    """Return the place of *stream*, whatever characters its name has."""
    name = quote(stream, safe="")
    # Names with a dot in front are ours, and hidden.
    name = name.replace(".", "%2E", 1) if name.startswith(".") else name
    root = config.path.absolute()
    return Place(link=root / name, folder=root / _OURS / name)
