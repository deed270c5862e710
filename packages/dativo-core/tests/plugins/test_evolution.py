"""What changes of the contract leave working, and which ones are told before an import."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs
import pytest

import dativo.contract
from dativo.contract import Batch, NoOptions, Role, StreamRequest, hookspec, hookspecs
from dativo.errors import (
    ContractViolationError,
    DativoDeprecationWarning,
    PluginVersionError,
)
from dativo.plugins import (
    _connector,
    build_manifest,
    find_connector,
    list_plugins,
    load_connector,
)
from dativo.plugins._origin import Origin
from dativo.plugins._registering import register
from dativo_test_support.context import FakeContext
from dativo_test_support.wheels import PluginWheel

Site = Callable[..., Path]

SOURCE = """
import attrs
from dativo.contract import *

@hookimpl
def describe():
    return ConnectorInfo(title="Acme", source=SourceInfo(config=NoOptions))
"""
STYLE = """
class Reader:
    def __init__(self, source_config):
        self.objects = source_config.objects

    def extract(self, state_manager=None):
        yield [{"id": 1, "stream": self.objects[0]}]
"""


def of_majors(*majors: int, code: str = SOURCE) -> PluginWheel:
    values = {0: "acme_pkg.style:Reader", 1: "acme_pkg.hooks", 2: "acme_pkg.later"}
    return PluginWheel(
        name="acme",
        files={
            "acme_pkg/__init__.py": "",
            "acme_pkg/style.py": STYLE,
            "acme_pkg/hooks.py": code,
            "acme_pkg/later.py": "raise RuntimeError",
        },
        entry_points={f"dativo.connectors.v{n}": {"acme": values[n]} for n in majors},
    )


def test_a_connector_for_the_next_major_is_told_without_an_import(site: Site) -> None:
    site(of_majors(2))

    with pytest.raises(PluginVersionError, match="needs contract 2; this core has 1") as raised:
        load_connector("acme", Role.SOURCE)

    assert raised.value.fix == "pip install -U dativo-core"
    assert not any(name.startswith("acme_pkg") for name in sys.modules)


@pytest.mark.parametrize("majors", [(0, 1), (1, 2), (0, 1, 2), (2, 1, 0)])
def test_of_several_majors_the_one_in_common_is_used(site: Site, majors: tuple[int, ...]) -> None:
    site(of_majors(*majors))

    (entry,) = [one for one in list_plugins() if one.name == "acme"]
    assert (entry.major, entry.verdict, entry.problem) == (1, "compatible", "")
    assert load_connector("acme", Role.SOURCE).info.title == "Acme"
    assert "acme_pkg.style" not in sys.modules


def test_major_0_beside_major_2_is_used_and_deprecated(site: Site) -> None:
    site(of_majors(0, 2))

    assert find_connector("acme").major == 0


def test_a_package_of_the_class_style_runs_and_warns(site: Site) -> None:
    site(of_majors(0))
    with pytest.warns(DativoDeprecationWarning, match=r"'acme'.*ends with dativo-core 1\.0"):
        connector = load_connector("acme", Role.SOURCE)

    config: Any = connector.info.source
    request = StreamRequest(stream="things", options=config.options())
    batches = list(connector.extract(config.config(), request, None, FakeContext()))

    table: Any = batches[0].data
    assert table.to_struct_array().combine_chunks().to_pylist() == [{"id": 1, "stream": "things"}]
    assert connector.info.title == "acme"


def test_its_manifest_says_that_it_is_of_contract_0(site: Site) -> None:
    site(of_majors(0))

    made = build_manifest("acme")

    assert made.contract == "0.0"
    assert made.roles[Role.SOURCE]["hooks"] == ["extract"]


def newer(**specs: Callable[..., Any]) -> ModuleType:
    """Make the specs of a contract that has a hook or an argument more."""
    module = ModuleType("newer")
    vars(module).update(vars(hookspecs))
    vars(module).update({name: hookspec(firstresult=True)(spec) for name, spec in specs.items()})
    vars(module)["__all__"] = [*hookspecs.__all__, *(set(specs) - set(hookspecs.__all__))]
    return module


def plugin_of(code: str) -> ModuleType:
    module = ModuleType("acme_made")
    exec(code, vars(module))
    return module


def test_a_connector_from_before_an_argument_was_added_still_runs() -> None:
    def discover(config: Any, context: Any, budget: int) -> Any: ...

    old = plugin_of(SOURCE + "@hookimpl\ndef discover(config, context):\n    return [config]\n")

    manager = register(Origin(name="acme"), old, newer(discover=discover))

    assert manager.hook.discover(config=5, context=None, budget=7) == [5]


def test_a_connector_from_before_a_hook_was_added_still_runs() -> None:
    def rewind(config: Any) -> Any: ...

    manager = register(Origin(name="acme"), plugin_of(SOURCE), newer(rewind=rewind))

    assert manager.hook.describe().title == "Acme"
    assert manager.hook.rewind.get_hookimpls() == []


def test_a_hook_may_take_fewer_arguments(site: Site) -> None:
    site(
        PluginWheel.of_connector(
            "acme", SOURCE + "@hookimpl\ndef extract():\n    return iter(())\n"
        )
    )
    connector = load_connector("acme", Role.SOURCE)

    found = connector.extract(NoOptions(), StreamRequest(stream="a"), None, FakeContext())

    assert list(found) == []


@pytest.mark.parametrize(
    ("hook", "said"),
    [
        ("def extract(request, budget): ...", "budget"),
        ("def rewind(config): ...", "unknown hook 'rewind'"),
    ],
)
def test_what_a_newer_contract_may_have_names_the_command_that_upgrades_the_core(
    site: Site, hook: str, said: str
) -> None:
    site(PluginWheel.of_connector("acme", f"{SOURCE}\n@hookimpl\n{hook}\n"))

    with pytest.raises(ContractViolationError, match=said) as raised:
        load_connector("acme", Role.SOURCE)

    assert (raised.value.connector, raised.value.phase) == ("acme", "load")
    assert raised.value.fix.startswith("pip install -U dativo-core ")
    assert "acme-acme" in raised.value.fix


def test_a_misspelled_hook_is_the_connectors_to_mend(site: Site) -> None:
    site(PluginWheel.of_connector("acme", f"{SOURCE}\n@hookimpl\ndef extrct(): ...\n"))

    with pytest.raises(ContractViolationError, match="did you mean 'extract'") as raised:
        load_connector("acme", Role.SOURCE)

    assert raised.value.fix.startswith("pip install -U acme-acme")


@attrs.frozen
class NewerBatch(Batch):
    """A batch of a contract with a field more."""

    priority: int = 0


def test_a_field_with_a_default_breaks_no_connector(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dativo.contract, "Batch", NewerBatch)
    monkeypatch.setattr(_connector, "Batch", NewerBatch)
    old = """
