from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

from dativo.errors import PluginLoadError, PluginNotFoundError, PluginVersionError
from dativo.plugins import Diagnosis, Finding, build_manifest, diagnose
from dativo.plugins._requirements import provider
from dativo_test_support.wheels import PluginWheel

Site = Callable[..., Path]

SECONDS = 30.0


def _diagnosis(seconds: float = SECONDS) -> Diagnosis:
    return diagnose("acme", seconds=seconds)


def _only(site: Site, code: str, seconds: float = SECONDS, **about: Any) -> Finding:
    site(attrs.evolve(PluginWheel.of_connector("acme", code), **about))
    found = _diagnosis(seconds)
    assert [one.fix.strip() != "" for one in found.findings] == [True], found
    assert not found.is_well
    return found.findings[0]


def test_a_plugin_that_is_well_has_no_findings(site: Site, source: str) -> None:
    site(PluginWheel.of_connector("acme", source))
    text = build_manifest("acme").to_json()
    site(PluginWheel.of_connector("acme", source, manifest=text))

    found = _diagnosis()

    assert (found.is_well, found.hints) == (True, ())
    assert "acme_acme" in sys.modules  # by build_manifest alone
    assert found.looked[-1] == "what happens when it is loaded"


def test_it_is_not_loaded_into_this_process(site: Site, source: str) -> None:
    site(PluginWheel.of_connector("acme", source))

    found = _diagnosis()

    assert found.is_well
    assert "acme_acme" not in sys.modules
    assert "dativo plugins manifest acme --write" in found.hints[0].fix


def test_one_that_is_not_installed_is_an_error_that_knows_what_is_near(site: Site) -> None:
    site(PluginWheel.of_connector("acne"))

    with pytest.raises(PluginNotFoundError, match="did you mean 'acne'"):
        _diagnosis()


@pytest.mark.parametrize(
    ("code", "said", "fix"),
    [
        ("import httpy", "probably of httpy, which its metadata does not", "pip install httpy"),
        ("import yaml.nothing", "probably of", "pip install "),
        ("import acme_acme.gone", "there is no module 'acme_acme.gone'", "--force-reinstall acme"),
        ("from dativo.contract import gone", "the installed dativo-core is of another", "pip"),
        (
            "from attrs import gone",
            "the installed attrs is of another version",
            "-U attrs acme-acme",
        ),
        (
            "from acme_acme import gone",
            "raises ImportError: cannot import name",
            "report the place",
        ),
        ("x = (1,\nx = 2", "SyntaxError: '(' was never closed", "Mend the line"),
        ("\n\n1 / 0", "importing 'acme_acme' raises ZeroDivisionError", "report the place"),
        ("raise SystemExit(3)", "raises SystemExit: 3", "report the place"),
        (
            "import os; os._exit(7)",
            "ended the process: the process ended with exit code 7",
            "os._exit",
        ),
        (
            "import os; os.kill(os.getpid(), 11)",
            "crashed the interpreter: a signal",
            "--no-cache-dir",
        ),
    ],
)
def test_what_breaks_the_import_is_named_with_its_mend(
    site: Site, code: str, said: str, *, fix: str
) -> None:
    finding = _only(site, code)

    assert said in finding.problem
    assert fix in finding.fix
    assert finding.error is PluginLoadError


@pytest.mark.parametrize(
    ("code", "line"), [("\n\n1 / 0", 3), ("x = (1,\nx = 2", 1), ("import os\nos.abort()", 2)]
)
def test_the_place_is_that_in_the_plugin(site: Site, code: str, line: int) -> None:
    assert _only(site, code).place.endswith(f"acme_acme/__init__.py:{line}")


def test_an_import_that_hangs_says_where(site: Site) -> None:
    finding = _only(site, "import time\ndef wait():\n    time.sleep(60)\nwait()", seconds=1.0)

    assert "importing it did not end within 1 s" in finding.problem
    assert "--timeout" in finding.fix
    assert finding.details[0].endswith("acme_acme/__init__.py:3 in wait")
    assert finding.details[1].endswith("acme_acme/__init__.py:4 in <module>")
    assert not any("_child" in line for line in finding.details)


def test_a_describe_that_hangs_is_told_from_an_import(site: Site) -> None:
    code = """import time
from dativo.contract import hookimpl
@hookimpl
def describe():
    time.sleep(60)
"""

    finding = _only(site, code, seconds=2.0)

    assert "registering and describing it did not end" in finding.problem
    assert finding.place.endswith(":5")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("@hookimpl\ndef discovr(config): ...", "unknown hook 'discovr'; did you mean 'discover'?"),
        ("@hookimpl\ndef discover(configuration): ...", "configuration"),
    ],
)
def test_wrong_hooks_are_named(site: Site, source: str, code: str, said: str) -> None:
    assert said in _only(site, f"{source}\n{code}").problem


