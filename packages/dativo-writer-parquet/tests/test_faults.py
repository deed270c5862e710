from __future__ import annotations

import errno
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from parquet_lake import Lake, ids

from dativo.contract import Batch, WriteMode
from dativo.errors import (
    CapabilityMissingError,
    CommitUnknownError,
    ConcurrencyError,
    DataValidationError,
    DativoError,
    DiskFullError,
    InsufficientPermissionsError,
    ResourceNotFoundError,
    ResourceUnavailableError,
    WriteFailedError,
)
from dativo_test_support.unmeasured import unmeasured
from dativo_writer_parquet import _epoch, _publish
from dativo_writer_parquet._errors import translate

NOISE = pa.table({"id": [int.from_bytes(os.urandom(7), "big") for _ in range(40_000)]})


@contextmanager
def _file_limit(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [0, 1, 4, 100, 4096, 65536, 131_072, 200_000])
def test_a_limit_of_the_file_size_is_a_full_disk(lake: Lake, size: int) -> None:
    lake.publish(1, ids(1))
    with lake.session() as session:
        with (
            _file_limit(size),
            pytest.raises(DiskFullError, match="limit of the file size") as full,
        ):
            session.commit(lake.identity(2), [session.stage(Batch(NOISE))])
        assert lake.numbers() == [1]
        session.abort()
        session.commit(lake.identity(2), [session.stage(Batch(ids(2)))])

    assert str(lake.path) in full.value.message
    assert full.value.exit_code == 50
    assert lake.numbers() == [1, 2]
    assert list(lake.staging.iterdir()) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.REPLACE], ids=str)
def test_a_full_disk_publishes_nothing_and_heals(small_disk: Path, mode: WriteMode) -> None:
    lake = Lake(small_disk / "lake", mode=mode)
    lake.publish(1, ids(1))
    with lake.session() as session:
        with pytest.raises(DiskFullError, match="no space is left at"):
            session.commit(lake.identity(2), [session.stage(Batch(NOISE))])
        assert lake.numbers() == [1]

    lake.publish(2, ids(2))
    assert 2 in lake.numbers()


def test_a_disk_that_is_full_at_any_point_leaves_whole_epochs(small_disk: Path) -> None:
    lake = Lake(small_disk / "lake")
    lake.publish(1, ids(1))
    ballast = small_disk / "ballast"
    free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
    failures = 0
    epoch = 2
    for room in range(0, 65536, 4096):
        ballast.write_bytes(b"x" * max(0, free - room))
        try:
            lake.publish(epoch, NOISE.slice(0, 2000))
        except DiskFullError:
            failures += 1
        else:
            epoch += 1
        ballast.unlink()
        assert lake.read().num_rows == 1 + 2000 * (epoch - 2)
        free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize

    assert failures > 3
    assert epoch > 2


@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.REPLACE], ids=str)
def test_a_read_only_file_system_is_a_permission(small_disk: Path, mode: WriteMode) -> None:
    lake = Lake(small_disk / "lake", mode=mode)
    lake.publish(1, ids(1))
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)

    with pytest.raises(InsufficientPermissionsError, match="read-only at") as caught:
        lake.open()
    assert caught.value.exit_code == 21
    assert lake.numbers() == [1]


def test_a_read_only_folder_is_a_permission(tmp_path: Path) -> None:
    """As an ordinary user: root may write everywhere."""
    program = (
        "import os, sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import pyarrow.parquet\n"
        "from parquet_lake import Lake, ids\n"
        "from dativo.errors import InsufficientPermissionsError\n"
        "from pathlib import Path\n"
        "import dativo_writer_parquet._write, dativo_writer_parquet._open\n"
        "if os.geteuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        "try:\n"
        f"    Lake(Path({str(tmp_path / 'lake')!r})).publish(1, ids(1))\n"
        "except InsufficientPermissionsError as error:\n"
        "    print(error.message)\n"
    )
    tmp_path.chmod(0o555)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    tmp_path.chmod(0o755)

    assert "permission was denied at" in done.stdout, done.stderr


def test_a_file_in_the_way_of_the_lake_is_named(lake: Lake) -> None:
    lake.path.write_text("mine")
    with pytest.raises(ResourceNotFoundError, match="there is no folder, but a file") as caught:
        lake.open()
    assert str(lake.path) in caught.value.message


