from __future__ import annotations

import json
from pathlib import Path

import pytest

from dativo.contract import Commit, CommitRecord, Url, WriteMode
from dativo.errors import ConcurrencyError, DativoError, StateUnreadableError
from dativo.plugins._class_style._ledger import Entry, Ledger, folder_of, safe_name
from dativo.plugins._class_style._settings import WriterSettings


def commit(epoch: int = 1, fence: int = 5) -> Commit:
    return Commit(
        job_id="job",
        stream="a",
        epoch=epoch,
        commit_id=f"c{epoch}",
        run_id="run",
        fence=fence,
        mode=WriteMode.APPEND,
        checkpoint=None,
        fingerprint={},
    )


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / ".dativo" / "a.json")


def test_nothing_is_written_at_first(ledger: Ledger) -> None:
    assert ledger.read() == Entry()
    assert not ledger.path.exists()


def test_a_commit_begins_and_ends(ledger: Ledger) -> None:
    record = CommitRecord(commit=commit(), rows=3)

    assert ledger.claim(5) == Entry(fence=5)
    assert ledger.begin(commit()).begun == 0
    assert ledger.read().begun == 1
    ledger.end(record, files=2)

    assert ledger.read() == Entry(record=record, fence=5, counter=2)
    assert ledger.path.stat().st_mode & 0o777 == 0o600
    assert ledger.path.parent.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in ledger.path.parent.iterdir()] == ["a.json"]


def test_an_epoch_is_published_once(ledger: Ledger) -> None:
    ledger.end(CommitRecord(commit=commit(2), rows=0), files=0)

    with pytest.raises(ConcurrencyError, match="published already"):
        ledger.begin(commit(2))


def test_a_run_behind_the_fence_publishes_nothing(ledger: Ledger) -> None:
    ledger.claim(6)
    ledger.claim(6)

    with pytest.raises(ConcurrencyError) as claimed:
        ledger.claim(5)
    with pytest.raises(ConcurrencyError):
        ledger.begin(commit(1, fence=5))
    assert claimed.value.details == {"fence": 6}


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 2}', '{"format": 1}', '"x"'])
def test_a_damaged_ledger_is_never_nothing(ledger: Ledger, text: str) -> None:
    ledger.path.parent.mkdir()
    ledger.path.write_text(text)

    with pytest.raises(StateUnreadableError, match="damaged"):
        ledger.read()


def test_a_ledger_of_a_newer_format_is_refused(ledger: Ledger) -> None:
    ledger.claim(1)
    document = {**json.loads(ledger.path.read_text()), "format": 2}
    ledger.path.write_text(json.dumps(document))

    with pytest.raises(StateUnreadableError, match="format 2; this core reads 1"):
        ledger.read()


def test_what_the_disk_refuses_is_located(ledger: Ledger) -> None:
    ledger.path.mkdir(parents=True)

    with pytest.raises(DativoError, match=r"a\.json"):
        ledger.read()


def test_a_folder_that_cannot_be_made_is_located(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(DativoError, match="file"):
        Ledger(tmp_path / "file" / "a.json").claim(1)


def test_a_file_that_cannot_be_written_is_located(ledger: Ledger) -> None:
    ledger.path.with_suffix(".new").mkdir(parents=True)

    with pytest.raises(DativoError, match=r"a\.new"):
        ledger.claim(1)


def test_it_lies_with_the_data_if_that_is_in_a_folder(tmp_path: Path) -> None:
    assert folder_of(WriterSettings(output_base=tmp_path)) == tmp_path / ".dativo"
    assert Ledger.of(WriterSettings(output_base=tmp_path), "a").path.name == "a.json"


def test_else_it_lies_in_the_project_one_folder_per_target(tmp_path: Path) -> None:
    one = folder_of(WriterSettings(output_base=Url("s3://a/b"), records=tmp_path))
    other = folder_of(WriterSettings(output_base=Url("s3://a/c"), records=tmp_path))

    assert one.parent == other.parent == tmp_path
    assert one != other


def test_streams_have_different_names_that_are_no_paths() -> None:
    streams = ["a", "A", "a/b", "a%2Fb", ".", "..", "../a", ".hidden", "x" * 300, "x" * 301, "a b"]

    names = [safe_name(stream) for stream in streams]

    assert len(set(names)) == len(streams)
    assert not any("/" in name or name.startswith(".") or len(name) > 200 for name in names)
    assert names[0] == "a"
