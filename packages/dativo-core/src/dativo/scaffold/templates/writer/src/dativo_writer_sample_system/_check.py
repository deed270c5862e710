"""The check: everything that publishing needs is tried for real, and nothing of it stays."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from pathlib import Path

from dativo.contract import CheckItem, ConnectionTestResult, Context
from dativo.errors import wrap_exception

from ._config import Config
from ._disk import link, make_folder, write_text
from ._place import place_of

__all__ = ["check_connection"]


def check_connection(config: Config, context: Context) -> ConnectionTestResult:
    """Try the folder, and look at what is published of each stream of the job."""
    root = config.path.absolute()
    made = []
    try:
        made = [folder for folder in (root, *root.parents) if not folder.exists()]
        make_folder(root)
        with tempfile.TemporaryDirectory(prefix=".check-", dir=root) as name:
            _try(Path(name))
    except OSError as error:
        return ConnectionTestResult([CheckItem.failed("folder", wrap_exception(error))])
    finally:
        for folder in made:
            with suppress(OSError):  # a run has begun to use it
                folder.rmdir()
    items = [CheckItem.ok("folder", f"{root} can be written to")]
    items += [_look(config, request.stream) for request in context.streams]
    return ConnectionTestResult(items)


def _try(folder: Path) -> None:
    make_folder(folder / "data")
    write_text(folder / "data" / "file", "text")
    link(folder / "link", folder / "data")


def _look(config: Config, stream: str) -> CheckItem:
    def ask() -> str:
        last = place_of(config, stream).last_record()
        return f"epoch {last.commit.epoch}" if last else "nothing published yet"

    return CheckItem.trying(f"stream {stream}", ask)
