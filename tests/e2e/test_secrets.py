"""Secrets stay secret: in what is printed, in what is written, in what the system shows."""

from __future__ import annotations

import json
import os
import pty
import select
import shlex
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import attrs
import psutil
import pytest
from canaries import CANARIES, forms, hits, hits_in_files
from careless import careless_plugin
from dativo_command import Answer, Command, WorkFolder

from dativo_test_support.plugins import scripted_connectors
from dativo_test_support.postgres import Address, EmbeddedPostgres
from dativo_test_support.tls import Certificate, TlsFront
from dativo_test_support.wheels import install

VERBS = ("check", "discover", "preview", "run")
MODES = ((), ("--verbose",), ("--debug",), ("--json", "--debug", "--verbose"))
"""The ways in which `run` is tried; the other commands are tried in the last two."""

BY_ENVIRONMENT = {
    "first": "${env:PUNCTUATION}",
    "second": "${env:HEX}",
    "third": "${env:PEM}",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("site"), careless_plugin(), scripted_connectors())


@pytest.fixture
def command(work: WorkFolder, site: Path) -> Command:
    return Command(work.path, site=(site,), variables=CANARIES)


def job_of(name: str = "careless_to_lake", **config: Any) -> dict[str, Any]:
    return {
        "name": name,
        "source": {"connector": "careless", "config": {**BY_ENVIRONMENT, **config}},
        "streams": [{"name": "things", "mode": "full"}],
        "writer": {"connector": "parquet", "config": {"path": f"./lake/{name}"}},
        "run": {"retries": 0},
    }


def run_in_all_modes(
    command: Command,
    work: WorkFolder,
    verbs: Sequence[str],
    *,
    modes: Sequence[Sequence[str]] = MODES,
    **config: Any,
) -> list[Answer]:
    """Run each command in its modes, side by side, each with a job of its own."""
    commands = []
    for verb in verbs:
        for number, mode in enumerate(modes if verb == "run" else modes[-2:]):
            name = f"{verb}_{number}"
            work.write_job(job_of(name, **config), f"{name}.yaml")
            commands.append([verb, "-c", f"{name}.yaml", *mode])
    return command.all(*commands)


def nothing_shows(answers: Sequence[Answer], work: WorkFolder, *given: Path) -> None:
    """Look at all outputs and at every file that is there now."""
    for answer in answers:
        found = {"out": hits(answer.out), "err": hits(answer.err)}
        assert found == {"out": [], "err": []}, answer.arguments
        if "--json" in answer.arguments:
            assert answer.document
    assert hits_in_files(work.path.parent, given=given) == []


def test_the_search_finds_what_it_looks_for() -> None:
    for secret in CANARIES.values():
        for text in forms(secret).values():
            assert hits(f"...{text}...")
            assert len(text) >= 12


def test_commands_that_succeed(command: Command, work: WorkFolder) -> None:
    answers = run_in_all_modes(command, work, VERBS)
    settings = [f"--set={key}={value}" for key, value in BY_ENVIRONMENT.items()]
    answers += command.all(
        ["plugins", "list", "--json"],
        ["plugins", "show", "careless", "--verbose"],
        ["plugins", "manifest", "careless", "--json"],
        ["schema", "job", "--json", "--debug"],
        ["init", "careless", "-w", "parquet", "-c", "made.yaml", *settings, "--json", "--debug"],
        ["discover", "--connector", "careless", *settings, "--verbose"],
    )

    assert [(answer.arguments, answer.code) for answer in answers if answer.code] == []
    assert "${env:HEX}" in (work.path / "made.yaml").read_text()
    nothing_shows(answers, work)
    assert work.leftovers() == []


def test_a_plugin_that_prints_and_logs_them(command: Command, work: WorkFolder) -> None:
    answers = run_in_all_modes(command, work, VERBS, modes=MODES[2:], how="noise")

    assert [(answer.arguments, answer.code) for answer in answers if answer.code] == []
    for answer in answers:
        assert answer.err.count("****") > 100, answer.arguments
    nothing_shows(answers, work)
    assert work.leftovers() == []


@pytest.mark.parametrize(("how", "exit_code"), [("raises", 13), ("raises_ours", 20), ("exits", 13)])
def test_a_plugin_that_raises_with_them(
    command: Command, work: WorkFolder, how: str, exit_code: int
) -> None:
    verbs = {"raises": ("check", "run"), "exits": ("preview", "run")}.get(how, VERBS)
    answers = run_in_all_modes(command, work, verbs, how=how)

    assert {answer.code for answer in answers} == {exit_code}, [str(one) for one in answers[:1]]
    for answer in answers:
        assert "****" in answer.out + answer.err, answer.arguments
    nothing_shows(answers, work)


