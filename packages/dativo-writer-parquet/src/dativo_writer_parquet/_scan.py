"""The published state of a stream as a polars LazyFrame; polars is an extra of this package."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dativo.contract import Url
from dativo.errors import CapabilityMissingError, ResourceNotFoundError
from dativo_writer_parquet._config import StorageConfig
from dativo_writer_parquet._layout import Place, epoch_folder

if TYPE_CHECKING:
    import polars as pl

__all__ = ["scan"]


def scan(
    path: str | Path, stream: str | None = None, *, storage: StorageConfig | None = None
) -> pl.LazyFrame:
    """Return the published records of one stream, lazily.

    Every record comes once, with the columns that the source gave, in the types that polars has
    for them; columns that older epochs lack are null there. Of a merged stream it is the last
    version of each record that is not deleted, found when the frame is collected; that takes memory
    for the keys, not for the records.

    The files are those of this moment: commits that follow do not show, and a frame that is
    collected after a replace or a compaction does not find its files any more; scan again then.

    Args:
        path: The stream's folder, such as ``./lake/orders`` or ``s3://bucket/lake/orders``; or with
            *stream* that of the lake.
        stream: The stream's name as the job has it.
        storage: How an object store is reached; by default as the environment says.

    Raises:
        CapabilityMissingError: polars is not installed.
        ResourceNotFoundError: Nothing is published there.
        StateUnreadableError: The newest epoch has no readable record.
    """
    try:
        # Only here: polars is an extra, and pyarrow is slow to import.
        from dativo_writer_parquet._frames import scan_state  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise CapabilityMissingError(
            "scan needs polars, which is not installed",
            fix="Install it: pip install 'dativo-writer-parquet[polars]'",
            phase="scan",
        ) from error
    if "://" in str(path):
        # As above; obstore as well.
        from dativo_writer_parquet._store._scan import (  # noqa: PLC0415
            options_for_polars,
            state_in_store,
        )

        storage = storage or StorageConfig()
        url, stream = _address(str(path), stream)
        state, locate = state_in_store(url, stream, storage)
        return scan_state(state, locate, storage_options=options_for_polars(storage))
    from dativo_writer_parquet._read import require_state  # noqa: PLC0415 - as above

    place = _place(Path(path).absolute(), stream)
    state = require_state(place)
    return scan_state(state, lambda file: str(place.data / epoch_folder(file.epoch) / file.name))


def _address(path: str, stream: str | None) -> tuple[Url, str]:
    """Return the lake and the stream; a stream's folder tells its name if that is a plain one."""
    if stream is None:
        path, _, stream = path.rstrip("/").rpartition("/")
    return Url(path), stream


def _place(path: Path, stream: str | None) -> Place:
    from dativo_writer_parquet._records import stream_of  # noqa: PLC0415 - it imports pyarrow

    if stream is not None:
        return Place(path, stream)
    found = stream_of(path)
    if found is None or Place(path.parent, found).data != path:
        raise ResourceNotFoundError(
            f"{path} is not the folder of a stream",
            fix="Give the folder of one stream, or that of the lake and the stream's name.",
            phase="scan",
        )
    return Place(path.parent, found)
