from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from dativo.errors import DativoError, InsufficientPermissionsError, StateUnreadableError
from dativo.state import job_lock, job_lock_file


@pytest.mark.parametrize(
    ("number", "kind"),
    [(errno.EIO, StateUnreadableError), (errno.EROFS, InsufficientPermissionsError)],
)
@pytest.mark.parametrize("call", ["open", "ftruncate", "pwrite", "fchmod", "utime"])
def test_a_disk_that_breaks_under_the_lock_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    call: str,
    number: int,
    kind: type[DativoError],
) -> None:
    def fail(*arguments: object, **_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(kind) as caught, job_lock(tmp_path, "orders", "run"):
        pass

    assert str(job_lock_file(tmp_path, "orders")) in caught.value.message


def test_what_fails_while_the_lock_is_held_stays_what_it_is(tmp_path: Path) -> None:
    error = OSError(errno.EIO, "elsewhere")

    with pytest.raises(OSError, match="elsewhere") as caught, job_lock(tmp_path, "orders", "run"):
        raise error

    assert caught.value is error
