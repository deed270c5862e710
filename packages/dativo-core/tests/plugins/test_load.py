from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dativo.contract import Role
from dativo.errors import (
    CapabilityMissingError,
    ContractViolationError,
    PluginLoadError,
)
from dativo.plugins import list_plugins, load_connector
from dativo_test_support.wheels import PluginWheel

Site = Callable[..., Path]

EXTRACT = """
@hookimpl
def extract(request):
    yield
"""


def test_only_the_named_connector_is_imported(site: Site, source: str) -> None:
    site(
        PluginWheel.of_connector("acme", source + EXTRACT),
        PluginWheel.of_connector("acme2", "raise RuntimeError"),
    )

    connector = load_connector("acme", Role.SOURCE)

    assert (connector.name, connector.role) == ("acme", Role.SOURCE)
    assert (connector.distribution, connector.version) == ("acme-acme", "1.0.0")
    assert connector.info.title == "Acme"
    assert connector.hooks == {"describe", "extract"}
    assert "acme_acme2" not in sys.modules


def test_an_entry_point_may_name_an_object(site: Site) -> None:
    code = """
from types import SimpleNamespace
from dativo.contract import *

class Plugin:
    @hookimpl
    def describe(self):
        return ConnectorInfo(title="Acme", writer=WriterInfo(config=NoOptions))

plugins = SimpleNamespace(acme=Plugin())
"""
    wheel = PluginWheel(
        name="acme",
        files={"acme_pkg/__init__.py": "", "acme_pkg/inner.py": code},
        entry_points={"dativo.connectors.v1": {"acme": "acme_pkg.inner : plugins.acme"}},
    )
    site(wheel)

    assert load_connector("acme", Role.WRITER).info.title == "Acme"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("raise RuntimeError('no luck')", "RuntimeError: no luck"),
        ("import acme_missing", "No module named 'acme_missing'"),
        ("def broken(:", "SyntaxError"),
        ("raise SystemExit(0)", "SystemExit: 0"),
        ("class Panic(BaseException): pass\nraise Panic('rust')", "Panic: rust"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("import sys\nsys.exit('bye')", "SystemExit: bye"),
        ("x = 1 / 0", "ZeroDivisionError"),
        ("def f(): f()\nf()", "RecursionError"),
        ("from dativo.contract import nothing_like_it", "cannot import name"),
        ("raise RuntimeError('a\\nb')", "RuntimeError: a b"),
        ("raise RuntimeError('x' * 10**6)", "RuntimeError: xxx"),
        (
            "class Odd(Exception):\n    def __str__(self): raise ValueError\nraise Odd",
            "Odd: (its text cannot be read)",
        ),
    ],
)
def test_a_plugin_that_cannot_be_imported_is_named_with_its_mend(
    site: Site, code: str, said: str
) -> None:
    site(PluginWheel.of_connector("acme", code))

    with pytest.raises(PluginLoadError) as raised:
        load_connector("acme", Role.SOURCE)

    error = raised.value
    assert "the connector 'acme' (acme-acme 1.0.0) cannot be imported" in error.message
    assert said in error.message
    assert len(error.message) < 2_500
    assert error.fix == "pip install -U --force-reinstall acme-acme"
    assert (error.connector, error.phase, error.exit_code) == ("acme", "load", 13)
    assert error.__cause__ is not None
    assert next(found for found in list_plugins() if found.name == "acme").is_usable


@pytest.mark.parametrize(
    "value", ["acme_gone", "acme_acme.gone", "acme_acme:gone", "acme_acme:a.b"]
)
def test_an_entry_point_that_leads_nowhere_is_a_load_error(site: Site, value: str) -> None:
    wheel = PluginWheel(
        name="acme",
        files={"acme_acme/__init__.py": ""},
        entry_points={"dativo.connectors.v1": {"acme": value}},
    )
    site(wheel)

    with pytest.raises(PluginLoadError, match="cannot be imported"):
        load_connector("acme", Role.SOURCE)


def test_an_interrupt_while_importing_is_an_interrupt(site: Site) -> None:
    site(PluginWheel.of_connector("acme", "raise KeyboardInterrupt"))

    with pytest.raises(KeyboardInterrupt):
        load_connector("acme", Role.SOURCE)