@pytest.mark.parametrize("length", [1950, 1975])
def test_a_message_that_is_cut_within_a_secret(
    command: Command, work: WorkFolder, length: int
) -> None:
    answers = run_in_all_modes(command, work, ("check",), how="raises_long", port=length)

    assert {answer.code for answer in answers} == {13}
    nothing_shows(answers, work)


def test_a_plugin_that_puts_them_into_names(command: Command, work: WorkFolder) -> None:
    """What is shown hides them.

    What a source gives as its data, the names of its fields included, is passed on as it is;
    so what such a plugin would write is not looked at here.
    """
    answers = run_in_all_modes(command, work, ("discover",), how="names")
    answers += run_in_all_modes(command, work, ("check",), how="items")
    settings = [f"--set={key}={value}" for key, value in BY_ENVIRONMENT.items()]
    answers += command.all(
        ["discover", "--connector", "careless", *settings, "--set=how=names", "--json"],
        ["init", "careless", "-w", "parquet", *settings, "--set=how=names", "-c", "made.yaml"],
    )

    nothing_shows(answers, work, work.path / "made.yaml")


def test_a_plugin_that_crashes(command: Command, work: WorkFolder) -> None:
    answers = run_in_all_modes(command, work, ("run",), modes=MODES[2:], how="dies")

    assert {answer.code for answer in answers} == {-6}
    for answer in answers:
        assert {"out": hits(answer.out), "err": hits(answer.err)} == {"out": [], "err": []}
    assert list(work.path.glob("**/core*")) == []
    # What the plugin itself wrote into its own folder for temporary files outlives a crash.
    own = work.path.parent / "temporary"
    assert hits_in_files(work.path.parent, given=(own,)) == []
    for path in own.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0 or path.parent != own


def test_secrets_that_come_from_files(command: Command, work: WorkFolder) -> None:
    given = []
    for name, secret in CANARIES.items():
        file = work.path / f"{name}.txt"
        file.write_text(secret + "\n")
        given.append(file)
    config = {
        "first": "${file:PUNCTUATION.txt}",
        "second": "${file:HEX.txt}",
        "third": "${file:PEM.txt}",
    }
    bare = attrs.evolve(command, variables={})

    answers = run_in_all_modes(bare, work, ("check",), **config, how="noise")
    answers += run_in_all_modes(bare, work, ("run",), modes=MODES[2:], **config, how="raises")

    assert [answer.code for answer in answers] == [0, 0, 13, 13]
    nothing_shows(answers, work, *given)


def test_a_secret_within_a_url(command: Command, work: WorkFolder) -> None:
    url = "db://user:${env:HEX}@host/shop"
    config = {"url": url, "second": "unimportant"}
    answers = run_in_all_modes(command, work, ("check",), **config, how="noise")
    answers += run_in_all_modes(command, work, ("run",), modes=MODES[2:], **config, how="raises")

    assert [answer.code for answer in answers] == [0, 0, 13, 13]
    nothing_shows(answers, work)


WRONG: dict[str, dict[str, Any]] = {
    "an unknown key": {"passwrod": "${env:HEX}", "tokn": "${env:PUNCTUATION}"},
    "a number that is none": {"port": "${env:HEX}"},
    "a number in a URL": {"port": "db://user:${env:PEM}@host"},
    "a list": {"first": ["${env:PUNCTUATION}"]},
    "a mapping": {"second": {"value": "${env:HEX}"}},
    "the text itself, elsewhere too": {
        "first": CANARIES["HEX"],
        "port": CANARIES["HEX"],
        "passwrod": CANARIES["HEX"],
    },
    "a list of the text itself": {"first": [CANARIES["PUNCTUATION"]]},
    "a variable that is not set": {"first": "${env:NOT_SET}", "port": "${env:PEM}"},
    "a file that is not there": {"first": "${file:not-there}", "port": "${env:HEX}"},
}


@pytest.mark.parametrize("name", WRONG)
def test_secrets_in_a_wrong_place_of_the_job(command: Command, work: WorkFolder, name: str) -> None:
    answers = run_in_all_modes(command, work, ("check",), modes=MODES[3:], **WRONG[name])

    assert {answer.code for answer in answers} == {10}, str(answers[0])
    for answer in answers:
        assert {"out": hits(answer.out), "err": hits(answer.err)} == {"out": [], "err": []}


@pytest.mark.parametrize(
    "text",
    [
        'first: "{}\nsecond: x',
        "first: {}: {}",
        "first: {}\n\tsecond: x",
        "first: &a [{}, *a, *b",
        "- {}\nfirst: x",
    ],
)
def test_secrets_in_a_file_that_is_no_yaml(command: Command, work: WorkFolder, text: str) -> None:
    secret = CANARIES["HEX"]
    (work.path / "job.yaml").write_text(text.replace("{}", secret))

    answer = command("check", "--json", "--debug", code=10)

    assert answer.error["code"] == "INVALID_CONFIG"
    assert hits(answer.out + answer.err) == []


