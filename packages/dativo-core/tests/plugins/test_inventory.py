from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from dativo.contract import ConnectorInfo, Manifest, NoOptions, Role, SourceInfo
from dativo.errors import PluginLoadError, PluginNotFoundError, PluginVersionError
from dativo.plugins import PluginEntry, VersionVerdict, find_connector, list_plugins
from dativo_test_support.wheels import PluginWheel, install

Site = Callable[..., Path]

RAISES = "raise RuntimeError('imported')"


def manifest(name: str = "acme", contract: str = "1.0") -> str:
    info = ConnectorInfo(title="Acme", source=SourceInfo(config=NoOptions))
    text = Manifest.of(name, info, frozenset({"extract"})).to_json()
    return text.replace('"contract": "1.0"', f'"contract": "{contract}"')


def entry(name: str = "acme") -> PluginEntry:
    (found,) = [found for found in list_plugins() if found.name == name]
    return found


def test_a_plugin_is_listed_with_its_manifest(site: Site) -> None:
    site(PluginWheel.of_connector("acme", RAISES, manifest=manifest()))

    found = entry()

    assert (found.kind, found.group, found.major) == ("connector", "dativo.connectors.v1", 1)
    assert (found.distribution, found.version, found.value) == ("acme-acme", "1.0.0", "acme_acme")
    assert found.manifest == Manifest.from_json(manifest())
    assert found.manifest_problem == ""
    assert found.roles == (Role.SOURCE,)
    assert found.is_usable
    assert found.module == "acme_acme"
    assert find_connector("acme") == found


def test_a_plugin_without_a_manifest_is_usable_and_says_so(site: Site) -> None:
    site(PluginWheel.of_connector("acme", RAISES))

    found = entry()

    assert (found.manifest, found.manifest_problem, found.roles) == (None, "none", ())
    assert found.is_usable


def test_an_empty_manifest_is_none(site: Site) -> None:
    site(PluginWheel.of_connector("acme", RAISES, manifest="{}\n"))

    assert entry().manifest_problem == "none"


def test_package_data_serves_as_a_manifest(site: Site) -> None:
    wheel = PluginWheel(
        name="acme",
        files={"acme_pkg/__init__.py": RAISES, "acme_pkg/dativo.json": manifest()},
        entry_points={"dativo.connectors.v1": {"acme": "acme_pkg.sub:plugin"}},
    )
    site(wheel)

    assert entry().manifest is not None
    assert "acme_pkg" not in sys.modules


def test_package_data_is_found_where_an_editable_install_points(site: Site) -> None:
    site(PluginWheel(name="acme", entry_points={"dativo.connectors.v1": {"acme": "acme_pkg"}}))
    files = {"acme_pkg/__init__.py": RAISES, "acme_pkg/dativo.json": manifest()}
    site(PluginWheel(name="unrelated", files=files), folder="source")

    assert entry().manifest is not None
    assert "acme_pkg" not in sys.modules


