"""A transformer whose faults a job file scripts; for tests of the engine and CLI."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import attrs
import pyarrow as pa

from dativo import errors
from dativo.contract import (
    ArrowArray,
    ArrowSchema,
    Context,
    ExtensionInfo,
    ExtensionKind,
    Secret,
    Transform,
    TransformRequest,
    hookimpl,
    setting,
)

__all__ = ["ChangerConfig", "describe_extension", "transform"]

_VERSION = 1
_FAILS_AT_KEYS = False


@attrs.frozen
class ChangerConfig:
    """What is changed and how that fails."""

    suffix: str = setting("What labels get at their end.", default="!")
    streams: tuple[str, ...] = setting("The streams that are changed; all if empty.", default=())
    hash_id: bool = setting("Whether ids become texts.", default=False)
    drop: tuple[str, ...] = setting("Fields that are dropped.", default=())
    add: bool = setting("Whether a field is added.", default=False)
    fail_at: int | None = setting("Fail at the batch with this number, from 1.", default=None)
    fail_with: str = setting("A class of errors, of exceptions, or `hang`.", default="ValueError")
    fail_early: bool = setting("Fail in the hook itself.", default=False)
    twist: str = setting("A way in which the contract is broken.", default="")
    key: Secret | None = setting("A secret.", default=None)
    leak: bool = setting("Raise with the secret and the values.", default=False)
    log: Path | None = setting("A file that gets a line per call of the hook.", default=None)


@hookimpl
def describe_extension() -> ExtensionInfo:
    """Describe the transformer."""
    return ExtensionInfo(
        title="Changes labels",
        kind=ExtensionKind.TRANSFORMER,
        config=ChangerConfig,
        version=_VERSION,
    )


@hookimpl
def transform(
    config: ChangerConfig, request: TransformRequest, schema: ArrowSchema, context: Context
) -> Transform | None:
    """Change the labels."""
    if config.log is not None:
        with config.log.open("a") as log:
            log.write(f"{request.stream} {request.partial} {context.attempt}\n")
    if config.streams and request.stream not in config.streams:
        return None
    if config.fail_early or (request.partial and _FAILS_AT_KEYS):
        _fail(config, "early")
    if config.twist == "no_transform":
        return 5  # type: ignore[return-value] # breaks the contract
    return _Changing(config, pa.schema(schema))


class _Changing:
    def __init__(self, config: ChangerConfig, given: pa.Schema) -> None:
        self._config = config
        self._given = given
        self._count = 0

    @property
    def schema(self) -> pa.Schema:
        """The schema after the changes."""
        if self._config.twist == "bad_schema":
            return "no schema"
        if self._config.twist == "twice":
            return pa.schema([*self._given, self._given.field(0)])
        return self._changed(pa.RecordBatch.from_pylist([], self._given)).schema

    def apply(self, batch: ArrowArray) -> pa.RecordBatch:
        """Change one batch."""
        self._count += 1
        given = pa.record_batch(batch)
        if self._count == self._config.fail_at:
            _fail(self._config, str(given.to_pylist()[:1]))
        changed = self._changed(given)
        wrong: dict[str, Callable[[], pa.RecordBatch]] = {
            "one_less": lambda: changed.slice(1),
            "one_more": lambda: pa.concat_batches([changed, changed.slice(0, 1)]),
            "other_type": lambda: pa.record_batch({"id": ["a"] * changed.num_rows}),
            "nothing": lambda: None,
        }
        return wrong.get(self._config.twist, lambda: changed)()

    def _changed(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        names = batch.schema.names
        if "label" in names:
            labels = [text + self._config.suffix for text in batch["label"].to_pylist()]
            array = pa.array(labels, pa.string())
            batch = batch.set_column(names.index("label"), "label", array)
        if "id" in names and self._config.hash_id:
            ids = pa.array([f"id-{number}" for number in batch["id"].to_pylist()], pa.string())
            field = pa.field("id", pa.string(), nullable=False)
            batch = batch.set_column(names.index("id"), field, ids)
        if self._config.add:
            batch = batch.append_column("more", pa.array([1] * batch.num_rows, pa.int8()))
        return batch.drop_columns([name for name in self._config.drop if name in names])


def _fail(config: ChangerConfig, what: str) -> None:
    if config.fail_with == "hang":
        time.sleep(3600)
    text = "the change failed"
    if config.leak and config.key is not None:
        text = f"cannot change {what} with {config.key.reveal()}"
    kinds = {**vars(errors), "ValueError": ValueError, "SystemExit": SystemExit}
    kinds |= {"KeyboardInterrupt": KeyboardInterrupt, "GeneratorExit": GeneratorExit}
    kinds |= {"StopIteration": StopIteration}
    raise kinds[config.fail_with](text)