def test_what_a_plugin_prints_goes_to_standard_error(
    site: Site, source: str, capsys: pytest.CaptureFixture[str]
) -> None:
    site(PluginWheel.of_connector("acme", "print('on import')\n" + source))

    load_connector("acme", Role.SOURCE)

    assert capsys.readouterr() == ("", "on import\n")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("@hookimpl\ndef extrakt(request): ...", "unknown hook 'extrakt'; did you mean 'extract'?"),
        ("@hookimpl\ndef zzz(): ...", "unknown hook 'zzz'"),
        ("@hookimpl(optionalhook=True)\ndef zzz(): ...", "unknown hook 'zzz'"),
        ("@hookimpl\ndef extract(request, speed): ...", "'speed'"),
        ("@hookimpl\ndef describe(context): ...", "'context'"),
        ("@hookimpl(wrapper=True)\ndef extract(request): ...", "extract"),
    ],
)
def test_a_hook_that_the_contract_lacks_is_named(
    site: Site, source: str, code: str, said: str
) -> None:
    site(PluginWheel.of_connector("acme", f"{source}\n{code}"))

    with pytest.raises(ContractViolationError, match=r"breaks contract 1\.0") as raised:
        load_connector("acme", Role.SOURCE)

    assert said in raised.value.message
    assert "\n" not in raised.value.message
    assert "acme-acme" in raised.value.fix


GONE = "import attrs\n@attrs.frozen\nclass C:\n    x: 'Gone'\n"
SET = "import attrs\n@attrs.frozen\nclass C:\n    x: set[int]\n"
NO_READ = "I = SourceInfo(config=NoOptions, read_modes=('full',))\n"
NO_WRITE = "I = WriterInfo(config=NoOptions, write_modes=())\n"
DESCRIBE = "@hookimpl\ndef describe():\n    return"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("", "no hook 'describe'"),
        (f"{DESCRIBE} None", "None where ConnectorInfo is due"),
        (f"{DESCRIBE} {{}}", "'dict' where ConnectorInfo is due"),
        (f"{DESCRIBE} ConnectorInfo(title='')", "neither"),
        (
            f"{DESCRIBE} ConnectorInfo(title='', source=SourceInfo(config=dict))",
            "not an attrs class",
        ),
        (f"{DESCRIBE} ConnectorInfo(title='', source=SourceInfo(config=5))", "itself wrongly"),
        (f"{GONE}{DESCRIBE} ConnectorInfo(title='', source=SourceInfo(config=C))", "Gone"),
        (f"{SET}{DESCRIBE} ConnectorInfo(title='', source=SourceInfo(config=C))", "set[int]"),
        (f"{NO_READ}{DESCRIBE} ConnectorInfo(title='', source=I)", "at least one ReadMode"),
        (f"{NO_WRITE}{DESCRIBE} ConnectorInfo(title='', writer=I)", "at least one WriteMode"),
    ],
)
def test_a_wrong_description_is_a_violation(site: Site, code: str, said: str) -> None:
    site(PluginWheel.of_connector("acme", f"from dativo.contract import *\n{code}"))

    with pytest.raises(ContractViolationError) as raised:
        load_connector("acme", Role.SOURCE)

    assert said in raised.value.message
    assert raised.value.connector == "acme"


def test_a_class_is_no_plugin(site: Site) -> None:
    wheel = PluginWheel(
        name="acme",
        files={"acme_pkg/__init__.py": "class Plugin: ..."},
        entry_points={"dativo.connectors.v1": {"acme": "acme_pkg:Plugin"}},
    )
    site(wheel)

    with pytest.raises(ContractViolationError, match="is a class"):
        load_connector("acme", Role.SOURCE)


@pytest.mark.parametrize("raised", ["RuntimeError('odd')", "SystemExit(3)"])
def test_an_object_that_cannot_be_looked_at_is_a_load_error(site: Site, raised: str) -> None:
    code = f"""
class Plugin:
    def __dir__(self):
        raise {raised}
plugin = Plugin()
"""
    wheel = PluginWheel(
        name="acme",
        files={"acme_pkg/__init__.py": code},
        entry_points={"dativo.connectors.v1": {"acme": "acme_pkg:plugin"}},
    )
    site(wheel)

    with pytest.raises(PluginLoadError, match="cannot be registered") as caught:
        load_connector("acme", Role.SOURCE)

    assert caught.value.connector == "acme"


def test_an_interrupt_while_registering_is_an_interrupt(site: Site) -> None:
    code = (
        "class Plugin:\n    def __dir__(self):\n        raise KeyboardInterrupt\nplugin = Plugin()"
    )
    wheel = PluginWheel(
        name="acme",
        files={"acme_pkg/__init__.py": code},
        entry_points={"dativo.connectors.v1": {"acme": "acme_pkg:plugin"}},
    )
    site(wheel)

    with pytest.raises(KeyboardInterrupt):
        load_connector("acme", Role.SOURCE)


def test_a_connector_that_does_not_play_the_role_says_which_it_plays(
    site: Site, source: str
) -> None:
    site(PluginWheel.of_connector("acme", source))

    with pytest.raises(CapabilityMissingError, match="is no writer; it is a source"):
        load_connector("acme", Role.WRITER)