def test_a_lake_that_is_removed_in_mid_run_is_an_error(lake: Lake) -> None:
    with lake.session() as session:
        staged = [session.stage(Batch(ids(1)))]
        shutil.rmtree(lake.path)
        with pytest.raises(WriteFailedError) as caught:
            session.commit(lake.identity(1), staged)
    assert str(lake.path) in caught.value.message


# --- a call that fails --------------------------------------------------------------------------


def _failing(call: Callable[..., Any], number: int, code: int) -> Callable[..., Any]:
    calls = iter(range(1, 10**6))

    def fail(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == number:
            raise OSError(code, os.strerror(code))
        return call(*args, **kwargs)

    return fail


@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.REPLACE], ids=str)
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EROFS], ids=errno.errorcode.get)
def test_any_fsync_may_fail(
    lake: Lake, mode: WriteMode, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = lake.having(mode=mode)
    lake.publish(1, ids(1))
    outcomes = []
    for number in range(1, 12):
        with lake.session() as session, monkeypatch.context() as patch:
            patch.setattr(os, "fsync", _failing(os.fsync, number, code))
            try:
                session.commit(lake.identity(2), [session.stage(Batch(ids(2)))])
            except CommitUnknownError:
                outcomes.append("unknown")
                patch.undo()
                assert 2 in lake.numbers()
                assert session.commit(lake.identity(2), []).replayed
                break
            except DativoError:
                outcomes.append("failed")
        assert lake.numbers() == [1]

    assert outcomes == [*["failed"] * (len(outcomes) - 1), "unknown"]
    assert len(outcomes) >= 3


@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.REPLACE], ids=str)
def test_a_rename_that_fails_publishes_nothing(
    lake: Lake, mode: WriteMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = lake.having(mode=mode)
    lake.publish(1, ids(1))
    with lake.session() as session:
        staged = [session.stage(Batch(ids(2)))]
        monkeypatch.setattr(_publish, "_rename", _failing(_publish._rename, 1, errno.EIO))
        with pytest.raises(WriteFailedError, match="EIO") as caught:
            session.commit(lake.identity(2), staged)

    assert caught.value.exit_code == 40
    assert lake.numbers() == [1]


def test_an_epoch_whose_publication_failed_is_staged_anew(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lake.session() as session:
        staged = [session.stage(Batch(ids(1)))]
        with monkeypatch.context() as patch:
            patch.setattr(_publish, "_rename", _failing(_publish._rename, 1, errno.EIO))
            with pytest.raises(WriteFailedError, match="EIO"):
                session.commit(lake.identity(1), staged)
        with pytest.raises(WriteFailedError, match="abort it and stage it anew"):
            session.commit(lake.identity(1), staged)
        session.abort()
        assert [path.suffix for path in lake.staging.iterdir()] == [".alive"]
        session.commit(lake.identity(1), [session.stage(Batch(ids(2)))])

    assert lake.numbers() == [2]


_LOST = [errno.EIO, errno.ENOENT, errno.EEXIST, errno.ESTALE, errno.ETIMEDOUT]
"""What is said of a rename that happened: its answer got lost, and it was sent again."""


@pytest.mark.parametrize("code", _LOST, ids=errno.errorcode.get)
@pytest.mark.parametrize("epochs", [0, 1])
@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.REPLACE], ids=str)
def test_a_rename_that_fails_but_happened_is_found_out(
    lake: Lake, mode: WriteMode, *, epochs: int, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = lake.having(mode=mode)
    for epoch in range(1, epochs + 1):
        lake.publish(epoch, ids(epoch))
    real = _publish._rename

    def lie(source: Path, target: Path, flags: int) -> None:
        real(source, target, flags)
        raise OSError(code, "lost")

    with lake.session() as session:
        staged = [session.stage(Batch(ids(9)))]
        monkeypatch.setattr(_publish, "_rename", lie)
        receipt = session.commit(lake.identity(epochs + 1), staged)

    assert not receipt.replayed
    assert 9 in lake.numbers()
    assert len(lake.numbers()) == len(set(lake.numbers()))


@pytest.mark.parametrize("code", _LOST, ids=errno.errorcode.get)
@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.REPLACE], ids=str)
def test_a_file_system_that_loses_the_answer_to_every_rename_loses_no_epoch(
    lake: Lake, mode: WriteMode, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on NFS, which has no exclusive rename: a rename that is sent again finds no source."""
    lake = lake.having(mode=mode)
    rename, replace = os.rename, os.replace

    def unsupported(source: Path, target: Path, flags: int) -> None:
        if flags == _publish._NOREPLACE:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        real(source, target, flags)

    def losing(call: Callable[..., None]) -> Callable[..., None]:
        def lose(source: Path, target: Path) -> None:
            call(source, target)
            raise OSError(code, os.strerror(code), str(source))

        return lose

    real = _publish._rename
    monkeypatch.setattr(_publish, "_rename", unsupported)
    monkeypatch.setattr(os, "rename", losing(rename))
    monkeypatch.setattr(os, "replace", losing(replace))
    with lake.session() as session:
        for epoch in (1, 2):
            session.commit(lake.identity(epoch), [session.stage(Batch(ids(epoch)))])

    assert lake.numbers() == ([1, 2] if mode is WriteMode.APPEND else [2])


def test_a_folder_whose_making_was_answered_twice_is_taken(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.mkdir

    def lose(path: Path, mode: int = 0o777) -> None:
        real(path, mode)
        if ".publish" in str(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path))

    with lake.session() as session:
        staged = [session.stage(Batch(ids(1)))]
        monkeypatch.setattr(os, "mkdir", lose)
        session.commit(lake.identity(1), staged)

    assert lake.numbers() == [1]


def test_a_rename_of_unknown_outcome_is_told_so(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.publish(1, ids(1))
    with lake.session() as session:
        staged = [session.stage(Batch(ids(2)))]

        def lie(source: Path, target: Path, _flags: int) -> None:
            source.rename(target)
            next(target.rglob("*.parquet")).write_bytes(b"")
            raise OSError(errno.EIO, "lost")

        monkeypatch.setattr(_publish, "_rename", lie)
        with pytest.raises(CommitUnknownError, match="cannot be told") as caught:
            session.commit(lake.identity(2), staged)
    assert caught.value.exit_code == 41


def test_a_claim_that_could_not_be_put_in_place_is_an_error(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(errno.EIO, "broken", str(source), None, str(target))

    monkeypatch.setattr(os, "replace", refuse)
    with pytest.raises(WriteFailedError, match="broken"), lake.session():
        pass


def test_a_folder_of_somebody_else_is_not_taken_for_a_new_one(tmp_path: Path) -> None:
    (tmp_path / "there" / "file").mkdir(parents=True)

    with pytest.raises(FileExistsError):
        _publish.make_new_folder(tmp_path / "there", mode=0o700)


def test_a_move_that_did_not_happen_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "source").mkdir()

    with pytest.raises(FileNotFoundError):
        _publish.move(tmp_path / "source", tmp_path / "missing" / "target")


def test_an_epoch_that_appears_without_the_lock_is_not_overwritten(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.publish(1, ids(1))
    with lake.session() as session:
        staged = [session.stage(Batch(ids(2)))]
        real = _publish.rename_new

        def appear(source: Path, target: Path) -> None:
            target.mkdir()
            real(source, target)

        monkeypatch.setattr(_epoch, "rename_new", appear)
        with pytest.raises(ConcurrencyError, match="appeared while it was published"):
            session.commit(lake.identity(2), staged)


@pytest.mark.parametrize("mode", [WriteMode.APPEND, WriteMode.REPLACE], ids=str)
def test_data_then_folders_then_rename_then_parents(
    lake: Lake, mode: WriteMode, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = lake.having(mode=mode, settings={"file_rows": 1})
    lake.publish(1, ids(1))
    steps: list[str] = []
    fsync, rename = os.fsync, _publish._rename

    def note_fsync(descriptor: int) -> None:
        name = Path(f"/proc/self/fd/{descriptor}").readlink()
        steps.append(name.suffix if name.suffix in (".staged", ".publish") else name.name)
        fsync(descriptor)

    def note_rename(source: Path, target: Path, flags: int) -> None:
        steps.append("rename")
        rename(source, target, flags)

    with lake.session() as session:
        staged = [session.stage(Batch(ids(1, 2, 3)))]
        monkeypatch.setattr(os, "fsync", note_fsync)
        monkeypatch.setattr(_publish, "_rename", note_rename)
        session.commit(lake.identity(2), staged)

    # A folder that becomes the stream's is durable before; one epoch more is a name in it after.
    is_whole = mode is WriteMode.REPLACE
    assert steps == [
        *[".staged"] * steps.count(".staged"),
        "epoch-0000000002",
        *[".publish"] * is_whole,
        "rename",
        *["public.orders"] * (not is_whole),
        "lake",
    ]
    assert len([path for path in lake.files() if "0000000002" in path]) == 3


# --- file systems without the calls -------------------------------------------------------------


def _unsupported(*_args: object) -> None:
    raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))


def test_without_exchange_append_works_and_replace_is_refused(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_publish, "_rename", _unsupported)
    lake.publish(1, ids(1))
    lake.publish(2, ids(2))
    with pytest.raises(CapabilityMissingError, match="never deleted before its successor is there"):
        lake.having(mode=WriteMode.REPLACE).open()

    assert lake.numbers() == [1, 2]
    assert sorted(p.name for p in lake.staging.parent.iterdir()) == [
        "claim.json",
        "lock",
        "staging",
    ]


def test_the_fallback_of_rename_never_overwrites(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_publish, "_rename", _unsupported)
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    with pytest.raises(FileExistsError):
        _publish.rename_new(tmp_path / "a", tmp_path / "b")
    _publish.rename_new(tmp_path / "a", tmp_path / "c")
    assert (tmp_path / "c").is_dir()


def test_a_library_without_the_call_is_like_a_file_system_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_publish, "_c_library", object)
    assert not _publish.can_exchange(tmp_path)
    monkeypatch.setattr(_publish, "_is_linux", lambda: False)
    assert not _publish.can_exchange(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_other_failures_of_the_probe_are_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(_publish, "_rename", broken)
    with pytest.raises(OSError, match="broken"):
        _publish.can_exchange(tmp_path)
    with pytest.raises(OSError, match="broken"):
        _publish.rename_new(tmp_path / "a", tmp_path / "b")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.EDQUOT, "x"), DiskFullError),
        (OSError(errno.EPERM, "x"), InsufficientPermissionsError),
        (OSError(errno.EMFILE, "x"), ResourceUnavailableError),
        (OSError("x"), WriteFailedError),
        (MemoryError(), ResourceUnavailableError),
        (pa.ArrowInvalid("x"), DataValidationError),
    ],
)
def test_errors_are_those_of_the_catalogue(
    error: BaseException, expected: type[DativoError]
) -> None:
    found = translate(error, Path("/lake/s"), stream="s")

    assert type(found) is expected
    assert "/lake/s" in found.message
    assert found.stream == "s"


_FEW_FILES = """
import resource, sys
from pathlib import Path
import pyarrow as pa
from parquet_lake import Lake, by

_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
used = len(list(Path("/proc/self/fd").iterdir()))
resource.setrlimit(resource.RLIMIT_NOFILE, (used + 24, hard))
table = pa.table({"id": list(range(300)), "key": [i % 30 for i in range(300)]})
Lake(Path(sys.argv[1])).having(options=by("key")).publish(1, table)
"""


def test_few_open_files_are_enough(lake: Lake) -> None:
    # A process of its own: this one may hold hundreds of files, of which the limit says nothing.
    environment = {**unmeasured(), "PYTHONPATH": str(Path(__file__).parent)}
    subprocess.run([sys.executable, "-c", _FEW_FILES, str(lake.path)], env=environment, check=True)

    assert lake.read().num_rows == 300


def test_a_writer_that_cannot_start_leaves_no_descriptor(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lake.session() as session:
        before = _open_below(lake.path)
        monkeypatch.setattr(pa, "OSFile", _failing(pa.OSFile, 1, errno.EMFILE))
        with pytest.raises(ResourceUnavailableError, match="too many files"):
            session.stage(Batch(ids(1)))

        assert before
        assert _open_below(lake.path) == before


def _open_below(folder: Path) -> list[str]:
    """Return the files below *folder* that this process has open; others come and go."""
    found: list[str] = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            found.append(str(descriptor.readlink()))
    return sorted(name for name in found if name.startswith(f"{folder}/"))


def test_pyarrow_does_not_write_after_a_failure(lake: Lake) -> None:
    with lake.session() as session, _file_limit(100), pytest.raises(DiskFullError):
        session.commit(lake.identity(1), [session.stage(Batch(NOISE))])
    assert signal.getsignal(signal.SIGXFSZ) is signal.SIG_IGN
    assert not list(lake.path.rglob("*.parquet"))
    assert pq.__name__ == "pyarrow.parquet"
