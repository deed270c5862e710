"""The contract's surface is a promise to vendors: a change here is a new contract version."""

from __future__ import annotations

import inspect

import attrs
import pytest

import dativo.contract
from dativo.contract import (
    CONTRACT_VERSION,
    Context,
    ObserverSession,
    Transform,
    WriteSession,
    extension_hookspecs,
    hookspecs,
)

HOOKS = {
    "describe": [],
    "check_connection": ["config", "context"],
    "discover": ["config", "context"],
    "extract": ["config", "request", "state", "context"],
    "write": ["config", "request", "context"],
    "read_back": ["config", "request", "context"],
    "compact": ["config", "request", "context"],
    "lock": ["config", "context"],
    "plan_read": ["config", "request", "state", "context"],
    "plan_write": ["config", "request", "read", "context"],
}

EXTENSION_HOOKS = {
    "describe_extension": [],
    "observe": ["config", "context"],
    "transform": ["config", "request", "schema", "context"],
}

CONTEXT = {
    "attempt",
    "batch_bytes",
    "batch_rows",
    "buffer_bytes",
    "cancelled",
    "contract",
    "deadline",
    "discard",
    "features",
    "fence",
    "job_id",
    "limit",
    "log",
    "parallelism",
    "patterns",
    "progress",
    "reader",
    "resource",
    "retry",
    "run_id",
    "streams",
    "workdir",
}

FIELDS = {
    "StreamRequest": [
        "stream",
        "mode",
        "cursor",
        "primary_key",
        "columns",
        "where",
        "query",
        "lower",
        "upper",
        "options",
    ],
    "WriteRequest": ["stream", "mode", "primary_key", "options"],
    "Batch": ["data", "checkpoint", "op", "rows", "sequence"],
    "Checkpoint": ["value", "version"],
    "Staged": ["rows", "size_bytes", "token"],
    "Receipt": ["record", "size_bytes", "replayed"],
    "CommitRecord": ["commit", "rows", "files", "schema"],
    "ExtensionInfo": ["title", "kind", "config", "version"],
    "TransformRequest": ["stream", "source", "primary_key", "partial"],
    "System": ["connector", "identity"],
    "Event": ["job", "run_id", "at"],
    "RunStarted": ["job", "run_id", "at", "streams", "source", "writer"],
    "StreamStarted": ["job", "run_id", "at", "stream", "attempt", "resumed"],
    "SchemaRead": ["job", "run_id", "at", "stream", "source_schema", "schema"],
    "BatchRead": ["job", "run_id", "at", "stream", "rows", "size_bytes"],
    "EpochCommitted": ["job", "run_id", "at", "stream", "epoch", "rows", "size_bytes", "files"],
    "RetryScheduled": ["job", "run_id", "at", "stream", "attempt", "wait_seconds", "error"],
    "Message": ["job", "run_id", "at", "level", "text", "connector", "stream", "fields"],
    "StreamFinished": ["job", "run_id", "at", "stream", "rows", "seconds", "error", "outcome"],
    "RunFinished": ["job", "run_id", "at", "rows", "seconds", "outcome", "size_bytes", "error"],
    "CheckItem": ["scope", "verdict", "message", "error"],
}


def test_the_version_is_the_one_these_tables_describe() -> None:
    assert CONTRACT_VERSION == "1.0"


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_has_its_arguments_and_first_result_wins(hook: str) -> None:
    spec = getattr(hookspecs, hook)

    assert list(inspect.signature(spec).parameters) == HOOKS[hook]
    assert spec.dativo_spec["firstresult"] is True
    assert spec.__doc__
    with pytest.raises(NotImplementedError):
        spec(*HOOKS[hook])


def test_there_are_no_other_hooks() -> None:
    assert set(hookspecs.__all__) == {*HOOKS, "hookimpl", "hookspec"}
    assert set(extension_hookspecs.__all__) == set(EXTENSION_HOOKS)


@pytest.mark.parametrize("hook", EXTENSION_HOOKS)
def test_a_hook_of_extensions_has_its_arguments(hook: str) -> None:
    spec = getattr(extension_hookspecs, hook)

    assert list(inspect.signature(spec).parameters) == EXTENSION_HOOKS[hook]
    assert spec.dativo_spec["firstresult"] is True
    assert spec.__doc__
    with pytest.raises(NotImplementedError):
        spec(*EXTENSION_HOOKS[hook])


def test_a_context_has_what_is_promised() -> None:
    members = {name for name in vars(Context) if not name.startswith("_")}

    assert members >= CONTEXT
    assert all(inspect.getdoc(getattr(Context, name)) for name in members)


def test_a_write_session_has_what_is_promised() -> None:
    members = {name for name in vars(WriteSession) if not name.startswith("_")}

    assert members == {"stage", "commit", "abort", "last_commit", "close"}


@pytest.mark.parametrize(
    ("protocol", "promised"),
    [(ObserverSession, {"tell", "close"}), (Transform, {"schema", "apply"})],
)
def test_what_an_extension_returns_needs_no_more_than_promised(
    protocol: type, promised: set[str]
) -> None:
    assert {name for name in vars(protocol) if not name.startswith("_")} == promised


@pytest.mark.parametrize("name", FIELDS)
def test_a_value_has_its_fields_in_order(name: str) -> None:
    cls = getattr(dativo.contract, name)

    found = [field.name for field in attrs.fields(cls)]

    assert found[: len(FIELDS[name])] == FIELDS[name]
    new = attrs.fields(cls)[len(FIELDS[name]) :]
    assert all(field.default is not attrs.NOTHING for field in new)


def test_what_is_exported_exists_and_is_all_there_is() -> None:
    exported = dativo.contract.__all__
    visible = {
        name
        for name, value in vars(dativo.contract).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }

    assert len(exported) == len(set(exported))
    assert visible == set(exported)


@pytest.mark.parametrize("name", dativo.contract.__all__)
def test_everything_is_documented(name: str) -> None:
    value = getattr(dativo.contract, name)

    assert not (inspect.isclass(value) or inspect.isfunction(value)) or value.__doc__
