"""What of the contract's surface a page leaves out, found without the code that makes the page."""

from __future__ import annotations

import enum
import inspect
import re
from collections.abc import Callable, Iterator, Mapping

import attrs

from dativo import contract
from dativo.contract import extension_hookspecs, hookspecs

__all__ = ["Surface", "gaps"]

_SECTION = re.compile(r"^### `(\w+)(?:\([^`]*\))?`\n(.*?)(?=^##|\Z)", re.MULTILINE | re.DOTALL)
_ROW = re.compile(r"^\| `(\w+)([^`]*)` \|(.*)\|$", re.MULTILINE)
_CHAPTER = re.compile(r"^## (.*?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_WORDS = 2

Function = Callable[..., object]


def _hooks() -> dict[str, Function]:
    specs = {**vars(hookspecs), **vars(extension_hookspecs)}
    names = {*hookspecs.__all__, *extension_hookspecs.__all__} - {"hookimpl", "hookspec"}
    return {name: specs[name] for name in names}


@attrs.frozen
class Surface:
    """What the page must tell: the hooks, and all other public names with their values."""

    hooks: Mapping[str, Function] = attrs.field(factory=_hooks)
    names: Mapping[str, object] = attrs.field(
        factory=lambda: {name: vars(contract)[name] for name in contract.__all__}
    )


def gaps(text: str, surface: Surface) -> Iterator[str]:
    """Yield what the page *text* lacks, or says otherwise than the code."""
    sections = {match[1]: match[2] for match in _SECTION.finditer(text)}
    chapters = {_anchor(match[1]): match[2] for match in _CHAPTER.finditer(text)}
    listed = _rows(chapters.get("names", ""))
    for name, hook in surface.hooks.items():
        arguments = ", ".join(inspect.signature(hook).parameters)
        if f"### `{name}({arguments})`\n" not in text:
            yield f"the hook {name}({arguments}) has no heading"
        yield from _function(name, hook, sections.get(name, ""), needs_rows=True)
    for name, value in surface.names.items():
        if not _tells(listed.get(name, "")):
            yield f"{name} is not in the list of names"
        if inspect.isfunction(value):
            yield from _function(name, value, sections.get(name, ""), needs_rows=False)
        elif isinstance(value, type):
            section = sections.get(name)
            if section is None:
                yield f"{name} has no section"
            else:
                yield from _class(value, section, chapters)


def _function(name: str, function: Function, section: str, *, needs_rows: bool) -> Iterator[str]:
    if f"```text\n{name}{_signature(function)}\n```" not in section:
        yield f"{name} is not shown as {name}{_signature(function)}"
    rows = _rows(section)
    needs_rows = needs_rows or "| argument |" in section
    prose = re.sub(r"```.*?```", "", section, flags=re.DOTALL)
    for argument in inspect.signature(function).parameters:
        if not (_tells(rows.get(argument, "")) or (not needs_rows and _names(argument, prose))):
            yield f"the argument {argument} of {name} is not told in words"


def _class(value: type, section: str, chapters: Mapping[str, str]) -> Iterator[str]:
    """Look at the section of a class; what the large protocols have stands in a chapter."""
    rows = _rows(section)
    if issubclass(value, enum.Enum):
        for member in value:
            if not _tells(rows.get(member.value, "")):
                yield f"the value {member.value} of {value.__name__} is not told in words"
        return
    yield from _fields(value, rows)
    elsewhere = re.search(r"shown \[above\]\(#([\w-]+)\)", section)
    rows = rows if elsewhere is None else _rows(chapters[elsewhere[1]])
    known = {field.name for field in attrs.fields(value)} if attrs.has(value) else set[str]()
    for name, member in vars(value).items():
        if name not in known and (name[0] != "_" or name.startswith("__arrow_")):
            yield from _member(value.__name__, name, member, rows, is_typed=not attrs.has(value))


def _fields(value: type, rows: Mapping[str, str]) -> Iterator[str]:
    for field in attrs.fields(value) if attrs.has(value) else ():
        optional = "" if field.default is attrs.NOTHING else ", optional"
        typed = f"`{field.type}`{optional}".replace("|", "\\|")
        kind, _, told = rows.get(field.name, "").rpartition(" | ")
        if not field.inherited and (kind.strip() != typed or not _tells(told)):
            yield f"the field {field.name} of {value.__name__} is not told, or not as {typed}"


def _member(
    name: str, member: str, value: object, rows: Mapping[str, str], *, is_typed: bool
) -> Iterator[str]:
    if isinstance(value, property):
        assert value.fget is not None
        typed = f"{member}: {_type(inspect.signature(value.fget).return_annotation)}"
        key = typed.replace("|", "\\|") if is_typed else member
        if not _tells(rows.get(key, "")):
            yield f"{member} of {name} is not told"
        return
    function = getattr(value, "__func__", value)
    if not inspect.isfunction(function):
        return
    told = rows.get(f"{member}{_signature(function)}".replace("|", "\\|"), "")
    if not _tells(told):
        yield f"{name} does not show {member}{_signature(function)}"
    for argument in list(inspect.signature(function).parameters)[1:]:
        if not _names(argument, told):
            yield f"the argument {argument} of {name}.{member} is not told in words"


def _signature(function: Function) -> str:
    """Return parameters and result as the source has them, without ``self`` and ``cls``."""
    signature = inspect.signature(function)
    parameters = [one for one in signature.parameters.values() if one.name not in ("self", "cls")]
    text = str(signature.replace(parameters=parameters, return_annotation=signature.empty))
    text = re.sub(r"\b(?:attrs|collections\.abc)\.", "", text.replace("'", "\0"))
    shown = re.sub(r"(: )\0(.*?)\0(?=[,)=]| =)", r"\1\2", text).replace("\0", "'")
    return f"{shown} -> {_type(signature.return_annotation)}"


def _rows(text: str) -> dict[str, str]:
    """Return what the tables of *text* say, by what stands in their first column."""
    return {match[1] + match[2]: match[3] for match in _ROW.finditer(text)}


def _anchor(heading: str) -> str:
    return heading.lower().replace(" ", "-")


def _type(annotation: object) -> str:
    return str(annotation).strip("'")


def _names(argument: str, told: str) -> bool:
    return f"*{argument}*" in told or f"`{argument}`" in told


def _tells(told: str) -> bool:
    return len(re.findall(r"\w+", told)) >= _WORDS
