"""What is installed, with one verdict each; nothing is imported."""

from __future__ import annotations

import difflib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping

import attrs

from dativo.contract import CONTRACT_MAJOR, Manifest, Role
from dativo.errors import PluginLoadError, PluginNotFoundError, PluginVersionError
from dativo.plugins._manifests import NO_MANIFEST, read_manifest
from dativo.plugins._scan import Distribution, Registration, installed_version, scan
from dativo.plugins._versions import ADAPTED_MAJORS, CORE, Judgement, VersionVerdict, judge

__all__ = [
    "PluginEntry",
    "find_connector",
    "find_distribution",
    "find_extension",
    "find_plugin",
    "list_plugins",
]

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.)){0,99}")
_VALUE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*(\s*:\s*[^\W\d]\w*(\.[^\W\d]\w*)*)?")


@attrs.frozen(kw_only=True)
class PluginEntry:
    """One installed plugin as its metadata describes it.

    Attributes:
        name: The address in job files.
        kind: ``connector`` or ``extension``.
        group: The entry-point group.
        major: The contract's major that the group names; 0 where it names none.
        value: What the entry point names, ``module`` or ``module:object``.
        distribution: The distribution that registers it.
        version: The distribution's version.
        manifest: What it says of itself; ``None`` if that cannot be read.
        manifest_problem: Empty, ``"none"``, or why the manifest cannot be read.
        verdict: Whether it can be used with this core.
        problem: What is wrong with it; empty if it can be used.
        fix: The command that mends it.
        duplicates: The other distributions that register the same name.
    """

    name: str
    kind: str
    group: str
    major: int
    value: str
    distribution: str
    version: str
    manifest: Manifest | None
    manifest_problem: str
    verdict: VersionVerdict
    problem: str = ""
    fix: str = ""
    duplicates: tuple[str, ...] = ()

    @property
    def roles(self) -> tuple[Role, ...]:
        """The roles that the manifest declares; empty where there is none to ask."""
        return () if self.manifest is None else tuple(self.manifest.roles)

    @property
    def is_usable(self) -> bool:
        """Whether a job may use it."""
        usable = (VersionVerdict.COMPATIBLE, VersionVerdict.DEPRECATED)
        return self.verdict in usable and not self.duplicates

    @property
    def module(self) -> str:
        """The module that the entry point names."""
        return self.value.partition(":")[0].strip()


def list_plugins() -> tuple[PluginEntry, ...]:
    """Return every installed plugin, sorted by kind, name and distribution.

    Nothing is imported, and a broken plugin is an entry with a problem, never an exception.
    """
    entries = _entries(scan(), installed_version(CORE))
    return tuple(sorted(entries, key=lambda entry: (entry.kind, entry.name, entry.distribution)))


def find_connector(name: str, *, manifest: bool = True) -> PluginEntry:
    """Return the installed connector *name*; without *manifest*, that file is left unread.

    Raises:
        PluginNotFoundError: None is installed under this name, or more than one is.
        PluginVersionError: It does not work with this core; ``fix`` is the command that mends it.
        PluginLoadError: Its metadata is damaged.
    """
    return _find(name, ("connector",), manifest=manifest)


def find_extension(name: str, *, manifest: bool = True) -> PluginEntry:
    """Return the installed extension *name*; without *manifest*, that file is left unread.

    Raises:
        DativoError: As for :func:`find_connector`.
    """
    return _find(name, ("extension",), manifest=manifest)


def find_plugin(name: str, *, manifest: bool = True) -> PluginEntry:
    """Return the installed connector *name*, or the extension of this name if there is none.

    Raises:
        DativoError: As for :func:`find_connector`.
    """
    return _find(name, ("connector", "extension"), manifest=manifest)


def find_distribution(name: str) -> Distribution:
    """Return the distribution of the installed plugin *name*, which need not be usable.

    Raises:
        PluginNotFoundError: None is installed under this name.
    """
    return _registered(name, ("connector", "extension"))[0].distribution


def _find(name: str, kinds: tuple[str, ...], *, manifest: bool) -> PluginEntry:
    mine = _registered(name, kinds)
    entry = _entries(mine, installed_version(CORE), manifest=manifest)[0]
    if entry.duplicates:
        raise PluginNotFoundError(entry.problem, fix=entry.fix, connector=name)
    if not entry.is_usable:
        is_broken = entry.verdict is VersionVerdict.BROKEN_METADATA
        member = PluginLoadError if is_broken else PluginVersionError
        what = f"the {entry.kind} {name!r} ({entry.distribution} {entry.version}) cannot be used"
        raise member(f"{what}: {entry.problem}", fix=entry.fix, connector=name, phase="load")
    return entry


