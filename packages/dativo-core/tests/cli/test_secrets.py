"""Three secrets over every command and way to fail: nothing of them may ever be seen."""

from __future__ import annotations

import base64
import json
import secrets
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from dativo_test_support.wheels import PluginWheel

PASSWORD = f'pa@ss:/{secrets.token_hex(8)}%+"\nnext{secrets.token_hex(8)}'
TOKEN = secrets.token_hex(32)
_LINES = [base64.b64encode(secrets.token_bytes(48)).decode() for _ in range(3)]
KEY = "\n".join(("-----BEGIN PRIVATE KEY-----", *_LINES, "-----END PRIVATE KEY-----"))
CANARIES = {"ACME_PASSWORD": PASSWORD, "ACME_TOKEN": TOKEN, "ACME_KEY": KEY}

PLUGIN = """
import base64, json, logging, os, sys, threading, time, warnings
from urllib.parse import quote
import attrs
import pyarrow as pa
from dativo import errors
from dativo.contract import *

SECRETS = [os.environ[n] for n in ("ACME_PASSWORD", "ACME_TOKEN", "ACME_KEY")]
FORMS = [
    lambda s: s, quote, lambda s: json.dumps(s), repr, lambda s: s.encode().hex(),
    *(lambda s, n=n: base64.b64encode(b"x" * n + s.encode()).decode() for n in range(3)),
]
SCHEMA = pa.schema([("id", pa.int64())])

def shout(where):
    for secret in SECRETS:
        for form in FORMS:
            text = form(secret)
            half = len(text) // 2
            print(where, text)
            sys.stderr.write(text[:half]); sys.stderr.flush(); time.sleep(0.001)
            sys.stderr.write(text[half:] + "\\n"); sys.stderr.flush()
            os.write(1, (text[:half]).encode()); os.write(1, (text[half:] + "\\n").encode())
            logging.getLogger("acme").warning("log %s", text)
        logging.getLogger("acme").debug("debug %s", secret)
        warnings.warn(f"warn {secret}")
        try:
            raise ValueError(secret)
        except ValueError:
            logging.getLogger("acme").exception("exception")
    thread = threading.Thread(target=lambda: 1 / 0 if not SECRETS else fail("thread"))
    thread.start(); thread.join()

def fail(where):
    raise RuntimeError(f"{where}: postgresql://u:{quote(SECRETS[0])}@h/{SECRETS[1]} {SECRETS[2]}")

if os.environ.get("ACME_FAIL") == "import":
    shout("import"); fail("import")
shout("import")

@attrs.frozen
class Config:
    password: Secret = setting("The password.")
    token: Secret = setting("The token.")
    key: Secret = setting("The key.")
    fail: str = setting("Where to fail.", default="")

@hookimpl
def describe():
    return ConnectorInfo(title="Acme", source=SourceInfo(config=Config, filters=True))

@hookimpl
def check_connection(config, context):
    shout("check"); context.log(f"password {SECRETS[0]}", level="warning", token=SECRETS[1])
    if config.fail == "check": fail("check")
    error = errors.InvalidCredentialsError(f"no {SECRETS[0]}", fix=f"use {SECRETS[2]}")
    return ConnectionTestResult((
        CheckItem.ok(f"host {SECRETS[1]}", SECRETS[0]), CheckItem.failed("login", error)))

@hookimpl
def discover(config, context):
    shout("discover")
    if config.fail == "discover": fail("discover")
    yield Stream(name="a", schema=SCHEMA, description=SECRETS[0])

@hookimpl
def extract(config, request, context):
    shout("extract")
    if config.fail == "extract": fail("extract")
    def batches():
        if config.fail == "reader": fail("reader")
        if config.fail == "exit": sys.exit(SECRETS[0])
        yield pa.record_batch({"id": [1]}, schema=SCHEMA)
    yield Batch(context.reader(SCHEMA, batches()))

import atexit
atexit.register(lambda: shout("atexit"))
"""


