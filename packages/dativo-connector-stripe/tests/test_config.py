from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dativo.config import Origin, ProblemList, Redactor, parse_yaml, structure
from dativo.contract import Secret, Url
from dativo.errors import InvalidConfigError
from dativo_connector_stripe._config import StripeConfig


def config(key: str = "sk_test_abc", **settings: Any) -> StripeConfig:
    return StripeConfig(api_key=Secret(key), **settings)


@pytest.mark.parametrize(
    ("key", "livemode", "rate"),
    [
        ("sk_live_abc", True, 80),
        ("rk_live_abc", True, 80),
        ("sk_org_live_abc", True, 80),
        ("sk_test_abc", False, 20),
        ("rk_test_abc", False, 20),
        ("something_else", False, 20),
        ("abc_sk_live_", False, 20),
    ],
)
def test_key_says_mode_and_rate(key: str, livemode: bool, rate: float) -> None:
    assert config(key).livemode is livemode
    assert config(key).account_rate == rate
    assert config(key, requests_per_second=7).account_rate == 7


@pytest.mark.parametrize("prefix", ["pk_live_", "pk_test_", "ek_test_", "whsec_"])
def test_key_of_another_kind_is_refused_with_what_is_needed(prefix: str) -> None:
    with pytest.raises(ValueError, match=r"use a secret key \(sk_.*restricted key \(rk_") as caught:
        config(f"{prefix}verysecret")

    assert "verysecret" not in str(caught.value)


@pytest.mark.parametrize("key", ["", "sk_test_a b", "sk_test_a\n", "sk_test_a\r\nX: y", "sk_é"])
def test_key_that_no_header_can_hold_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="api_key is empty or has spaces"):
        config(key)


@pytest.mark.parametrize(
    "address",
    [
        "https://api.stripe.com",
        "https://stripe.example:8443/base",
        "http://127.0.0.1:12111",
        "http://[::1]:12111",
        "http://localhost:1",
    ],
)
def test_address_with_tls_or_on_this_machine(address: str) -> None:
    assert config(api_base=Url(address)).api_base == address


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://api.stripe.com", "has no TLS"),
        ("http://127.0.0.1.example.com", "has no TLS"),
        ("http://localhost.example.com", "has no TLS"),
        ("http://10.0.0.1", "has no TLS"),
        ("ftp://api.stripe.com", "https:// address"),
        ("https:///v1", "https:// address"),
        ("https://me:word@api.stripe.com", "without a user"),
        ("https://api.stripe.com?key=word", "without a user or a query"),
        ("https://api.stripe.com#word", "without a user or a query"),
        ("https://api.stripe.com:0", "port"),
        ("https://api.stripe.com:99999", "port"),
        ("https://api.stripe.com:x", "port"),
        ("https://[::1", "IPv6"),
    ],
)
def test_address_that_is_refused(address: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        config(api_base=Url(address))

    assert "word" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, None),
        ("2024-01-01", 1_704_067_200),
        ("2024-01-01T00:00:00", 1_704_067_200),
        ("2024-01-01T00:00:00Z", 1_704_067_200),
        ("2024-01-01T02:00:00+02:00", 1_704_067_200),
        ("2024-01-01T00:00:00.5Z", 1_704_067_201),
    ],
)
def test_start_in_seconds(text: str | None, seconds: int | None) -> None:
    assert config(start=text).start_seconds == seconds


@pytest.mark.parametrize("text", ["", "yesterday", "2024-13-01", "1704067200000"])
def test_start_that_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match="start is no date or time"):
        config(start=text)


def test_start_without_windows_is_refused() -> None:
    with pytest.raises(ValueError, match="windows: true"):
        config(start="2024-01-01", windows=False)


def test_key_does_not_show() -> None:
    assert "abc" not in f"{config()!r} {config()}"


def problem(folder: Path, line: str) -> str:
    problems = ProblemList()
    text = f"api_key: sk_test_abc\n{line}\n"
    node = parse_yaml(text.encode(), Origin("job.yaml", folder, redactor=Redactor()), problems)
    assert node is not None
    assert structure(node, StripeConfig, collect=problems) is None
    with pytest.raises(InvalidConfigError) as caught:
        problems.raise_if_any()
    return "\n".join(str(one) for one in caught.value.problems)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("concurrency: 65", "at most 64"),
        ("overlap_seconds: -1", "at least 0"),
        ("requests_per_second: 0", "at least 0.1"),
        ("account: cus_1", "acct_"),
        ("api_version: latest", "a text that matches"),
        ("api_base: api.stripe.com", "a URL"),
        ("api_base: http://api.stripe.com", "has no TLS"),
        ("start: never", "no date or time"),
        ("api_keys: x", "did you mean"),
    ],
)
def test_problem_is_located(tmp_path: Path, line: str, words: str) -> None:
    text = problem(tmp_path, line)

    assert "job.yaml:" in text
    assert words in text
