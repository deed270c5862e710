from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import attrs
import pytest

from dativo.config import Node, Origin, ProblemList, parse_yaml, structure
from dativo.contract import Secret, Url, setting

FOLDER = Path("/project")
SECRET = "hunter2-or-so"


class Speed(StrEnum):
    SLOW = "slow"
    FAST = "fast"


@attrs.frozen
class Inner:
    size: int = setting("A size.")
    note: str = setting("A note.", default="")


@attrs.frozen
class Other:
    left: int = setting("Left.")
    right: int = setting("Right.")


@attrs.frozen
class Config:
    host: str = setting("The server.", default="localhost")
    port: int = setting("The port.", default=1, minimum=1, maximum=65535)
    ratio: float = setting("A share.", default=0.5, minimum=0.25)
    flag: bool = setting("On or off.", default=False)
    password: Secret | None = setting("The password.", default=None, pattern="[a-z0-9-]+")
    path: Path = setting("A folder.", default=Path("lake"))
    speed: Speed = setting("How fast.", default=Speed.SLOW)
    level: Literal["low", 1, True] = setting("A level.", default="low")
    names: tuple[str, ...] = setting("Names.", default=())
    secrets: Mapping[str, Secret] = setting("Secrets.", factory=dict)
    inner: Inner | None = setting("More.", default=None)
    many: tuple[Inner, ...] = setting("Even more.", default=())
    either: Inner | Other | None = setting("One of two.", default=None)
    loose: int | str = setting("Number or text.", default=0)
    token: Secret | int = setting("Secret or number.", default=0)
    anything: Any = setting("Whatever.", default=None)
    place: Url | Path | None = setting("A URL or a folder.", default=None)
    code: str = setting("A code.", default="ab", pattern="[a-z]{2}")
    nothing: None = setting("Nothing.", default=None)
    plain: int = attrs.field(default=5)
    hidden: int = attrs.field(default=7, init=False)


def node_of(text: str, **environ: str) -> Node:
    problems = ProblemList()
    node = parse_yaml(text.encode(), Origin("job.yaml", FOLDER, environ), problems)
    assert node is not None, problems.problems
    return node


def read(text: str, **environ: str) -> Config:
    problems = ProblemList()
    found = structure(node_of(text, **environ), Config, collect=problems)
    assert problems.problems == ()
    assert found is not None
    return found


