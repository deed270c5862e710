"""The contract: hooks with their signatures, and every public name."""

from __future__ import annotations

import enum
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial

import attrs

from _generate.markdown import code, sentence, table
from _generate.signatures import parameter_names, returned, signature_text, type_words
from dativo import contract
from dativo.contract import (
    Context,
    ObserverSession,
    Transform,
    WriteSession,
    extension_hookspecs,
    hookspecs,
)

__all__ = ["CONTRACT_BLOCKS"]

_ORDER = (
    "describe",
    "check_connection",
    "discover",
    "extract",
    "plan_read",
    "write",
    "lock",
    "plan_write",
    "read_back",
    "compact",
)
_EXTENSION_ORDER = ("describe_extension", "transform", "observe")
_MEANINGS = {
    "CONNECTOR_GROUP": "the entry-point group of connectors of this contract's major",
    "CONNECTOR_GROUP_PREFIX": "what the names of all connector groups begin with",
    "CONTRACT_MAJOR": "grows when something is removed or renamed",
    "CONTRACT_MINOR": "grows when a hook, a hook argument or a field with a default is added",
    "CONTRACT_VERSION": "both, as `context.contract` gives it",
    "EXTENSION_GROUP": "the entry-point group of extensions",
    "FAILPOINT_VARIABLE": "the environment variable that names a fail point",
    "LEASE_SECONDS": "how long the holder of a lock may be silent before it is taken over",
    "MANIFEST_FILE": "the manifest's file name",
    "MANIFEST_FORMAT": "the version of the manifest's own format",
    "MAX_CHECKPOINT_BYTES": "the most bytes of a checkpoint when it is written as JSON",
}
_MARKERS = {
    "hookimpl": "The decorator that marks a function as the implementation of a hook.",
    "hookspec": "The decorator that marks the hooks of the contract; a connector needs none.",
    "RowCount": "The source's own count of a batch: a number, or a call that returns it.",
    "JsonValue": "What a checkpoint consists of: texts, numbers, booleans, `None`, and lists and "
    "mappings of them.",
}
_FIELDS = {
    "CheckItem.scope": "What was tried, such as `host`, `login` or `stream public.orders`.",
    "CheckItem.verdict": "How it went.",
    "CheckItem.message": "What was found, for a person.",
    "CheckItem.error": "Why it does not work.",
    "ConnectionTestResult.items": "What was tried, in order.",
    "ErrorInfo.code": "A code of the catalogue of errors.",
    "ErrorInfo.cause": "When it happens in this connector.",
    "ErrorInfo.fix": "What to do about it.",
    "Permissions.hosts": "The hosts that it talks to.",
    "Permissions.ports": "The ports that it talks to.",
    "Permissions.paths": "The files and folders that it uses.",
    "Permissions.subprocess": "Whether it starts programs.",
    "WriteRequest.stream": "The stream's name.",
    "WriteRequest.mode": "Append, replace or merge.",
    "WriteRequest.primary_key": "The fields that identify a record.",
    "WriteRequest.options": "The connector's own options class, structured.",
}
_VALUES = {
    "Operation.UPSERT": "They are added, or supersede those of the same key.",
    "Operation.DELETE": "Records of the same key are removed; the batch may hold the key alone.",
    "Role.SOURCE": "Data is read from it.",
    "Role.WRITER": "Data is written to it.",
    "RunOutcome.DONE": "Every stream is done.",
    "RunOutcome.PARTIAL": "Some streams are done.",
    "RunOutcome.FAILED": "It could not begin, or no stream is done.",
    "RunOutcome.INTERRUPTED": "It was stopped, or ran into its deadline or a stall.",
    "StreamOutcome.DONE": "Everything that was to be read is published.",
    "StreamOutcome.FAILED": "The error says why; what was committed stays.",
    "StreamOutcome.INTERRUPTED": "The run was stopped; what was committed stays.",
    "StreamOutcome.NOT_STARTED": "The run was stopped before its turn.",
    "StreamStatus.READABLE": "It can be read.",
    "StreamStatus.UNREADABLE": "It cannot; `Stream.problem` says why.",
    "Verdict.OK": "It was tried and works.",
    "Verdict.FAILED": "It was tried and does not work.",
    "Verdict.PARTIAL": "Part of it works.",
    "Verdict.NOT_IMPLEMENTED": "The connector cannot try it.",
    "Verdict.SKIPPED": "It was not tried, for a reason that the message names.",
}


def _hooks() -> str:
    names = set(hookspecs.__all__) - {"hookimpl", "hookspec"}
    hooks = (vars(hookspecs)[name] for name in sorted(names, key=_ORDER.index))
    return "\n\n".join(map(_hook, hooks))


def _extension_hooks() -> str:
    names = sorted(extension_hookspecs.__all__, key=_EXTENSION_ORDER.index)
    return "\n\n".join(_hook(vars(extension_hookspecs)[name]) for name in names)


def _hook(hook: Callable[..., object]) -> str:
    name = hook.__name__
    heading = f"### `{name}({', '.join(parameter_names(hook))})`"
    return "\n\n".join((heading, *_call(hook)))