def test_a_secret_on_the_command_line_is_refused_and_not_repeated(command: Command) -> None:
    secret = CANARIES["HEX"]
    answers = command.all(
        ["discover", "--connector", "careless", f"--set=first={secret}"],
        ["init", "numbers", "-w", "parquet", f"--set=password={secret}", "--json"],
    )

    assert [answer.code for answer in answers] == [10, 2], [str(one) for one in answers]
    for answer in answers:
        assert hits(answer.out + answer.err) == [], str(answer)


def test_on_a_terminal(command: Command, work: WorkFolder) -> None:
    """Rich tables wrap long texts; a secret must not come through in pieces either."""
    commands = []
    for how in ("noise", "raises_ours", "items", "names"):
        work.write_job(job_of(how, how=how), f"{how}.yaml")
        verb = {"items": "check", "names": "discover"}.get(how, "run")
        commands.append([verb, "-c", f"{how}.yaml", "--debug"])
    for arguments in commands:
        shown = on_terminal(command, arguments)

        assert hits(shown, is_wrapped=True) == [], arguments
        assert b"****" in shown


def on_terminal(command: Command, arguments: Sequence[str]) -> bytes:
    """Run a command on a terminal of 60 columns and return what that has shown."""
    leader, follower = pty.openpty()
    environment = command.environment() | {"TERM": "xterm-256color", "COLUMNS": "60"}
    process = subprocess.Popen(
        [sys.executable, "-m", "dativo", *arguments],
        cwd=command.folder,
        env=environment,
        stdin=follower,
        stdout=follower,
        stderr=follower,
        start_new_session=True,
    )
    os.close(follower)
    shown, deadline = b"", time.monotonic() + 60
    try:
        while time.monotonic() < deadline:
            if select.select([leader], [], [], 0.2)[0]:
                try:
                    data = os.read(leader, 65536)
                except OSError:
                    break
                if not data:
                    break
                shown += data
        process.wait(10)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(leader)
    return shown


