from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dativo.contract import ExtensionKind, Manifest
from dativo.errors import (
    ContractViolationError,
    DativoError,
    PluginLoadError,
    PluginNotFoundError,
    PluginVersionError,
)
from dativo.plugins import (
    VersionVerdict,
    build_extension_manifest,
    find_distribution,
    find_extension,
    find_plugin,
    list_plugins,
    load_extension,
)
from dativo_test_support.wheels import PluginWheel

Site = Callable[..., Path]

HEAD = """
import attrs
from dativo.contract import *
from dativo.contract import setting as s

@attrs.frozen
class Config:
    key: Secret = s("The key.")
"""
DESCRIBES = """
@hookimpl
def describe_extension():
    return ExtensionInfo(title="Acme", kind=ExtensionKind.TRANSFORMER, config=Config)
"""
TRANSFORMS = """
@hookimpl
def transform(schema):
    return None
"""
WHOLE = HEAD + DESCRIBES + TRANSFORMS


def wheel(name: str, code: str, **more: str) -> PluginWheel:
    more = {"group": "dativo.extensions.v1", **more}
    return PluginWheel.of_connector(name, code, **more)  # type: ignore[arg-type]


def test_an_extension_is_loaded_with_what_it_says_of_itself(site: Site) -> None:
    site(wheel("cover", WHOLE))

    extension = load_extension("cover")

    assert (extension.name, extension.info.title) == ("cover", "Acme")
    assert extension.is_transformer
    assert extension.origin.title == "the extension 'cover' (acme-cover 1.0.0)"


def test_its_manifest_has_a_kind_in_place_of_roles(site: Site) -> None:
    site(wheel("cover", WHOLE))

    made = build_extension_manifest("cover")
    document = json.loads(made.to_json())

    assert made.extension is not None
    assert made.extension["kind"] == ExtensionKind.TRANSFORMER
    assert "roles" not in document
    assert document["extension"]["hooks"] == ["transform"]
    assert document["extension"]["config"]["properties"]["key"]["writeOnly"] is True
    assert Manifest.from_json(made.to_json()) == made


@pytest.mark.parametrize(
    "change",
    [
        {"extension": {"kind": "wrapper"}},
        {"extension": {}},
        {"extension": 5},
        {"roles": {}},
    ],
)
def test_a_manifest_that_is_neither_is_damaged(site: Site, change: dict[str, object]) -> None:
    site(wheel("cover", WHOLE))
    document = json.loads(build_extension_manifest("cover").to_json())

    with pytest.raises(ValueError, match=r"damaged|not a valid"):
        Manifest.from_json(json.dumps({**document, **change}))


def test_it_is_listed_with_its_manifest_and_without_an_import(site: Site) -> None:
    site(wheel("cover", WHOLE))
    manifest = build_extension_manifest("cover").to_json()
    site(wheel("cover", "raise SystemExit", manifest=manifest), folder="second")

    (entry,) = [one for one in list_plugins() if one.name == "cover"]

    assert (entry.kind, entry.verdict, entry.roles) == (
        "extension",
        VersionVerdict.COMPATIBLE,
        (),
    )
    assert entry.manifest == Manifest.from_json(manifest)
    assert find_plugin("cover").kind == "extension"
    assert find_distribution("cover").name == "acme-cover"


def test_a_connectors_manifest_does_not_serve_an_extension(site: Site, source: str) -> None:
    manifest = Manifest(name="cover", contract="1.0", title="Acme").to_json()
    site(wheel("cover", WHOLE, manifest=manifest))

    with pytest.raises(PluginLoadError, match="its manifest is not that of an extension"):
        load_extension("cover")


def test_a_connector_and_an_extension_may_have_one_name(site: Site, source: str) -> None:
    site(wheel("both", WHOLE, distribution="acme-one"))
    site(PluginWheel.of_connector("both", source, distribution="acme-two", module="acme_two"))

    assert load_extension("both").origin.distribution == "acme-one"
    assert find_plugin("both").distribution == "acme-two"


def test_one_name_of_two_distributions_is_refused(site: Site) -> None:
    site(wheel("cover", WHOLE, distribution="acme-one"))
    site(wheel("cover", WHOLE, distribution="acme-two"))

    with pytest.raises(PluginNotFoundError, match="registered by acme-one and acme-two"):
        load_extension("cover")


def test_an_unknown_name_has_a_near_one_or_a_package(site: Site) -> None:
    site(wheel("cover", WHOLE))

    with pytest.raises(PluginNotFoundError, match=r"no extension 'covr' .* mean 'cover'\?"):
        find_extension("covr")
    with pytest.raises(PluginNotFoundError) as caught:
        find_extension("lineage")
    assert caught.value.fix == "pip install dativo-extension-lineage"


@pytest.mark.parametrize(("group", "side"), [("v2", "core"), ("v0", "acme-cover")])
def test_an_extension_of_another_contract_is_not_imported(
    site: Site, group: str, side: str
) -> None:
    site(wheel("cover", "raise SystemExit", group=f"dativo.extensions.{group}"))

    with pytest.raises(PluginVersionError) as caught:
        load_extension("cover")

    assert side in caught.value.fix


@pytest.mark.parametrize(
    ("code", "error", "says"),
    [
        ("import nowhere", PluginLoadError, "cannot be imported: ModuleNotFoundError"),
        (HEAD + TRANSFORMS, ContractViolationError, "implements no hook 'describe_extension'"),
        (HEAD + DESCRIBES, ContractViolationError, "is transformer, but implements no hook"),
        (WHOLE.replace("(schema)", "(schemata)"), ContractViolationError, "schemata"),
        (WHOLE.replace("def transform", "def transfrm"), ContractViolationError, "'transform'?"),
        (WHOLE.replace("key: Secret", "key: set"), ContractViolationError, "describes itself"),
        (
            WHOLE.replace("kind=ExtensionKind.TRANSFORMER", "kind='x'"),
            ContractViolationError,
            "'x'",
        ),
        (WHOLE.replace("return Ext", "return 1 or Ext"), ContractViolationError, "'int'"),
        (WHOLE.replace("return Ext", "raise SystemExit or Ext"), DativoError, "SystemExit"),
    ],
)
def test_an_extension_that_breaks_the_contract_is_refused_with_its_name(
    site: Site, code: str, error: type[DativoError], says: str
) -> None:
    site(wheel("cover", code))

    with pytest.raises(error) as caught:
        load_extension("cover")

    assert says in caught.value.message
    assert "'cover'" in caught.value.message or caught.value.connector == "cover"


def test_an_entry_point_that_names_a_class_is_refused(site: Site) -> None:
    found = wheel("cover", "class Cover: pass")
    entry_points = {"dativo.extensions.v1": {"cover": "acme_cover:Cover"}}
    site(PluginWheel(name=found.name, files=found.files, entry_points=entry_points))

    with pytest.raises(ContractViolationError, match="is a class"):
        load_extension("cover")
