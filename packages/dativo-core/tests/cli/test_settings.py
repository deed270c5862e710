from __future__ import annotations

from pathlib import Path

import pytest

from dativo.cli import _settings
from dativo.cli._settings import is_secret, learn_job, learn_settings, read_settings
from dativo.config import Redactor, load_job
from dativo.contract import Manifest, Role
from dativo.errors import UsageError
from dativo_test_support.wheels import PluginWheel, install

SECRET = "correct-horse-battery"


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connector whose manifest has two secrets."""
    found = frozenset({"password", "tls.key"})
    monkeypatch.setattr(_settings, "_secret_names", lambda *_: found)


def _read(*texts: str) -> dict[str, object]:
    return read_settings(texts, connector="acme", role=Role.SOURCE)


def test_values_are_yaml_and_dots_lead_into_sections() -> None:
    assert _read("port=5432", "tls.mode=off", "tls.depth=2", "a=[x, 1]", "e=", "q='5'") == {
        "port": 5432,
        "tls": {"mode": "off", "depth": 2},
        "a": ["x", 1],
        "e": None,
        "q": "5",
    }


@pytest.mark.parametrize("text", ["port", "=1", "a..b=1", ".a=1", "a=[1", "a='", "a=!!x 1"])
def test_what_is_no_setting_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        _read(text)


def test_a_value_is_no_section() -> None:
    with pytest.raises(UsageError, match="is a value already"):
        _read("a=1", "a.b=2")


@pytest.mark.usefixtures("names")
def test_a_secret_must_not_stand_on_the_command_line() -> None:
    with pytest.raises(UsageError, match="must not stand") as caught:
        _read(f"password={SECRET}")

    assert SECRET not in f"{caught.value} {caught.value.fix}"
    with pytest.raises(UsageError, match="tls\\.key"):
        _read("tls.key=x")
    assert _read("password=${env:X}") == {"password": "${env:X}"}


def test_secrets_are_told_by_the_schema() -> None:
    assert is_secret({"writeOnly": True})
    assert is_secret({"anyOf": [{"writeOnly": True}, {"type": "null"}]})
    assert not is_secret({"type": "string"})
    schema = {
        "properties": {"a": {"writeOnly": True}, "b": {"properties": {"c": {"writeOnly": 1}}}}
    }
    assert list(_settings._secrets(schema)) == ["a", "b.c"]


def test_without_a_manifest_everything_that_comes_by_reference_is_hidden(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ACME_SECRET", SECRET)
    redactor = Redactor()
    settings = {"a": {"b": ["x", "${env:ACME_SECRET}"]}, "c": "${env:MISSING_VARIABLE}", "d": 1}

    learn_settings(settings, redactor, connector="acme", role=Role.SOURCE)

    assert redactor.redact(f"x {SECRET}") == "x ****"


@pytest.mark.usefixtures("names")
def test_with_a_manifest_only_secrets_are_hidden(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ACME_SECRET", SECRET)
    monkeypatch.setenv("ACME_HOST", "db.example.com")
    (tmp_path / "key").write_text("key-in-a-file\n")
    file = tmp_path / "job.yaml"
    file.write_text(
        "name: shop\n"
        "source: {connector: acme, config: {host: '${env:ACME_HOST}',"
        " password: '${env:ACME_SECRET}', tls: {key: '${file:key}'}, list: [1]}}\n"
        "streams: [{name: a}]\n"
        "writer: {connector: acme}\n"
    )
    redactor = Redactor()

    learn_job(load_job(file), redactor)

    assert redactor.redact(f"{SECRET} key-in-a-file db.example.com") == "**** **** db.example.com"


@pytest.mark.parametrize("has_manifest", [True, False])
def test_secrets_of_extensions_are_learned_before_they_are_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_manifest: bool
) -> None:
    about = {"kind": "transformer", "config": {"properties": {"key": {"writeOnly": True}}}}
    manifest = Manifest(name="cover", contract="1.0", title="Cover", extension=about).to_json()
    wheel = PluginWheel.of_connector(
        "cover",
        "raise SystemExit",
        group="dativo.extensions.v1",
        manifest=manifest if has_manifest else None,
    )
    monkeypatch.syspath_prepend(str(install(tmp_path / "site", wheel)))
    monkeypatch.setenv("ACME_SECRET", SECRET)
    file = tmp_path / "job.yaml"
    file.write_text(
        "name: shop\n"
        "source: {connector: acme}\n"
        "streams: [{name: a}]\n"
        "writer: {connector: acme}\n"
        "extensions: [{extension: cover, config: {key: '${env:ACME_SECRET}'}}, {extension: none}]\n"
    )
    redactor = Redactor()

    learn_job(load_job(file), redactor)

    assert redactor.redact(SECRET) == "****"