def wrong(text: str, cls: type = Config, **environ: str) -> list[str]:
    problems = ProblemList()
    assert structure(node_of(text, **environ), cls, collect=problems) is None
    return [str(problem) for problem in problems.problems]


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("host: example.org", "host", "example.org"),
        ("host: '5'", "host", "5"),
        ("host: no", "host", "no"),
        ("host: 2026-01-01", "host", "2026-01-01"),
        ("host: |\n  a\n  b\n", "host", "a\nb\n"),
        ("port: 5432", "port", 5432),
        ("port: 0x1F", "port", 31),
        ("port: 0o17", "port", 15),
        ("port: 0012", "port", 12),
        ("port: +12", "port", 12),
        ("ratio: 2", "ratio", 2.0),
        ("ratio: 1e3", "ratio", 1000.0),
        ("ratio: .5", "ratio", 0.5),
        ("flag: true", "flag", True),
        ("flag: FALSE", "flag", False),
        ("password: hunter2", "password", Secret("hunter2")),
        ("password: null", "password", None),
        ("path: data", "path", FOLDER / "data"),
        ("path: ../data", "path", FOLDER / "../data"),
        ("path: /data", "path", Path("/data")),
        ("path: ~/data", "path", Path.home() / "data"),
        ("path: ~nobody-has-this-name/data", "path", FOLDER / "~nobody-has-this-name/data"),
        ("{}", "path", FOLDER / "lake"),
        ("speed: fast", "speed", Speed.FAST),
        ("level: low", "level", "low"),
        ("level: 1", "level", 1),
        ("names: [a, b]", "names", ("a", "b")),
        ("names: []", "names", ()),
        ("secrets: {a: x}", "secrets", {"a": Secret("x")}),
        ("inner: {size: 1}", "inner", Inner(size=1)),
        ("inner: ~", "inner", None),
        ("many:\n- size: 1\n- {size: 2}", "many", (Inner(size=1), Inner(size=2))),
        ("either: {left: 1, right: 2}", "either", Other(left=1, right=2)),
        ("either: {size: 1}", "either", Inner(size=1)),
        ("loose: 5", "loose", 5),
        ("loose: five", "loose", "five"),
        ("loose: '5'", "loose", "5"),
        ("token: 5", "token", 5),
        ("anything: [1, {a: 1.5}, yes]", "anything", (1, {"a": 1.5}, "yes")),
        ("anything: {a: ~, b: true}", "anything", {"a": None, "b": True}),
        ("code: xy", "code", "xy"),
        ("plain: 6", "plain", 6),
        ("nothing: ~", "nothing", None),
    ],
)
def test_a_value_is_read_as_its_field_says(text: str, name: str, value: object) -> None:
    found = getattr(read(text), name)

    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("host: 5", "job.yaml:1:7 host: expected a text, got 5 (put it in quotes)"),
        ("host: true", "expected a text, got true (put it in quotes)"),
        ("host: null", "expected a text, got nothing"),
        ("host: [a]", "expected a text, got a list"),
        ("host: {a: b}", "expected a text, got a mapping"),
        ("port: abc", "port: expected an integer, got 'abc'"),
        ("port: '5432'", "expected an integer, got the text '5432' (remove the quotes)"),
        ("port: 1.5", "expected an integer, got 1.5"),
        ("port: true", "expected an integer, got true"),
        ("port: 1_000", "expected an integer, got '1_000'"),
        ("port: 0", "expected at least 1, got 0"),
        ("port: 65536", "expected at most 65535, got 65536"),
        (f"port: {'9' * 200}", "port: expected an integer, got 999999"),
        ("ratio: abc", "expected a number, got 'abc'"),
        ("ratio: .nan", "expected a number, got .nan"),
        ("ratio: -.inf", "expected a number, got -.inf"),
        ("ratio: 1e999", "expected a number, got 1e999"),
        ("ratio: true", "expected a number, got true"),
        ("ratio: 0.1", "expected at least 0.25, got 0.1"),
        ("flag: yes", "expected true or false, got 'yes' (write true or false)"),
        ("flag: 1", "expected true or false, got 1"),
        ("flag: 'true'", "got the text 'true' (remove the quotes)"),
        ("path: 5", "expected a path, got 5 (put it in quotes)"),
        ("path: ''", "expected a path, got ''"),
        ("speed: fsat", "expected one of 'slow', 'fast', got 'fsat' (did you mean 'fast'?)"),
        ("speed: 5", "expected one of 'slow', 'fast', got 5"),
        ("speed: [fast]", "expected one of 'slow', 'fast', got a list"),
        ("level: 2", "expected one of 'low', 1, True, got 2"),
        ("level: 1.0", "expected one of 'low', 1, True, got 1.0"),
        ("names: a", "expected a list, got a single value (write [a, b]"),
        ("names: ~", "expected a list, got nothing"),
        ("names: [a, 5]", "job.yaml:1:12 names[1]: expected a text, got 5"),
        ("secrets: [a]", "secrets: expected a mapping, got a list"),
        ("secrets: {a: 5}", "secrets.a: expected a text, got an integer (put it in quotes)"),
        ("inner: 5", "inner: expected a mapping, got a single value (its keys: size, note, ...)"),
        ("inner: {}", "inner.size: is missing (A size.)"),
        ("many: [{}]", "many[0].size: is missing (A size.)"),
        ("either: {size: a}", "either.size: expected an integer, got 'a'"),
        ("loose: true", "expected an integer or a text, got true"),
        ("loose: [a]", "expected an integer, got a list"),
        ("token: true", "expected a text or an integer, got a boolean"),
        ("code: abc", "expected a text that matches [a-z]{2}, got 'abc'"),
        ("nothing: a", "expected nothing, got 'a'"),
        ("hots: a", "job.yaml:1:1 hots: unknown key (did you mean 'host'?)"),
        ("hidden: 5", "hidden: unknown key"),
        ("'a b': 5", "'a...': unknown key"),
        ("{port:5}", "'port...': unknown key (a ':' needs a space after it)"),
        ("'a\\x1b': 5", "unknown key"),
    ],
)
def test_what_does_not_fit_is_told_with_its_place(text: str, said: str) -> None:
    (problem,) = wrong(text)

    assert said in problem


