"""Which suites there are for a connector: a vendor's own, those of a file, or none."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

from dativo.contract import Role
from dativo.errors import DativoError, MissingConfigError, UsageError
from dativo.plugins import (
    build_manifest,
    describe_exception,
    find_connector,
    find_distribution,
    manifest_path,
)
from dativo.testing._case_files import suites_of_file
from dativo.testing._suites import Conformance, SourceConformance, WriterConformance

__all__ = ["find_suites"]

_TESTS = "tests/test_conformance.py"


def find_suites(connector: str, *, suite: str = "", cases: str = "") -> list[Conformance]:
    """Return the suites of *connector*, one per role.

    They are those of the file or module *suite*, those of the file *cases*, those in the ``tests``
    of an editable installation, or, without any of these, suites without situations.

    Raises:
        DativoError: The connector cannot be loaded, or what is named has no suite of it.
    """
    find_connector(connector)
    if cases:
        return suites_of_file(connector, Path(cases))
    if suite:
        return _suites_in(_module(suite), connector)
    own = _own_tests(connector)
    return _suites_in(_module(str(own)), connector) if own is not None else _bare(connector)


def _own_tests(connector: str) -> Path | None:
    try:
        folder = manifest_path(find_distribution(connector)).parent
    except MissingConfigError:  # it is not installed from a folder
        return None
    return folder / _TESTS if (folder / _TESTS).is_file() else None


def _module(name: str) -> ModuleType:
    try:
        return _file(Path(name)) if name.endswith(".py") else importlib.import_module(name)
    except DativoError:
        raise
    except Exception as error:
        msg = f"the suite {name} cannot be loaded: {describe_exception(error)}"
        raise MissingConfigError(msg, fix="Mend it, or name another one with --suite.") from error


def _file(path: Path) -> ModuleType:
    if not path.is_file():
        msg = f"there is no suite {path}"
        raise MissingConfigError(msg, fix="Name a file with subclasses of Conformance.")
    # As pytest would have it: what lies beside the file can be imported.
    sys.path.insert(0, str(path.resolve().parent))
    spec = importlib.util.spec_from_file_location("dativo_conformance_suite", path.resolve())
    assert spec is not None
    assert spec.loader is not None  # it ends in .py
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _suites_in(module: ModuleType, connector: str) -> list[Conformance]:
    classes = [
        one
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, Conformance) and "connector" in dir(one)
    ]
    mine = [one for one in dict.fromkeys(classes) if one.connector == connector]
    # Those that pytest would run; without any, those that nothing else is made of.
    tests = [one for one in mine if one.__name__.startswith("Test")]
    leaves = [one for one in mine if not any(issubclass(other, one) for other in set(mine) - {one})]
    found = tests or leaves
    if not found:
        named = ", ".join(sorted({one.connector for one in classes})) or "none"
        msg = f"{module.__file__} has no suite of the connector {connector!r}; it has: {named}"
        raise UsageError(msg, fix=f"Set connector = {connector!r} in a subclass of Conformance.")
    return [one() for one in found]


def _bare(connector: str) -> list[Conformance]:
    about = {"connector": connector, "has_situations": False}
    kinds = [_KINDS[role] for role in build_manifest(connector).roles]
    return [type(f"Bare{kind.__name__}", (kind,), about)() for kind in kinds]


_KINDS: Mapping[Role, type[Conformance]] = {
    Role.SOURCE: SourceConformance,
    Role.WRITER: WriterConformance,
}
