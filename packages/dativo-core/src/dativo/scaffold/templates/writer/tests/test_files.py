"""What is written is what was given, and schemas only grow."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from dativo.errors import DataValidationError

from dativo_writer_sample_system._config import Compression
from dativo_writer_sample_system._files import write_files
from dativo_writer_sample_system._read import require_followable

OLD = pa.schema([pa.field("id", pa.int64(), nullable=False), pa.field("name", pa.string())])


def test_batches_with_other_dictionaries_get_files_of_their_own(tmp_path: Path) -> None:
    batches = [
        pa.record_batch({"word": pa.array(words).dictionary_encode()})
        for words in (["a", "b"], ["c", "a"], ["d"])
    ]
    reader = pa.RecordBatchReader.from_batches(batches[0].schema, batches)

    written = write_files(reader, tmp_path / "part", Compression.LZ4)

    tables = [pa.ipc.open_file(path).read_all() for path in written.paths]
    assert pa.concat_tables(tables).column("word").to_pylist() == ["a", "b", "c", "a", "d"]
    assert written.rows == 5


def test_a_stream_without_records_keeps_its_schema(tmp_path: Path) -> None:
    written = write_files(OLD.empty_table().to_reader(), tmp_path / "part", Compression.NONE)

    [path] = written.paths
    assert pa.ipc.open_file(path).schema == OLD
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "new",
    [
        pa.schema([OLD.field("id")]),
        OLD.set(1, pa.field("name", pa.int64())),
        OLD.set(1, pa.field("name", pa.string(), nullable=False)),
        OLD.append(pa.field("more", pa.string(), nullable=False)),
    ],
)
def test_a_schema_that_old_records_do_not_fit_is_refused(new: pa.Schema) -> None:
    with pytest.raises(DataValidationError):
        require_followable(new, OLD)


def test_a_new_column_that_may_be_empty_is_taken() -> None:
    require_followable(OLD.append(pa.field("more", pa.string())), OLD)
