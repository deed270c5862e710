"""What a distribution needs, and what of it is not there."""

from __future__ import annotations

import platform
from importlib import metadata

import attrs
from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from dativo.plugins._scan import Distribution

__all__ = ["Unmet", "provider", "requires", "unmet_requirements"]


@attrs.frozen
class Unmet:
    """A requirement that is not met, and the command that mends it."""

    problem: str
    fix: str


def unmet_requirements(distribution: Distribution) -> list[Unmet]:
    """Return what *distribution* requires and does not find here, Python itself first.

    Requirements of extras are left out, because nobody knows which were asked for.
    """
    found = _python(distribution)
    for text in distribution.requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            fix = f"pip install --force-reinstall {distribution.name}"
            found.append(Unmet(f"its requirement {text!r} cannot be read", fix))
            continue
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            found += _unmet(requirement)
    return found


def requires(distribution: Distribution, module: str) -> str:
    """Return the requirement that probably provides *module*; empty if none does.

    Where it is not installed nobody can tell for sure; the names are compared.
    """
    wanted = {_plain(module), _plain(module.partition(".")[0]), _plain(_provider(module))}
    for text in distribution.requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if _plain(requirement.name) in wanted:
            return f"{requirement.name}{requirement.specifier}"
    return ""


def provider(module: str) -> str:
    """Return the distribution that provides *module*, or that probably would."""
    top = module.partition(".")[0]
    installed = metadata.packages_distributions().get(top)
    return installed[0] if installed else _provider(module)


# Where the names differ, for what connectors are made of.
_PROVIDERS = {
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "confluent_kafka": "confluent-kafka",
    "Crypto": "pycryptodome",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "google.cloud.bigquery": "google-cloud-bigquery",
    "google.cloud.storage": "google-cloud-storage",
    "jwt": "PyJWT",
    "ldap": "python-ldap",
    "MySQLdb": "mysqlclient",
    "PIL": "pillow",
    "psycopg2": "psycopg2-binary",
    "pymssql": "pymssql",
    "serial": "pyserial",
    "sklearn": "scikit-learn",
    "snowflake.connector": "snowflake-connector-python",
    "yaml": "PyYAML",
    "zmq": "pyzmq",
}


def _provider(module: str) -> str:
    return _PROVIDERS.get(module) or _PROVIDERS.get(module.partition(".")[0]) or _top(module)


def _top(module: str) -> str:
    return module.partition(".")[0].replace("_", "-")


def _python(distribution: Distribution) -> list[Unmet]:
    if not distribution.python:
        return []
    have = platform.python_version()
    try:
        is_met = SpecifierSet(distribution.python).contains(have, prereleases=True)
    except InvalidSpecifier:
        is_met = True  # no installer would have taken it
    if is_met:
        return []
    problem = f"it requires Python {distribution.python}; this is Python {have}"
    return [Unmet(problem, f"Install it into an environment with Python {distribution.python}.")]


def _unmet(requirement: Requirement) -> list[Unmet]:
    wanted = f"{requirement.name}{requirement.specifier}"
    fix = f"pip install '{wanted}'"
    try:
        have = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return [Unmet(f"it requires {wanted}, which is not installed", fix)]
    if requirement.specifier.contains(have, prereleases=True):
        return []
    return [Unmet(f"it requires {wanted}; {requirement.name} {have} is installed", fix)]


def _plain(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")