def test_a_describe_that_raises_is_placed(site: Site) -> None:
    code = "from dativo.contract import hookimpl\n@hookimpl\ndef describe():\n    return 1 / 0"

    finding = _only(site, code)

    assert "ZeroDivisionError" in finding.problem
    assert finding.place.endswith("acme_acme/__init__.py:4")


def test_a_plugin_that_prints_is_found(site: Site, source: str) -> None:
    finding = _only(site, f"{source}\nprint('Acme 1.0 loaded')")

    assert "prints on standard output while it is loaded: 'Acme 1.0 loaded'" in finding.problem


def test_a_manifest_that_lags_behind_is_found(site: Site, source: str) -> None:
    site(PluginWheel.of_connector("acme", source))
    text = build_manifest("acme").to_json()

    finding = _only(site, source.replace('"Acme"', '"Acme Two"'), manifest=text)

    assert finding.fix.startswith("dativo plugins manifest acme --write")
    assert any("Acme Two" in line for line in finding.details)


@pytest.mark.parametrize(
    ("requirement", "said", "fix"),
    [
        ("acme-sdk>=2", "it requires acme-sdk>=2, which is not installed", "'acme-sdk>=2'"),
        ("attrs>=999", "it requires attrs>=999; attrs ", "pip install 'attrs>=999'"),
        ("attrs >= = 1", "its requirement 'attrs >= = 1' cannot be read", "--force-reinstall"),
    ],
)
def test_requirements_that_are_not_met_are_named(
    site: Site, source: str, requirement: str, *, said: str, fix: str
) -> None:
    finding = _only(site, source, requires=(requirement,))

    assert said in finding.problem
    assert fix in finding.fix


@pytest.mark.parametrize(
    "requirement", ["attrs>=20", "acme-sdk; extra == 'fast'", "acme-sdk; python_version < '3'"]
)
def test_requirements_that_are_met_or_not_meant_are_no_finding(
    site: Site, source: str, requirement: str
) -> None:
    site(PluginWheel.of_connector("acme", source, requires=(requirement,)))

    assert _diagnosis().is_well


def test_a_missing_module_of_a_requirement_is_told_once_with_what_provides_it(site: Site) -> None:
    site(PluginWheel.of_connector("acme", "import acme_sdk.api", requires=("acme-sdk>=2",)))

    found = _diagnosis()

    assert [one.fix for one in found.findings] == ["pip install 'acme-sdk>=2'"] * 2
    assert "of acme-sdk>=2, which is required and not installed" in found.findings[1].problem


@pytest.mark.parametrize(("python", "count"), [(">=3.99", 1), (">=3.11", 0), ("nonsense", 0)])
def test_another_python_is_named(site: Site, source: str, python: str, count: int) -> None:
    place = site(PluginWheel.of_connector("acme", source))
    file = place / "acme_acme-1.0.0.dist-info" / "METADATA"
    file.write_text(f"{file.read_text().strip()}\nRequires-Python: {python}\n")

    findings = _diagnosis().findings

    assert len(findings) == count
    assert all(f"requires Python {python}; this is Python 3." in one.problem for one in findings)


def test_metadata_that_keeps_it_from_being_used_keeps_it_from_being_loaded(site: Site) -> None:
    site(
        PluginWheel.of_connector("acme", "raise RuntimeError"),
        PluginWheel.of_connector(
            "acme", "raise RuntimeError", distribution="other", module="other"
        ),
    )
    duplicates = _diagnosis()

    site(PluginWheel.of_connector("new", group="dativo.connectors.v9"))
    newer = diagnose("new", seconds=SECONDS)

    site(PluginWheel.of_connector("damaged", manifest="{"))
    damaged = diagnose("damaged", seconds=SECONDS)

    assert {one.error for one in duplicates.findings} == {PluginNotFoundError}
    assert [one.error for one in newer.findings] == [PluginVersionError]
    assert [one.error for one in damaged.findings] == [PluginLoadError]
    assert not any("loaded" in one for one in (*duplicates.looked, *newer.looked))


def test_the_class_style_is_a_hint(site: Site) -> None:
    code = """class Reader:
    __version__ = '1'
    def __init__(self, config): ...
    def extract(self, state_manager): ...
"""
    wheel = PluginWheel(
        name="acme-acme",
        files={"acme_acme/__init__.py": code},
        entry_points={"dativo.connectors.v0": {"acme": "acme_acme:Reader"}},
    )
    site(wheel)

    found = _diagnosis()

    assert found.is_well, found
    assert "dativo-core 1.0" in found.hints[0].problem


def test_an_extension_is_loaded_by_its_own_hooks(site: Site) -> None:
    site(PluginWheel.of_connector("acme", "1 / 0", group="dativo.extensions.v1"))

    assert "ZeroDivisionError" in _diagnosis().findings[0].problem


@pytest.mark.parametrize(
    ("module", "name"),
    [("attrs.validators", "attrs"), ("PIL.Image", "pillow"), ("acme_x.y", "acme-x")],
)
def test_what_provides_a_module_is_looked_up_or_guessed(module: str, name: str) -> None:
    assert provider(module) == name