def _registered(name: str, kinds: tuple[str, ...]) -> list[Registration]:
    """Return what is registered as *name*, of the first of *kinds* that knows it."""
    registered = list(scan())
    for kind in kinds:
        found = [one for one in registered if (one.kind, one.name) == (kind, name)]
        if found:
            return found
    raise _not_found(name, kinds[0], {one.name for one in registered if one.kind in kinds})


def _not_found(name: str, kind: str, known: set[str]) -> PluginNotFoundError:
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    msg = f"no {kind} {name!r} is installed{hint}"
    if near:
        return PluginNotFoundError(msg, fix=f"Write {near[0]!r}, or see `dativo plugins list`.")
    if _NAME.fullmatch(name) is None:
        return PluginNotFoundError(msg, fix="See `dativo plugins list` for the installed ones.")
    return PluginNotFoundError(msg, fix=f"pip install dativo-{kind}-{name}")


def _entries(
    registered: Iterable[Registration], core_version: str, *, manifest: bool = True
) -> list[PluginEntry]:
    """Make one entry per kind, name and distribution, of the highest major in common."""
    families: dict[tuple[str, str], dict[str, list[Registration]]] = {}
    for found in registered:
        family = families.setdefault((found.kind, found.name), defaultdict(list))
        family[found.distribution.name].append(found)
    entries = []
    for family in families.values():
        for distribution in family:
            best = max(family[distribution], key=_preference)
            others = tuple(sorted(set(family) - {distribution}))
            read = _manifest(best) if manifest else (None, NO_MANIFEST)
            entries.append(_entry(best, core_version, others, read))
    return entries


def _preference(found: Registration) -> tuple[bool, int]:
    major = -1 if found.major is None else found.major
    readable = major == CONTRACT_MAJOR or major in _adapted(found)
    return readable, major


def _adapted(found: Registration) -> Mapping[int, str]:
    return ADAPTED_MAJORS if found.kind == "connector" else {}


def _entry(
    found: Registration,
    core_version: str,
    others: tuple[str, ...],
    read: tuple[Manifest | None, str],
) -> PluginEntry:
    distribution, (manifest, manifest_problem) = found.distribution, read
    is_damaged = manifest_problem not in ("", NO_MANIFEST)
    problem = _damage(found) or (manifest_problem if is_damaged else "")
    judged = judge(
        distribution.name,
        major=found.major or 0,
        contract=None if manifest is None else manifest.contract,
        requires=distribution.requires,
        core_version=core_version,
        adapted=_adapted(found),
    )
    if problem:
        fix = f"pip install --force-reinstall {distribution.name}"
        judged = Judgement(VersionVerdict.BROKEN_METADATA, problem, fix)
    if others:
        judged = _duplicate(found, others, judged.verdict)
    return PluginEntry(
        name=found.name,
        kind=found.kind,
        group=found.group,
        major=found.major or 0,
        value=found.value,
        distribution=distribution.name,
        version=distribution.version,
        manifest=manifest,
        manifest_problem=manifest_problem,
        verdict=judged.verdict,
        problem=judged.problem,
        fix=judged.fix,
        duplicates=others,
    )


def _manifest(found: Registration) -> tuple[Manifest | None, str]:
    if _damage(found):
        return None, NO_MANIFEST
    module = found.value.partition(":")[0].strip()
    manifest, problem = read_manifest(found.distribution, found.name, module)
    if manifest is not None and (manifest.extension is not None) != (found.kind == "extension"):
        return None, f"its manifest is not that of {_article(found.kind)}"
    return manifest, problem


def _article(kind: str) -> str:
    return {"connector": "a connector", "extension": "an extension"}[kind]


def _damage(found: Registration) -> str:
    if found.distribution.problem:
        return found.distribution.problem
    if found.major is None:
        return f"its group {found.group!r} names no contract; expected {_expected(found)!r}"
    if _NAME.fullmatch(found.name) is None:
        return f"its entry point is called {found.name!r}, which no job file can name"
    if _VALUE.fullmatch(found.value) is None:
        return f"its entry point {found.name!r} names no module: {found.value!r}"
    return ""


def _expected(found: Registration) -> str:
    return f"dativo.{found.kind}s.v{CONTRACT_MAJOR}"


def _duplicate(found: Registration, others: tuple[str, ...], verdict: VersionVerdict) -> Judgement:
    names = sorted((found.distribution.name, *others))
    listed = " and ".join(names)
    choices = [f"pip uninstall {name}" for name in reversed(names)]
    problem = f"the {found.kind} {found.name!r} is registered by {listed}"
    return Judgement(verdict, problem, "   # or: ".join(choices))