def test_several_keys_of_a_small_class_are_listed() -> None:
    (problem,) = wrong("{size: 1, zzz: 2}", Inner)

    assert problem == "job.yaml:1:11 zzz: unknown key (known: note, size)"


def test_a_dash_in_a_key_is_near_an_underscore() -> None:
    @attrs.frozen
    class Keys:
        api_key: str = setting("The key.", default="")

    assert "did you mean 'api_key'?" in wrong("API-Key: x", Keys)[0]


def test_an_empty_section_is_a_section_without_keys() -> None:
    found = structure(node_of("note:").entries[0].value, Config, collect=ProblemList())

    assert found is not None
    assert found.host == "localhost"


def test_a_section_that_is_no_mapping_is_told() -> None:
    @attrs.frozen
    class Nothing:
        pass

    assert wrong("[a]", Nothing) == ["job.yaml:1:1 expected a mapping, got a list"]


def test_a_type_that_no_setting_can_have_is_a_bug_of_the_connector() -> None:
    @attrs.frozen
    class Broken:
        x: complex = setting("No.")

    with pytest.raises(TypeError):
        structure(node_of("x: 5"), Broken, collect=ProblemList())


def test_a_validator_of_the_class_is_a_problem_of_the_section() -> None:
    @attrs.frozen
    class Checked:
        password: Secret = setting("The password.")
        host: str = setting("The server.")

        def __attrs_post_init__(self) -> None:
            raise ValueError(f"bad {self.password.reveal()} at\n{self.host}")

    found = wrong("password: hunter22\nhost: ${env:HOST}", Checked, HOST="inner.example.org")

    assert found == ["job.yaml:1:1 bad **** at ****"]


def test_a_validator_without_words_is_named() -> None:
    @attrs.frozen
    class Checked:
        def __attrs_post_init__(self) -> None:
            raise AssertionError

    assert wrong("{}", Checked) == ["job.yaml:1:1 AssertionError"]


def test_a_private_field_is_given_by_its_name() -> None:
    @attrs.frozen
    class Private:
        _size: int = attrs.field()

    found = structure(node_of("_size: 5"), Private, collect=ProblemList())

    assert found is not None
    assert found._size == 5


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("port: ${env:X}", "port", 5432),
        ("port: '${env:X}'", "port", 5432),
        ("ratio: ${env:X}", "ratio", 5432.0),
        ("host: ${env:X}", "host", "5432"),
        ("password: ${env:X}", "password", Secret("5432")),
        ("path: ${env:X}", "path", FOLDER / "5432"),
        ("loose: ${env:X}", "loose", 5432),
        ("anything: ${env:X}", "anything", 5432),
        ("names: ['${env:X}', 'a${env:X}b']", "names", ("5432", "a5432b")),
        ("host: a${env:X}", "host", "a5432"),
        ("host: a$${env:X}", "host", "a${env:X}"),
        ("host: $${", "host", "${"),
        ("host: ${env:X}${env:X}", "host", "54325432"),
        ("host: $X $5 {env:X}", "host", "$X $5 {env:X}"),
    ],
)
def test_a_reference_is_read_as_its_field_says(text: str, name: str, value: object) -> None:
    assert getattr(read(text, X="5432"), name) == value


