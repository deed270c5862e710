"""May this core and that plugin work together? Answered from metadata, without an import."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum

import attrs

from dativo.contract import CONTRACT_MAJOR, CONTRACT_MINOR, CONTRACT_VERSION

__all__ = ["Judgement", "VersionVerdict", "judge"]

CORE = "dativo-core"
UPGRADE_CORE = f"pip install -U {CORE}"

ADAPTED_MAJORS: Mapping[int, str] = {0: f"{CORE} 1.0"}
"""Older majors of connectors that this core still reads, each with the release that ends it."""

_REQUIREMENT = re.compile(
    r"([A-Za-z0-9._-]+)\s*(?:\[[^]]*\])?\s*\(?([^;)]*)\)?\s*(;.*)?", re.DOTALL
)
_CLAUSE = re.compile(r"(>=|<=|==|~=|<|>)\s*v?([0-9]+(?:\.[0-9]+)*)(\.\*)?")
_CONTRACT = re.compile(r"([0-9]{1,6})\.([0-9]{1,6})")
_RELEASE = re.compile(r"v?([0-9]+(?:\.[0-9]+)*)")
_ALLOWED = {">=": (0, 1), ">": (1,), "<=": (-1, 0), "<": (-1,), "==": (0,)}


class VersionVerdict(StrEnum):
    """Whether a plugin can be used with this core, and which side to upgrade if not."""

    COMPATIBLE = "compatible"
    DEPRECATED = "deprecated"
    CONNECTOR_TOO_OLD = "connector_too_old"
    CORE_TOO_OLD = "core_too_old"
    BROKEN_METADATA = "broken_metadata"


@attrs.frozen
class Judgement:
    """A verdict with its reason and the command that mends it."""

    verdict: VersionVerdict
    problem: str = ""
    fix: str = ""


def judge(
    distribution: str,
    *,
    major: int,
    contract: str | None,
    requires: Iterable[str],
    core_version: str,
    adapted: Mapping[int, str] | None = None,
) -> Judgement:
    """Judge a plugin by its group's *major*, its manifest's *contract* and what it requires.

    *adapted* are the older majors that are read; by default those of connectors.
    """
    ends = ADAPTED_MAJORS if adapted is None else adapted
    upgrade = f"pip install -U {distribution}"
    too_old, too_new = VersionVerdict.CONNECTOR_TOO_OLD, VersionVerdict.CORE_TOO_OLD
    if major > CONTRACT_MAJOR:
        why = f"it needs contract {major}; this core has {CONTRACT_VERSION}"
        return Judgement(too_new, why, UPGRADE_CORE)
    if major < CONTRACT_MAJOR and major not in ends:
        why = f"it is made for contract {major}; this core reads {CONTRACT_MAJOR}"
        return Judgement(too_old, why, upgrade)
    if major == CONTRACT_MAJOR and _minor(contract, major) > CONTRACT_MINOR:
        why = f"it is made for contract {contract}; this core has {CONTRACT_VERSION}"
        return Judgement(too_new, why, UPGRADE_CORE)
    for requirement in requires:
        side = _unmet(requirement, core_version)
        if side is not None:
            why = f"it requires {requirement}; {CORE} {core_version} is installed"
            return Judgement(side, why, UPGRADE_CORE if side is too_new else upgrade)
    if major in ends:
        why = f"contract {major} is deprecated and ends with {ends[major]}"
        return Judgement(VersionVerdict.DEPRECATED, why, upgrade)
    return Judgement(VersionVerdict.COMPATIBLE)


def _minor(contract: str | None, major: int) -> int:
    """Return the manifest's minor, or 0 where it says nothing about this major."""
    match = _CONTRACT.fullmatch(contract or "")
    return int(match[2]) if match is not None and int(match[1]) == major else 0


def _unmet(requirement: str, core_version: str) -> VersionVerdict | None:
    """Say which side is too old by *requirement*; ``None`` if it is met or not ours to judge.

    Only plain release numbers are compared; what is left (pre-releases, exclusions, markers)
    is the installer's business, which has judged it already.
    """
    match = _REQUIREMENT.fullmatch(requirement.strip())
    installed = _RELEASE.match(core_version)
    if match is None or installed is None or _normal(match[1]) != CORE or match[3]:
        return None
    have = _numbers(installed[1])
    sides = (_side(clause.strip(), have) for clause in match[2].split(","))
    return next((side for side in sides if side is not None), None)


def _side(clause: str, have: tuple[int, ...]) -> VersionVerdict | None:
    match = _CLAUSE.fullmatch(clause)
    if match is None:
        return None
    operator, want, is_prefix = match[1], _numbers(match[2]), match[3] is not None
    if operator == "~=":
        series = want[:-1]
        return _compare(">=", have, want) or _compare("==", have[: len(series)], series)
    return _compare(operator, have[: len(want)] if is_prefix else have, want)


def _compare(operator: str, have: tuple[int, ...], want: tuple[int, ...]) -> VersionVerdict | None:
    length = max(len(have), len(want))
    padded = [release + (0,) * (length - len(release)) for release in (have, want)]
    sign = (padded[0] > padded[1]) - (padded[0] < padded[1])
    if sign in _ALLOWED[operator]:
        return None
    core_is_older = sign < 0 or (sign == 0 and operator == ">")
    return VersionVerdict.CORE_TOO_OLD if core_is_older else VersionVerdict.CONNECTOR_TOO_OLD


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(int(number) for number in release.split("."))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