def _call(function: Callable[..., object]) -> Iterator[str]:
    """Yield the signature, what it does, and what its arguments and errors mean."""
    yield f"```text\n{function.__name__}{signature_text(function)}\n```"
    told, _, raises = inspect.cleandoc(function.__doc__ or "").partition("\n\nRaises:\n")
    told, _, arguments = told.partition("\n\nArgs:\n")
    yield _prose(told)
    for column, listed in (("argument", arguments), ("error", raises)):
        rows = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", listed, re.MULTILINE)
        if rows:
            yield table((column, "meaning"), ((code(name), sentence(text)) for name, text in rows))


def _prose(text: str | None) -> str:
    """Return a docstring as paragraphs, one sentence per line."""
    paragraphs = inspect.cleandoc(text or "").split("\n\n")
    return "\n\n".join(re.sub(r"(?<=\.) (?=[A-Z])", "\n", sentence(one)) for one in paragraphs)


def _members(protocol: type) -> str:
    public = [name for name in vars(protocol) if name.startswith("__arrow_") or name[0] != "_"]
    return table(("name", "meaning"), (_member(name, vars(protocol)[name]) for name in public))


def _member(name: str, member: object) -> tuple[str, str]:
    if isinstance(member, property):
        assert member.fget is not None
        return code(f"{name}: {returned(member.fget)}"), _whole(member.__doc__)
    assert inspect.isfunction(member)
    return code(name + signature_text(member)), _whole(member.__doc__)


def _whole(text: str | None) -> str:
    """Return a docstring in one line; what it raises comes last."""
    told, _, raises = inspect.cleandoc(text or "").partition("\n\nRaises:\n")
    paragraphs = [sentence(paragraph) for paragraph in told.split("\n\n")]
    lines = (" ".join(line.split()) for line in re.split(r"\n    (?=\S)", raises) if line)
    errors = [re.sub(r"^(\w+): (.*)", r"`\1`: \2", line) for line in lines]
    return " ".join([*paragraphs, *(["It raises"] if errors else []), *errors])


def _names() -> str:
    return table(("name", "meaning"), ((code(name), _meaning(name)) for name in contract.__all__))


def _meaning(name: str) -> str:
    value = vars(contract)[name]
    if name in _MEANINGS:
        return f"{code(value)}, {_MEANINGS[name]}."
    return _MARKERS.get(name) or sentence(value.__doc__)


def _classes() -> str:
    values = (vars(contract)[name] for name in contract.__all__)
    return "\n\n".join(_class(value) for value in values if isinstance(value, type))


_ELSEWHERE = {
    Context: "the-context",
    WriteSession: "the-write-session",
    Transform: "extensions",
    ObserverSession: "extensions",
}


def _class(value: type) -> str:
    told = inspect.cleandoc(value.__doc__ or "")
    told = told.partition("\n\nAttributes:")[0].partition("\n\nRaises:")[0]
    parts = [f"### `{value.__name__}`", _prose(told)]
    if issubclass(value, enum.Enum):
        parts.append(table(("value", "meaning"), _value_rows(value)))
        return "\n\n".join(parts)
    if value in _ELSEWHERE:
        return "\n\n".join([*parts, f"What it has is shown [above](#{_ELSEWHERE[value]})."])
    if not attrs.has(value):
        return "\n\n".join([*parts, _members(value)])
    fields, members = list(_field_rows(value)), list(_member_rows(value))
    if fields:
        parts.append(table(("field", "type", "meaning"), fields))
    if members:
        parts.append(table(("besides", "meaning"), members))
    return "\n\n".join(parts)


def _value_rows(value: type[enum.Enum]) -> Iterator[tuple[str, str]]:
    source = inspect.getsource(value)
    below = dict(
        re.findall(r'^    (\w+) = [^\n]*\n    """(.*?)"""', source, re.MULTILINE | re.DOTALL)
    )
    for member in value:
        name = f"{value.__name__}.{member.name}"
        yield code(member.value), sentence(below.get(member.name)) or _VALUES[name]


def _field_rows(value: type) -> Iterator[tuple[str, str, str]]:
    told = inspect.cleandoc(value.__doc__ or "").partition("Attributes:\n")[2]
    texts = dict(re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", told, re.MULTILINE))
    for field in attrs.fields(value):
        if field.inherited:
            continue
        optional = "" if field.default is attrs.NOTHING else ", optional"
        text = texts.get(field.name) or _FIELDS[f"{value.__name__}.{field.name}"]
        yield code(field.name), code(type_words(field.type)) + optional, sentence(text)


def _member_rows(value: type) -> Iterator[tuple[str, str]]:
    for name, member in vars(value).items():
        if name.startswith("_"):
            continue
        if isinstance(member, property):
            yield code(name), _whole(member.__doc__)
        elif isinstance(member, classmethod) or inspect.isfunction(member):
            function = getattr(value, name)
            yield code(name + signature_text(function)), _whole(function.__doc__)


def _functions() -> str:
    values = (vars(contract)[name] for name in contract.__all__)
    return "\n\n".join(_function(value) for value in values if inspect.isfunction(value))


def _function(function: Callable[..., object]) -> str:
    return "\n\n".join((f"### `{function.__name__}`", *_call(function)))


CONTRACT_BLOCKS: Mapping[str, Callable[[], str]] = {
    "contract.hooks": _hooks,
    "contract.extension_hooks": _extension_hooks,
    "contract.observer": partial(_members, ObserverSession),
    "contract.transform": partial(_members, Transform),
    "contract.context": partial(_members, Context),
    "contract.session": partial(_members, WriteSession),
    "contract.names": _names,
    "contract.classes": _classes,
    "contract.functions": _functions,
}