class Watch:
    """Notes what the system shows of a process and its children while they live."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self.arguments: set[str] = set()
        self.environments: list[dict[str, str]] = []
        self.children: set[int] = set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join(10)

    def _look(self) -> None:
        while not self._ended.wait(0.02):
            try:
                children = self._process.children(recursive=True)
            except psutil.Error:
                return
            for process in (self._process, *children):
                try:
                    self.arguments.add(shlex.join(process.cmdline()))
                    if process is not self._process and process.pid not in self.children:
                        if process.cmdline()[:1] == self._process.cmdline()[:1]:
                            continue  # forked, and not yet another program
                        self.environments.append(process.environ())
                        self.children.add(process.pid)
                except psutil.Error:
                    continue


def test_what_the_system_shows_of_the_processes(command: Command, work: WorkFolder) -> None:
    given = []
    for name, secret in CANARIES.items():
        file = work.path / f"{name}.txt"
        file.write_text(secret)
        file.chmod(0o600)
        given.append(file)
    names = {"first": "PUNCTUATION", "second": "HEX", "third": "PEM"}
    config = {key: f"${{file:{name}.txt}}" for key, name in names.items()}
    bare = attrs.evolve(command, variables={"MARK": "given"})
    work.write_job(job_of(how="children", **config))
    process = bare.start("run", "--json")
    with Watch(process.pid) as watch:
        answer = bare.finish(process)

    assert answer.code == 0, str(answer)
    assert watch.children
    for line in watch.arguments:
        assert hits(line) == []
    expected = without_coverage(bare.environment())
    for environment in watch.environments:
        assert hits(json.dumps(environment)) == []
        assert without_coverage(environment) == expected


def without_coverage(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if "COV" not in name}


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_modes_of_all_files(command: Command, work: WorkFolder, umask: int) -> None:
    """Also those of a run that was killed, and of what lies in the folder for temporary files."""
    loose = attrs.evolve(command, umask=umask)
    job = job_of()
    job["source"] = {"connector": "numbers", "config": {"rows": 5000, "delay_seconds": 0.02}}
    job["streams"] = [{"name": "numbers", "mode": "incremental"}]
    job["writer"]["config"]["path"] = "./lake"
    job["run"]["epoch_rows"] = 50
    work.write_job(job)
    with loose.running("run") as process:
        deadline = time.monotonic() + 30
        while not list(work.lake.glob("numbers/epoch-*")):
            assert time.monotonic() < deadline, "nothing was published"
            time.sleep(0.02)
        process.kill()
        process.wait(10)
    private(work.path / ".dativo")
    private(work.lake)
    for folder in (work.path.parent / "temporary").glob("dativo*"):
        private(folder)
    job["source"]["config"] = {"rows": 5000, "batch_rows": 500}
    work.write_job(job)
    loose("run", code=0)
    private(work.path / ".dativo")
    private(work.lake)


def private(folder: Path) -> None:
    assert folder.exists()
    found = {
        str(path): oct(stat.S_IMODE(path.lstat().st_mode)) for path in (folder, *folder.rglob("*"))
    }
    expected = {path: "0o700" if Path(path).is_dir() else "0o600" for path in found}
    assert found == expected


# --- a real source --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def database(postgres_server: EmbeddedPostgres) -> Iterator[Address]:
    """A database with one role for each canary, which is its password."""
    address = postgres_server.create_database("secrets_shop")
    address.execute("CREATE TABLE things AS SELECT i AS id FROM generate_series(1, 10) i")
    for name, secret in CANARIES.items():
        role = f"role_{name.lower()}"
        quoted = secret.replace("'", "''")
        address.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{quoted}'")
        address.execute(f"GRANT SELECT ON things TO {role}")
    yield address
    for name in CANARIES:
        address.execute(f"DROP OWNED BY role_{name.lower()}; DROP ROLE role_{name.lower()}")
    postgres_server.drop_database("secrets_shop")


def postgres_job(name: str, address: Address, canary: str, **config: Any) -> dict[str, Any]:
    settings = {
        "host": address.host,
        "port": address.port,
        "database": address.database,
        "user": f"role_{canary.lower()}",
        "password": f"${{env:{canary}}}",
        **config,
    }
    return {
        "name": name,
        "source": {"connector": "postgres", "config": settings},
        "streams": [{"name": "public.things", "mode": "full"}],
        "writer": {"connector": "parquet", "config": {"path": f"./lake/{name}"}},
        "run": {"retries": 0},
    }


POSTGRES_MODES = {
    "check": ("--debug",),
    "run": ("--json", "--debug", "--verbose"),
    "discover": ("--verbose",),
    "preview": ("--json", "--debug"),
}


def of_postgres(
    command: Command,
    work: WorkFolder,
    address: Address,
    canary: str,
    *,
    verbs: Sequence[str] = ("check", "run"),
    **config: Any,
) -> list[Answer]:
    commands = []
    for verb in verbs:
        name = f"{verb}_{canary}"
        work.write_job(postgres_job(name, address, canary, **config), f"{name}.yaml")
        commands.append([verb, "-c", f"{name}.yaml", *POSTGRES_MODES[verb]])
    answers = command.all(*commands)
    nothing_shows(answers, work)
    return answers


@pytest.mark.postgres
@pytest.mark.parametrize("canary", CANARIES)
def test_postgres_takes_every_canary_as_a_password(
    command: Command, work: WorkFolder, database: Address, canary: str
) -> None:
    answers = of_postgres(command, work, database, canary)

    assert [answer.code for answer in answers] == [0, 0], [str(one) for one in answers]


@pytest.mark.postgres
@pytest.mark.parametrize("canary", CANARIES)
def test_postgres_refuses_it(
    command: Command, work: WorkFolder, database: Address, canary: str
) -> None:
    user = "role_pem" if canary != "PEM" else "role_hex"

    verbs = tuple(POSTGRES_MODES) if canary == "PUNCTUATION" else ("check", "run")
    answers = of_postgres(command, work, database, canary, verbs=verbs, user=user)

    assert {answer.code for answer in answers} == {20}


@pytest.mark.postgres
def test_postgres_cannot_be_reached(command: Command, work: WorkFolder, database: Address) -> None:
    answers = [
        *of_postgres(command, work, database, "PUNCTUATION", host="nowhere.invalid"),
        *of_postgres(
            command, work, database, "PEM", verbs=("discover", "preview"), host="nowhere.invalid"
        ),
    ]

    assert {answer.code for answer in answers} == {22}


@pytest.mark.postgres
def test_postgres_fails_in_tls(
    command: Command, work: WorkFolder, database: Address, tmp_path: Path
) -> None:
    folder = tmp_path / "tls"
    folder.mkdir()
    files = Certificate.make(folder)
    with TlsFront(database, files) as front:
        port = front.address.port
        answers = of_postgres(
            command, work, database, "PUNCTUATION", port=port, sslmode="verify-full"
        )

    assert {answer.code for answer in answers} == {20}, [str(one) for one in answers]


@pytest.mark.postgres
def test_a_secret_in_the_host(command: Command, work: WorkFolder, database: Address) -> None:
    """Where a person put it by mistake, and it is a secret elsewhere in the job too."""
    answers = of_postgres(command, work, database, "HEX", host="db-${env:HEX}.invalid")

    assert {answer.code for answer in answers} == {22}