def test_an_import_hook_that_raises_hides_no_plugin(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Hook:
        def find_spec(self, *_: object) -> None:
            raise RuntimeError

    monkeypatch.setattr(sys, "meta_path", [Hook(), *sys.meta_path])
    site(PluginWheel(name="acme", entry_points={"dativo.connectors.v1": {"acme": "acme_gone"}}))

    assert entry().manifest_problem == "none"


def test_a_distribution_with_two_connectors_has_a_manifest_for_each(site: Site) -> None:
    wheel = PluginWheel(
        name="acme",
        files={
            "acme_pkg/__init__.py": RAISES,
            "acme_pkg/dativo-acme.json": manifest("acme"),
            "acme_pkg/dativo.json": manifest("acme2"),
        },
        entry_points={"dativo.connectors.v1": {"acme": "acme_pkg", "acme2": "acme_pkg"}},
    )
    site(wheel)

    assert entry("acme").roles == entry("acme2").roles == (Role.SOURCE,)


@pytest.mark.parametrize(
    "text",
    [
        "not JSON",
        "[]",
        '{"manifest": 2}',
        '{"manifest": 1}',
        '{"manifest": 1, "name": "acme", "contract": "1.0", "title": "", "roles": {"x": {}}}',
        '{"manifest": 1, "name": "acme", "contract": "1.0", "title": "", "roles": 5}',
        "[" * 100_000,
        manifest("another"),
    ],
)
def test_a_damaged_manifest_is_a_verdict(site: Site, text: str) -> None:
    site(PluginWheel.of_connector("acme", RAISES, manifest=text))

    found = entry()

    assert found.verdict is VersionVerdict.BROKEN_METADATA
    assert "dativo.json" in found.problem
    assert found.fix == "pip install --force-reinstall acme-acme"
    with pytest.raises(PluginLoadError, match=r"acme-acme 1\.0\.0.*dativo\.json"):
        find_connector("acme")


def test_a_manifest_that_is_no_text_is_a_verdict(site: Site) -> None:
    place = site(PluginWheel.of_connector("acme", RAISES, manifest="x"))
    (place / "acme_acme-1.0.0.dist-info/extra_metadata/dativo.json").write_bytes(b"\xff\xfe")

    assert entry().verdict is VersionVerdict.BROKEN_METADATA


@pytest.mark.parametrize(
    ("about", "verdict", "fix"),
    [
        (("dativo.connectors.v2", "2.0"), "core_too_old", "pip install -U dativo-core"),
        (("dativo.connectors.v1", "1.7"), "core_too_old", "pip install -U dativo-core"),
    ],
)
def test_another_contract_is_listed_and_cannot_be_used(
    site: Site, about: tuple[str, str], verdict: str, fix: str
) -> None:
    group, contract = about
    text = manifest("acme", contract)
    site(PluginWheel.of_connector("acme", RAISES, manifest=text, group=group))

    found = entry()

    assert (found.verdict, found.fix) == (verdict, fix)
    with pytest.raises(PluginVersionError) as raised:
        find_connector("acme")
    assert raised.value.fix == fix
    assert raised.value.exit_code == 12


def test_the_class_style_is_deprecated_and_can_be_used(site: Site) -> None:
    site(PluginWheel.of_connector("acme", RAISES, group="dativo.connectors.v0"))

    found = entry()

    assert (found.verdict, found.fix) == ("deprecated", "pip install -U acme-acme")
    assert "ends with dativo-core 1.0" in found.problem
    assert find_connector("acme") == found


def test_an_extension_has_no_older_contract(site: Site) -> None:
    site(PluginWheel.of_connector("acme", RAISES, group="dativo.extensions.v0"))

    assert entry().verdict is VersionVerdict.CONNECTOR_TOO_OLD


def test_an_unmet_requirement_on_the_core_is_a_verdict(site: Site) -> None:
    site(PluginWheel.of_connector("acme", RAISES, requires=("dativo-core>=99",)))

    assert entry().verdict is VersionVerdict.CORE_TOO_OLD


@pytest.mark.parametrize(
    ("group", "value", "said"),
    [
        ("dativo.connectors", "acme_acme", "names no contract"),
        ("dativo.connectors.v1x", "acme_acme", "names no contract"),
        ("dativo.connectors-v1", "acme_acme", "names no contract"),
        ("dativo.connectors.v1", "", "names no module"),
        ("dativo.connectors.v1", "acme acme", "names no module"),
        ("dativo.connectors.v1", "../acme", "names no module"),
    ],
)
def test_broken_entry_points_are_a_verdict(site: Site, group: str, value: str, said: str) -> None:
    site(PluginWheel(name="acme", entry_points={group: {"acme": value}}))

    found = entry()

    assert found.verdict is VersionVerdict.BROKEN_METADATA
    assert said in found.problem


@pytest.mark.parametrize("name", ["../acme", "ac me", "a..b", "-acme", "$(acme)", "a" * 101, "é"])
def test_a_name_that_no_job_can_use_is_a_verdict(site: Site, name: str) -> None:
    site(PluginWheel(name="acme", entry_points={"dativo.connectors.v1": {name: "acme_acme"}}))

    assert entry(name).verdict is VersionVerdict.BROKEN_METADATA


def test_a_duplicate_name_is_listed_twice_and_names_both(site: Site) -> None:
    site(
        PluginWheel.of_connector("acme", RAISES, distribution="acme-one", module="acme_one"),
        PluginWheel.of_connector("acme", RAISES, distribution="acme-two", module="acme_two"),
    )

    found = [found for found in list_plugins() if found.name == "acme"]

    assert [one.distribution for one in found] == ["acme-one", "acme-two"]
    assert [one.duplicates for one in found] == [("acme-two",), ("acme-one",)]
    assert not any(one.is_usable for one in found)
    with pytest.raises(PluginNotFoundError, match="acme-one and acme-two") as raised:
        find_connector("acme")
    assert raised.value.fix == "pip uninstall acme-two   # or: pip uninstall acme-one"
    assert raised.value.exit_code == 11


def test_the_same_distribution_twice_on_the_path_is_one_plugin(site: Site) -> None:
    site(PluginWheel.of_connector("acme", RAISES), folder="later")
    newer = PluginWheel(
        name="Acme.Acme",
        version="2.0.0",
        entry_points={"dativo.connectors.v1": {"acme": "acme_acme"}},
    )
    site(newer, folder="earlier")

    assert entry().version == "2.0.0"


def test_a_plugin_for_two_majors_is_one_entry_of_the_best(site: Site) -> None:
    groups = [f"dativo.connectors.v{major}" for major in (0, 1, 2)]
    site(PluginWheel(name="acme", entry_points={group: {"acme": "acme_acme"} for group in groups}))

    assert entry().major == 1


def test_an_extension_is_listed(site: Site) -> None:
    site(PluginWheel.of_connector("acme", RAISES, group="dativo.extensions.v1"))

    assert entry().kind == "extension"
    with pytest.raises(PluginNotFoundError):
        find_connector("acme")


def test_an_unknown_connector_names_the_nearest(site: Site) -> None:
    site(PluginWheel.of_connector("acmebase", RAISES))

    with pytest.raises(PluginNotFoundError, match="did you mean 'acmebase'") as raised:
        find_connector("acmebsae")

    assert "acmebase" in raised.value.fix


def test_an_unknown_connector_says_what_to_install() -> None:
    with pytest.raises(PluginNotFoundError, match="no connector 'zzz' is installed") as raised:
        find_connector("zzz")

    assert raised.value.fix == "pip install dativo-connector-zzz"


@pytest.mark.parametrize("name", ["zzz; rm -rf ~", "../zzz", "$(zzz)", "", "-zzz"])
def test_an_odd_name_never_becomes_a_command(name: str) -> None:
    with pytest.raises(PluginNotFoundError) as raised:
        find_connector(name)

    assert "pip" not in raised.value.fix


def test_damaged_metadata_is_a_verdict_of_its_own_plugin_only(site: Site) -> None:
    place = site(
        PluginWheel.of_connector("acme", RAISES),
        PluginWheel.of_connector("acme2", RAISES),
        PluginWheel.of_connector("acme3", RAISES),
        PluginWheel.of_connector("acme4", RAISES),
    )
    (place / "acme_acme-1.0.0.dist-info/METADATA").unlink()
    (place / "acme_acme2-1.0.0.dist-info/METADATA").write_bytes(b"Name: \xff\n")
    (place / "acme_acme3-1.0.0.dist-info/entry_points.txt").write_bytes(
        b"# \xff\n[dativo.connectors.v1]\nacme3 = acme_acme3\n"
    )

    problems = [entry(name).problem for name in ("acme", "acme2", "acme3", "acme4")]

    assert problems == [
        "it has no METADATA",
        "its METADATA is no UTF-8",
        "its entry_points.txt is no UTF-8",
        "",
    ]
    assert entry("acme").version == "1.0.0"


def test_a_hostile_distribution_name_never_becomes_a_command(site: Site) -> None:
    place = site(PluginWheel.of_connector("acme", RAISES, manifest="x"))
    metadata = place / "acme_acme-1.0.0.dist-info/METADATA"
    metadata.write_text("Name: x; rm -rf ~\nVersion: 1\n\n")

    assert entry().fix == "pip install --force-reinstall acme-acme"


def test_leftovers_of_an_uninstall_are_not_seen(site: Site) -> None:
    place = site(PluginWheel.of_connector("acme", RAISES))
    info = place / "acme_acme-1.0.0.dist-info"
    info.rename(place / "~cme_acme-1.0.0.dist-info")

    assert not [found for found in list_plugins() if found.name == "acme"]


def test_an_egg_info_folder_is_read(site: Site, tmp_path: Path) -> None:
    place = site(folder="egg")
    info = place / "acme.egg-info"
    info.mkdir()
    (info / "PKG-INFO").write_text("Name: acme\nVersion: 3\n\nDescription: Name: other\n")
    (info / "entry_points.txt").write_text(
        "; a comment\n[console_scripts]\nacme = x:y\n\n[dativo.connectors.v1]\nacme = acme\n"
    )

    assert (entry().distribution, entry().version) == ("acme", "3")


def test_folders_of_the_path_that_are_none_are_passed_over(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site(PluginWheel.of_connector("acme", RAISES))
    (tmp_path / "file").write_text("")
    for odd in ("", str(tmp_path / "gone"), str(tmp_path / "file")):
        monkeypatch.syspath_prepend(odd)
    monkeypatch.chdir(tmp_path)

    assert entry().is_usable


LISTING = """
import sys
import dativo.plugins
found = dativo.plugins.list_plugins()
names = [entry.name for entry in found if entry.name.startswith("acme")]
loaded = [name for name in sys.modules if name.startswith("acme_")]
print(len(names), len(loaded), sum(entry.is_usable for entry in found if entry.name in names))
"""


def test_listing_two_hundred_plugins_imports_none(tmp_path: Path) -> None:
    wheels = [
        PluginWheel.of_connector(
            f"acme{number}",
            RAISES if number < 10 else "x = 1",
            manifest=manifest(f"acme{number}") if number % 2 else None,
        )
        for number in range(200)
    ]
    place = install(tmp_path / "site", *wheels)
    program = f"import sys; sys.path.insert(0, {str(place)!r})\n{LISTING}"

    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )

    assert done.stdout.split() == ["200", "0", "200"]
    assert done.stderr == ""