def _forms(secret: str) -> set[str]:
    raw = secret.encode()
    forms = {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), raw.hex()}
    forms |= {json.dumps(secret)[1:-1], repr(secret)[1:-1], secret[::-1]}
    for offset in range(3):
        encoded = base64.b64encode(b"x" * offset + raw).decode()
        start = 0 if offset == 0 else 4
        forms.add(encoded[start : start + (len(encoded) - 8) // 4 * 4])
    # Halves, and the lines of a secret of several lines.
    lines = [line for line in secret.splitlines() if len(line) >= 12 and "-----" not in line]
    forms |= {part for line in lines for part in (line[: len(line) // 2], line[len(line) // 2 :])}
    return {form for form in forms if len(form) >= 12 and "PRIVATE" not in form}


def _hits(text: str) -> list[str]:
    return [form for secret in CANARIES.values() for form in _forms(secret) if form in text]


@pytest.fixture
def acme(cli: Any) -> Any:
    """The command line with a source that tells its secrets wherever it can."""
    cli.install(PluginWheel.of_connector("acme", PLUGIN))
    return cli


def _job(cli: Any, fail: str) -> Path:
    file = Path(cli.project.folder, "job.yaml")
    config = {key: f"${{env:ACME_{key.upper()}}}" for key in ("password", "token", "key")}
    document = {
        "name": "acme",
        "source": {"connector": "acme", "config": {**config, "fail": fail}},
        "streams": [{"name": "a", "mode": "full"}],
        "writer": {"connector": "ledger", "config": {"path": "ledger"}},
        "run": {"retries": 0},
    }
    file.write_text(json.dumps(document))
    return file


def _assert_clean(cli: Any, done: Any) -> None:
    assert _hits(done.stdout) == []
    assert _hits(done.stderr) == []
    for file in Path(cli.project.folder).rglob("*"):
        if file.is_file():
            assert _hits(file.read_bytes().decode("latin-1")) == [], file


@pytest.mark.parametrize(
    ("words", "fail", "exit_code"),
    [
        (("check", "--json"), "", 20),
        (("check", "--debug"), "check", 13),
        (("discover",), "", 0),
        (("discover", "--debug"), "discover", 13),
        (("run", "--json", "--debug"), "", 0),
        (("run", "--debug"), "extract", 13),
        (("run", "--json", "--debug"), "reader", 13),
        (("run",), "exit", 13),
        (("preview", "--debug"), "", 0),
        (("preview", "--json"), "reader", 13),
    ],
)
def test_no_command_shows_a_secret(
    acme: Any, words: tuple[str, ...], fail: str, exit_code: int
) -> None:
    _job(acme, fail)

    done = acme(*words, env=CANARIES)

    assert done.exit_code == exit_code, done.stderr[-2000:]
    assert "****" in done.stderr
    assert ("Traceback" in done.stderr) == ("--debug" in words)
    if "--json" in words:
        assert isinstance(done.document, dict)
    _assert_clean(acme, done)


def test_a_plugin_that_fails_on_import_shows_no_secret(acme: Any) -> None:
    _job(acme, "")

    done = acme("run", "--json", env={**CANARIES, "ACME_FAIL": "import"})

    assert done.document["error"]["code"] == "PLUGIN_LOAD"
    _assert_clean(acme, done)


@pytest.mark.parametrize("command", ["discover", "init"])
def test_settings_on_the_command_line_show_no_secret(acme: Any, command: str) -> None:
    settings = [f"--set={key}=${{env:ACME_{key.upper()}}}" for key in ("password", "token", "key")]
    words = {
        "discover": ("discover", "--connector", "acme", "--debug"),
        "init": ("init", "acme", "--writer", "ledger", "--writer-set=path=x"),
    }

    done = acme(*words[command], *settings, env=CANARIES)

    assert done.exit_code == 0, done.stderr[-2000:]
    _assert_clean(acme, done)


def test_commands_that_load_no_plugin_show_no_secret(acme: Any) -> None:
    _job(acme, "")

    for words in (("plugins", "list", "--json"), ("plugins", "show", "acme"), ("schema", "job")):
        done = acme(*words, env=CANARIES)

        assert done.exit_code == 0
        _assert_clean(acme, done)


def test_the_canaries_are_found_where_nothing_hides_them() -> None:
    for secret in CANARIES.values():
        for shown in (secret, json.dumps(secret), quote(secret), secret.encode().hex()):
            assert _hits(shown)
        for offset in range(3):
            assert _hits(base64.b64encode(b"x" * offset + secret.encode()).decode())
