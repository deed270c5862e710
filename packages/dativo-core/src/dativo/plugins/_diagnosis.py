"""What is wrong with an installed plugin, found without loading it into this process."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterator
from typing import Any

import attrs

from dativo.contract import Manifest
from dativo.errors import DativoError, PluginLoadError, PluginNotFoundError, PluginVersionError
from dativo.plugins._child import ChildEnd, run_child
from dativo.plugins._inventory import PluginEntry, find_plugin, list_plugins
from dativo.plugins._manifests import NO_MANIFEST
from dativo.plugins._scan import Distribution, scan
from dativo.plugins._versions import VersionVerdict

__all__ = ["Diagnosis", "Finding", "diagnose"]

_FRAMES = 6
_OURS = re.compile(r"dativo/plugins/_(child_main|diagnosis_child)\.py$")
_DIFF_LINES = 12
_DOES = {"import": "importing it", "describe": "registering and describing it"}


@attrs.frozen(kw_only=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        problem: What, in one sentence.
        fix: What to do about it.
        place: The file and line; empty where there is none.
        details: Further lines, such as a stack.
        error: The error with which a job that uses the plugin would end, or one like it.
    """

    problem: str
    fix: str
    place: str = ""
    details: tuple[str, ...] = ()
    error: type[DativoError] = PluginLoadError


@attrs.frozen(kw_only=True)
class Diagnosis:
    """What was looked at, and what is wrong.

    Attributes:
        entries: What is installed under the name, by its metadata.
        looked: What was looked at.
        findings: What is wrong, the cause first.
        hints: What could be better, and keeps nobody from using it.
    """

    entries: tuple[PluginEntry, ...]
    looked: tuple[str, ...]
    findings: tuple[Finding, ...]
    hints: tuple[Finding, ...] = ()

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings


def diagnose(name: str, *, seconds: float) -> Diagnosis:
    """Look at the metadata of the plugin *name*, then load it in a child.

    Args:
        name: Its address.
        seconds: How long loading may take.

    Raises:
        PluginNotFoundError: None is installed under this name.
    """
    entries = tuple(entry for entry in list_plugins() if entry.name == name)
    if not entries:
        find_plugin(name)  # raises, and knows what is near
    looked = ["its metadata", "its requirements"]
    findings = [finding for entry in entries for finding in _of_metadata(entry)]
    hints: list[Finding] = []
    if len(entries) == 1 and entries[0].is_usable:
        looked.append("what happens when it is loaded")
        found = list(_of_loading(entries[0], seconds))
        # A hint beside a failure would only distract from it.
        findings += found
        hints = [] if findings else list(_hints(entries[0]))
    return Diagnosis(
        entries=entries, looked=tuple(looked), findings=tuple(findings), hints=tuple(hints)
    )


def _of_metadata(entry: PluginEntry) -> Iterator[Finding]:
    from dativo.plugins._requirements import unmet_requirements  # noqa: PLC0415 - for this alone

    if entry.duplicates:
        yield Finding(problem=entry.problem, fix=entry.fix, error=PluginNotFoundError)
    elif not entry.is_usable:
        is_broken = entry.verdict is VersionVerdict.BROKEN_METADATA
        error = PluginLoadError if is_broken else PluginVersionError
        yield Finding(problem=entry.problem, fix=entry.fix, error=error)
    for unmet in unmet_requirements(_distribution(entry)):
        yield Finding(problem=unmet.problem, fix=unmet.fix, error=PluginVersionError)


def _hints(entry: PluginEntry) -> Iterator[Finding]:
    if entry.verdict is VersionVerdict.DEPRECATED:
        yield Finding(problem=entry.problem, fix=entry.fix)
    if entry.manifest_problem == NO_MANIFEST:
        yield Finding(
            problem="it has no manifest, so nothing is known of it without loading it",
            fix=f"Its publisher runs `dativo plugins manifest {entry.name} --write` and ships it.",
        )


def _of_loading(entry: PluginEntry, seconds: float) -> Iterator[Finding]:
    end = run_child(
        "dativo.plugins._diagnosis_child:load_step_by_step",
        {"name": entry.name, "kind": entry.kind, "value": entry.value},
        seconds=seconds,
    )
    steps = [answer["step"] for answer in end.answers if "step" in answer]
    last = end.answers[-1] if end.answers else {}
    if "raised" in last:
        yield _of_exception(entry, last["raised"])
    elif "refused" in last:
        refused = last["refused"]
        yield Finding(problem=refused["message"], fix=refused["fix"], place=refused["place"])
    elif "manifest" in last:
        yield from _drift(entry, Manifest.from_json(last["manifest"]))
    else:
        yield _of_end(entry, end, _DOES[steps[-1]] if steps else "starting Python", seconds)
    if end.output.strip():
        line = end.output.strip().splitlines()[0]
        yield Finding(
            problem=f"it prints on standard output while it is loaded: {line!r}",
            fix="Take the print out, or use logging: standard output belongs to the command.",
        )