import arro3.core as arro3

@hookimpl
def extract():
    yield Batch(arro3.Table({"id": arro3.Array([1], arro3.DataType.int64())}), rows=1)
"""
    site(PluginWheel.of_connector("acme", SOURCE + old))
    connector = load_connector("acme", Role.SOURCE)

    (batch,) = connector.extract(NoOptions(), StreamRequest(stream="a"), None, FakeContext())

    assert isinstance(batch, NewerBatch)
    assert (batch.rows, batch.priority) == (1, 0)


REQUIRED = {
    "Batch": ["data"],
    "CheckItem": ["scope", "verdict"],
    "Checkpoint": ["value"],
    "CompactResult": ["rows", "files_before", "files_after"],
    "ConnectionTestResult": ["items"],
    "ConnectorInfo": ["title"],
    "ErrorInfo": ["code", "cause"],
    "Permissions": [],
    "ReadPlan": [],
    "Receipt": ["record"],
    "SourceInfo": ["config"],
    "Staged": ["rows"],
    "Stream": ["name"],
    "StreamRequest": ["stream"],
    "WritePlan": [],
    "WriteRequest": ["stream"],
    "WriterInfo": ["config"],
}
"""What a connector must give when it makes these; one more would be a major."""


@pytest.mark.parametrize("name", REQUIRED)
def test_no_field_without_a_default_was_added(name: str) -> None:
    fields = attrs.fields(getattr(dativo.contract, name))

    assert [one.name for one in fields if one.default is attrs.NOTHING] == REQUIRED[name]
