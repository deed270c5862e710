from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dativo.contract import Secret, Url
from dativo.errors import InvalidConfigError, InvalidCredentialsError
from dativo_test_support.context import FakeContext
from dativo_writer_parquet import ParquetConfig, StorageConfig
from dativo_writer_parquet._store._failures import is_uncertain, translated
from dativo_writer_parquet._store._keys import Keys, lease_key
from dativo_writer_parquet._store._objects import Objects, allows_http, store_settings


@pytest.mark.parametrize("url", ["s3://bucket", "s3://bucket/a/b", "gs://bucket/a", "az://box/a"])
def test_a_path_may_be_in_a_bucket(url: str) -> None:
    assert ParquetConfig(path=Url(url)).path == url


@pytest.mark.parametrize(
    ("url", "storage", "problem"),
    [
        ("ftp://host/a", {}, "there are s3, gs, az"),
        ("s3:///a", {}, "path must be like"),
        ("s3://key:secret@bucket/a", {}, "without a user"),
        ("s3://bucket:9000/a", {}, "without a user or a port"),
        ("s3://bucket/a?x=1", {}, "without [?]"),
        ("gs://bucket/a", {"region": "eu"}, "storage.region is for s3"),
        ("s3://bucket", {"endpoint": "http://minio.example"}, "has no TLS"),
        ("s3://bucket", {"endpoint": "https://a:b@minio.example"}, "an address only"),
        ("s3://bucket", {"access_key_id": "key"}, "go together"),
    ],
)
def test_a_path_that_is_no_bucket_is_refused(
    url: str, storage: dict[str, Any], problem: str
) -> None:
    with pytest.raises(ValueError, match=problem) as told:
        ParquetConfig(path=Url(url), storage=StorageConfig(**storage))
    assert "secret" not in str(told.value).replace("secret_access_key", "")


def test_storage_is_not_for_folders(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="storage is for object stores"):
        ParquetConfig(path=tmp_path, storage=StorageConfig(region="eu"))


def test_plain_http_is_for_this_machine_or_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ALLOW_HTTP", raising=False)
    said = StorageConfig(endpoint="http://minio.example", allow_http=True)
    assert allows_http(said)
    assert allows_http(StorageConfig(endpoint="http://[::1]:9000"))
    assert not allows_http(StorageConfig(endpoint="https://minio.example"))
    monkeypatch.setenv("AWS_ALLOW_HTTP", "TRUE")
    assert allows_http(StorageConfig())


def test_settings_go_by_the_names_of_the_library() -> None:
    storage = StorageConfig(
        access_key_id="key", secret_access_key=Secret("s"), options={"request_payer": Secret("x")}
    )
    assert store_settings(storage) == {
        "access_key_id": "key",
        "secret_access_key": "s",
        "request_payer": "x",
    }
    assert "Secret('****')" in repr(storage)


def test_an_endpoint_of_the_environment_needs_tls_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ALLOW_HTTP", raising=False)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    objects = Objects(ParquetConfig(path=Url("s3://bucket")), FakeContext())
    with pytest.raises(InvalidConfigError, match="has no TLS"):
        objects.read("a")


@pytest.mark.parametrize(
    "options",
    [{"account_name": Secret("box"), "account_key": Secret("not base 64!")}, {}],
)
def test_settings_that_make_no_store_are_told(
    options: dict[str, Secret], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    config = ParquetConfig(path=Url("az://box/a"), storage=StorageConfig(options=options))
    with pytest.raises(InvalidConfigError, match="do not fit az://box/a") as told:
        Objects(config, FakeContext())
    assert "base 64" not in str(told.value)


def test_other_stores_can_be_named() -> None:
    secret = Secret("c2VjcmV0")
    azure = StorageConfig(options={"account_name": Secret("box"), "account_key": secret})
    lakes = (
        ParquetConfig(path=Url("az://box/a"), storage=azure),
        ParquetConfig(path=Url("gs://bucket/a")),
    )
    assert [Objects(lake, FakeContext()).name("x") for lake in lakes] == [
        "az://box/a/x",
        "gs://bucket/a/x",
    ]


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("Error performing GET http://169.254.169.254/ - 403", InvalidCredentialsError, "no cred"),
        ("Received redirect, incorrectly configured region", InvalidConfigError, "region"),
    ],
)
def test_words_of_the_library_become_advice(text: str, error: type, says: str) -> None:
    found = translated(RuntimeError(text), "reading x")
    assert type(found) is error
    assert says in str(found)


def test_what_nobody_understands_is_a_failure_without_its_words() -> None:
    found = translated(RuntimeError("token=abc"), "reading x")
    assert str(found) == "reading x failed: RuntimeError of the storage library"
    assert not is_uncertain(found)


def test_keys_tell_what_they_are_of() -> None:
    keys = Keys("public.orders")
    assert keys.sequence_of(keys.entry(12)) == 12
    assert keys.sequence_of(f"{keys.log}/12.json") is None
    assert keys.claim_of(f"{keys.session(7)}/a=b/c.parquet") == 7
    assert keys.claim_of(f"{keys.data}/7/c.parquet") is None
    assert keys.claim_of(f"{keys.data}/README") is None
    assert lease_key("Job A") != lease_key("job a")