def _of_end(entry: PluginEntry, end: ChildEnd, doing: str, seconds: float) -> Finding:
    """Say how a child ended that could not say so itself."""
    stack = tuple(_stack(end.stacks))
    place = stack[0].partition(" in ")[0] if stack else ""
    if end.is_late:
        return Finding(
            problem=f"{doing} did not end within {seconds:g} s; it hangs at {place or '?'}",
            fix="Move what waits there into the hook that needs it; if the machine is only slow, "
            "pass a larger --timeout.",
            place=place,
            details=stack,
        )
    if end.exit_code < 0:
        return Finding(
            problem=f"{doing} crashed the interpreter: {end.reason}",
            fix="A native library does not fit this Python or this machine: "
            f"pip install --force-reinstall --no-cache-dir {entry.distribution}",
            place=place,
            details=stack,
        )
    return Finding(
        problem=f"{doing} ended the process: {end.reason}",
        fix=f"Look for os._exit in {entry.module} and what it imports, and raise an exception "
        "there instead.",
    )


def _of_exception(entry: PluginEntry, raised: dict[str, Any]) -> Finding:
    place = f"{raised['file']}:{raised['line']}" if raised["file"] else ""
    explain = {
        "ModuleNotFoundError": _missing_module,
        "ImportError": _missing_name,
        "SyntaxError": _syntax,
    }.get(raised["kind"], _other)
    problem, fix = explain(entry, raised)
    return Finding(problem=problem, fix=fix, place=place)


def _missing_module(entry: PluginEntry, raised: dict[str, Any]) -> tuple[str, str]:
    from dativo.plugins._requirements import provider, requires  # noqa: PLC0415 - for this alone

    module = str(raised["module"] or "")
    if module.partition(".")[0] == entry.module.partition(".")[0]:
        problem = f"its entry point names {entry.value!r}, and there is no module {module!r}"
        return problem, f"pip install --force-reinstall {entry.distribution}"
    wanted = requires(_distribution(entry), module)
    if wanted:
        problem = f"it imports {module!r}, of {wanted}, which is required and not installed"
        return problem, f"pip install '{wanted}'"
    name = provider(module)
    problem = f"it imports {module!r}, probably of {name}, which its metadata does not require"
    return problem, f"pip install {name}   # and tell the publisher of {entry.distribution}"


def _missing_name(entry: PluginEntry, raised: dict[str, Any]) -> tuple[str, str]:
    from dativo.plugins._requirements import provider  # noqa: PLC0415 - for this alone

    module = str(raised["module"] or "")
    if not module or module.partition(".")[0] == entry.module.partition(".")[0]:
        return _other(entry, raised)
    name = "dativo-core" if module.partition(".")[0] == "dativo" else provider(module)
    problem = f"{raised['text']}: the installed {name} is of another version than it was made for"
    return problem, f"pip install -U {name} {entry.distribution}"


def _syntax(entry: PluginEntry, raised: dict[str, Any]) -> tuple[str, str]:
    version = ".".join(map(str, sys.version_info[:2]))
    problem = f"{raised['text']}; this is Python {version}"
    return (
        problem,
        f"Mend the line, or reinstall: pip install --force-reinstall {entry.distribution}",
    )


def _other(entry: PluginEntry, raised: dict[str, Any]) -> tuple[str, str]:
    problem = f"importing {entry.module!r} raises {raised['text']}"
    return problem, f"pip install -U {entry.distribution}, or report the place to its publisher."


def _drift(entry: PluginEntry, made: Manifest) -> Iterator[Finding]:
    if entry.manifest is None:
        return
    expected = attrs.evolve(made, contract=entry.manifest.contract)
    texts = (entry.manifest.to_json().splitlines(), expected.to_json().splitlines())
    diff = list(difflib.unified_diff(*texts, "manifest", "code", "", "", 0))
    if diff:
        yield Finding(
            problem="its manifest does not say what its code says",
            fix=f"dativo plugins manifest {entry.name} --write, then install it again",
            details=tuple(diff[:_DIFF_LINES]),
        )


def _stack(stacks: str) -> Iterator[str]:
    """Yield the innermost places of the main thread, without those of the child itself."""
    main = stacks.rpartition("(most recent call first):")[2]
    frames = re.findall(r'File "(.+)", line (\d+) in (.+)', main)
    theirs = [one for one in frames if not one[0].startswith("<") and not _OURS.search(one[0])]
    for file, line, name in theirs[:_FRAMES]:
        yield f"{file}:{line} in {name}"


def _distribution(entry: PluginEntry) -> Distribution:
    found = (one.distribution for one in scan() if one.name == entry.name)
    return next(one for one in found if one.name == entry.distribution)
