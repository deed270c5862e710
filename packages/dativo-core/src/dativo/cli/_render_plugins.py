"""Installed plugins, as a table, and one of them in detail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dativo.cli._render import Column, Page
from dativo.cli._render_words import count_of
from dativo.plugins import PluginEntry

__all__ = ["setting_type", "show_plugin", "show_plugins"]

_COLUMNS = (
    Column("name"),
    Column("roles"),
    Column("package", wraps=True),
    Column("contract"),
    Column("verdict"),
)
_ABILITIES = ("parallel", "queries", "filters", "ranges", "key_scans")
_SETTINGS = (
    Column("  setting", style="name"),
    Column("type", style="dim"),
    Column("default"),
    Column("meaning", wraps=True),
)


def show_plugins(page: Page, entries: tuple[PluginEntry, ...]) -> None:
    """Show one line for each of *entries*, and below what is wrong with some and its mend."""
    if not entries:
        page.line("no plugins are installed")
        page.line(("fix: ", "fix"), "pip install dativo-connector-NAME", indent=2)
        return
    page.table(_COLUMNS, (_row(page, entry) for entry in entries))
    for entry in entries:
        _show_problem(page, entry)
    if page.is_styled:
        broken = sum(not entry.is_usable for entry in entries)
        rest = f", {broken} of them not usable" if broken else ""
        page.line((count_of(len(entries), "plugin") + rest, "dim"))


def _row(page: Page, entry: PluginEntry) -> tuple[str, ...]:
    unknown = "manifest: none" if entry.manifest_problem == "none" else "?"
    roles = ", ".join(entry.roles) or (_kind(entry) if entry.kind != "connector" else unknown)
    contract = entry.manifest.contract if entry.manifest else f"{entry.major}"
    sign = f"{page.sign('✓' if entry.is_usable else '✗')} " if page.is_styled else ""
    verdict = "duplicate" if entry.duplicates else entry.verdict.value
    package = f"{entry.distribution or '?'} {entry.version or '?'}"
    return (
        entry.name,
        roles,
        package,
        contract if page.is_styled else f"contract {contract}",
        f"{sign}{verdict}",
    )


def _kind(entry: PluginEntry) -> str:
    about = None if entry.manifest is None else entry.manifest.extension
    return entry.kind if about is None else str(about["kind"])


def _show_problem(page: Page, entry: PluginEntry) -> None:
    if entry.problem:
        page.line((f"{entry.name}: ", "warn" if entry.is_usable else "bad"), entry.problem)
        if entry.fix:
            page.line(("fix: ", "fix"), entry.fix, indent=2)


def show_plugin(page: Page, entry: PluginEntry) -> None:
    """Show *entry* with all that its manifest says."""
    manifest = entry.manifest
    title = f"  {manifest.title}" if manifest else ""
    page.line((entry.name, "name"), title)
    facts = {
        "package": f"{entry.distribution} {entry.version}",
        "entry point": f"{entry.group}: {entry.value}",
        "contract": manifest.contract if manifest else str(entry.major),
        "verdict": "duplicate" if entry.duplicates else entry.verdict.value,
        "documentation": manifest.documentation if manifest else "",
    }
    for name, fact in facts.items():
        if fact:
            page.line((f"{name}: ", "dim"), fact, indent=2)
    _show_problem(page, entry)
    if manifest is None:
        reason = "has none" if entry.manifest_problem == "none" else entry.manifest_problem
        page.line(("manifest: ", "dim"), reason, indent=2)
        return
    for role, about in manifest.roles.items():
        _show_role(page, role.value, about)
    if manifest.extension is not None:
        _show_extension(page, manifest.extension)


def _show_role(page: Page, role: str, about: Mapping[str, Any]) -> None:
    modes = about.get("read_modes") or about.get("write_modes") or ()
    page.line()
    page.line((f"as {role}", "name"), (f"  {', '.join(modes)}", "dim"))
    facts = {
        "hooks": ", ".join(about.get("hooks", ())),
        "replay": about.get("replay", ""),
        "atomicity": about.get("atomicity", ""),
        "can": ", ".join(word for word in _ABILITIES if about.get(word)),
    }
    for name, fact in facts.items():
        if fact:
            page.line((f"{name}: ", "dim"), fact, indent=2)
    _show_settings(page, f"{role}.config", about.get("config", {}))
    _show_settings(page, "streams options", about.get("options", {}))


def _show_extension(page: Page, about: Mapping[str, Any]) -> None:
    page.line()
    page.line(("as extension", "name"), (f"  {about['kind']}", "dim"))
    page.line(("hooks: ", "dim"), ", ".join(about.get("hooks", ())), indent=2)
    _show_settings(page, "config", about.get("config", {}))


def _show_settings(page: Page, place: str, schema: Mapping[str, Any]) -> None:
    properties = schema.get("properties", {})
    if not properties:
        return
    required = schema.get("required", ())
    if page.is_styled:
        page.line((place, "dim"), indent=2)
        page.table(
            _SETTINGS,
            [
                (f"  {name}", setting_type(about), _default(about, name in required), _help(about))
                for name, about in properties.items()
            ],
        )
        return
    for name, about in properties.items():
        default = _default(about, name in required)
        start = f"{place}.{name}  {setting_type(about)}  "
        page.line(start + f"{default}  {_help(about)}".strip())


def setting_type(about: Mapping[str, Any]) -> str:
    """Return the type of a setting as people say it."""
    if about.get("writeOnly"):
        return "secret"
    if "enum" in about:
        return " | ".join(str(one) for one in about["enum"])
    if "anyOf" in about:
        kinds = (setting_type(option) for option in about["anyOf"])
        return " | ".join(kind for kind in kinds if kind != "null")
    kind = about.get("type", "any")
    if kind == "array":
        return f"list of {setting_type(about.get('items', {}))}"
    if isinstance(kind, list):
        return " | ".join(one for one in kind if one != "null")
    names = {"string": "text", "object": "section", "number": "number", "boolean": "true | false"}
    return names.get(str(kind), str(kind))


def _default(about: Mapping[str, Any], is_required: bool) -> str:  # noqa: FBT001 - one fact
    if is_required:
        return "required"
    return (
        str(about["default"]).lower()
        if isinstance(about.get("default"), bool)
        else str(about.get("default", ""))
    )


def _help(about: Mapping[str, Any]) -> str:
    return str(about.get("description", ""))