def test_a_reference_may_choose() -> None:
    assert read("speed: ${env:X}", X="fast").speed is Speed.FAST
    assert read("level: ${env:X}", X="1").level == 1
    assert read("flag: ${env:X}", X="true").flag is True


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("port: ${env:X}", "expected an integer, got a text from a reference"),
        ("port: 5${env:X}", "expected an integer, got a text from a reference"),
        ("ratio: ${env:X}", "expected a number, got a text from a reference"),
        ("flag: ${env:X}", "expected true or false, got a text from a reference"),
        ("speed: ${env:X}", "expected one of 'slow', 'fast', got a text from a reference"),
        ("code: ${env:X}", "expected a text that matches [a-z]{2}, got a text from a reference"),
        ("password: '${env:X} '", "expected a text that matches [a-z0-9-]+, got a text"),
        ("names: ${env:X}", "expected a list, got a single value"),
        ("inner: ${env:X}", "expected a mapping, got a single value"),
        ("secrets: ${env:X}", "expected a mapping, got a single value"),
        ("port: ${env:GONE}", "the environment variable 'GONE' is not set (export GONE=...)"),
        ("loose: ${env:GONE}", "the environment variable 'GONE' is not set"),
        ("host: ${env:}", "the environment variable '' is not set"),
        ("host: ${GONE}", "a reference needs a kind (write ${env:GONE} for an environment"),
        ("host: '${}'", "a reference needs a kind"),
        ("host: ${vault:X}", "unknown kind of reference 'vault' (known: env, file)"),
        ("host: ${evn:X}", "unknown kind of reference 'evn' (did you mean 'env'?)"),
        ("host: ${env:X", "a reference is not closed (write $${ for the text ${)"),
        ("host: '${env:${env:X}}'", "a reference is not closed"),
        ("host: ${env:BAD}", "the value of 'env:BAD' is not text in UTF-8"),
    ],
)
def test_a_reference_that_fails_shows_no_value(text: str, said: str) -> None:
    problems = wrong(text, X=SECRET, BAD="a\udcff")

    assert said in problems[0]
    assert SECRET not in "".join(problems)


def test_every_secret_is_learned_even_from_a_section_that_fails() -> None:
    text = """
password: literal-secret
secrets: {a: "post://u:${env:X}@h"}
token: 5
port: wrong
"""
    node = node_of(text, X=SECRET)

    assert structure(node, Config, collect=ProblemList()) is None
    shown = node.origin.redactor.redact(f"literal-secret post://u:{SECRET}@h {SECRET}")

    assert shown == "**** **** ****"


@pytest.mark.parametrize(
    "text",
    [
        f"password: [{SECRET}]",
        f"password: {{{SECRET}: 1}}",
        f"password: '{SECRET} !'",
        f"secrets: {SECRET}",
        f"secrets: [{SECRET}]",
        f"token: [{SECRET}]",
        f"inner: {SECRET}",
        f"names: {SECRET}",
        f"{{password:{SECRET}}}",
        f"{{password={SECRET}}}",
        f"{{password:{SECRET}, 'x {SECRET}': 5}}",
        "password: 123456789",
        "password: 12345.6789",
    ],
)
def test_a_problem_with_a_secret_does_not_show_it(text: str) -> None:
    shown = "".join(wrong(text))

    assert SECRET not in shown
    assert "12345" not in shown


def test_a_number_in_place_of_a_secret_is_learned() -> None:
    node = node_of("password: 123456789")
    structure(node, Config, collect=ProblemList())

    assert node.origin.redactor.redact("x 123456789") == "x ****"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("s3://bucket/a/b", Url("s3://bucket/a/b")),
        ("${env:PLACE}", Url("gs://bucket")),
        ("./lake", FOLDER / "lake"),
        ("s3:/bucket", FOLDER / "s3:/bucket"),
        ("'a://b c'", FOLDER / "a:/b c"),
    ],
)
def test_a_place_is_a_url_or_a_path(text: str, place: object) -> None:
    found = read(f"place: {text}", PLACE="gs://bucket").place

    assert (type(found), found) == (type(place), place)


def test_what_is_neither_a_url_nor_a_path_is_told() -> None:
    assert wrong("place: 5") == ["job.yaml:1:8 place: expected a URL or a path, got 5"]


@attrs.frozen
class Untyped:
    anything: Mapping[str, Any] = setting("Whatever it is.")


def test_what_a_value_without_a_type_refers_to_is_hidden() -> None:
    node = node_of(
        "anything: {host: db, password: 'p=${env:TOKEN}', more: ['${env:OTHER}']}",
        TOKEN=SECRET,
        OTHER="an0ther-s3cret",
    )

    found = structure(node, Untyped, collect=ProblemList())

    assert found == Untyped(
        anything={"host": "db", "password": f"p={SECRET}", "more": ("an0ther-s3cret",)}
    )
    assert node.origin.redactor.redact(f"db {SECRET} an0ther-s3cret") == "db **** ****"


def test_a_reference_in_a_value_without_a_type_may_lead_nowhere() -> None:
    assert wrong("anything: {a: '${env:GONE}'}", Untyped) != []
