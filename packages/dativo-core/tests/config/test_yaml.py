from __future__ import annotations

from pathlib import Path

import pytest

from dativo.config import Node, NodeKind, Origin, ProblemList, parse_yaml
from dativo.config._yaml import MAX_BYTES


def parse(text: str | bytes) -> tuple[Node | None, list[str]]:
    problems = ProblemList()
    data = text.encode() if isinstance(text, str) else text
    node = parse_yaml(data, Origin("job.yaml", Path()), problems)
    return node, [str(problem) for problem in problems.problems]


def test_every_value_knows_its_place() -> None:
    node, problems = parse("a:\n  - b: 1\n    'c d': [x,\n      y]\n")

    assert problems == []
    assert node is not None
    entries = node.entries[0].value.items[0].entries
    places = [(one.value.path, one.value.line, one.value.column) for one in entries]
    assert places == [("a[0].b", 2, 8), ("a[0].'c...'", 3, 12)]
    last = entries[1].value.items[1]
    assert (last.path, last.line, last.column) == ("a[0].'c...'[1]", 4, 7)


def test_a_value_is_quoted_or_not() -> None:
    node, _ = parse("[a, 'a', \"a\", ~, '']")

    assert node is not None
    assert node.kind is NodeKind.SEQUENCE
    assert [item.is_quoted for item in node.items] == [False, True, True, False, True]
    assert [item.is_null for item in node.items] == [False, False, False, True, False]
    assert node.get("a") is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "job.yaml:1:1 the file is empty"),
        ("# x", "job.yaml:1:1 the file is empty"),
        ("a: 1\n\tb: 2", "job.yaml:2:1 a tab cannot be used here (indent with spaces)"),
        ("a: 1\na: 2", "job.yaml:2:1 a: this key is there twice (first in line 1)"),
        ("a: @x", "job.yaml:1:4 a text that starts with '@' needs quotes"),
        ("a: `x`", "job.yaml:1:4 a text that starts with '`' needs quotes"),
        ("a: %x", "job.yaml:1:4 a text that starts with '%' needs quotes"),
        ("a: b: c", "job.yaml:1:5 a ': ' is not expected here (quote text that has a ': ')"),
        ("a: 1\nb\nc: 2", "job.yaml:2:1 a ': ' is missing after this key"),
        ("a: 'x\ny\nz", "job.yaml:1:4 a quote or bracket is not closed"),
        ("a: [x", "a ',' or a closing bracket is missing"),
        ("a: {x", "a ',' or a closing bracket is missing"),
        ("a:\n  b: 1\n c: 2", "job.yaml:3:2 the indentation does not fit what is above"),
        ("a: ]", "a value is expected here"),
        ('a: "\\q"', "an unknown escape after '\\' (use single quotes for '\\')"),
        ("a: *", "a text that starts with '&' or '*' needs quotes"),
        ("a: &x b", "job.yaml:1:4 a: anchors are not supported"),
        ("a: *x", "job.yaml:1:4 a: aliases are not supported"),
        ("a: !!str b", "job.yaml:1:4 a: tags are not supported"),
        ("a: !x [b]", "a: tags are not supported"),
        ("%YAML 1.1\n---\na: 1", "directives such as %YAML are not supported"),
        ("a: 1\n---\nb: 2", "job.yaml:2:1 a job file is one document"),
        ("? [a]\n: b", "a key must be text"),
        ("a: \0", "job.yaml:1:4 a NUL is not allowed in a job file"),
        ("a: 1\nb: \x1b", "job.yaml:2:4 the control character U+001B is not allowed"),
        (b"a: 1\nb: \xff", "job.yaml:2:4 the file is not UTF-8 here"),
        ("a: 1".encode("utf-16"), "job.yaml:1:1 the file is not UTF-8 here"),
        ('a: "\\0"', "job.yaml:1:4 a: a character that no text can have"),
        ('a: "\\ud800"', "a: a character that no text can have"),
        ("[" * 40, "the file is nested deeper than 32 levels"),
        ("a: [" + "1," * 100_000 + "]", "the file has more than 60000 values"),
        ("#" * (MAX_BYTES + 1), "job.yaml:1:1 the file is larger than 256 KB (use patterns"),
        ("a: !<", "job.yaml:1:"),
        ("!a!b c", "undefined tag handle"),
    ],
)
def test_what_is_no_yaml_is_told_with_its_place(text: str | bytes, said: str) -> None:
    node, problems = parse(text)

    assert node is None
    assert said in problems[0]


SECRET = "hunter2xyzzy"


@pytest.mark.parametrize(
    "text",
    [
        f"password: *{SECRET}",
        f"password: &{SECRET} x",
        f"password: !{SECRET} x",
        f"password: !{SECRET}!x y",
        f"password: @{SECRET}",
        f"password: '{SECRET}",
        f"password: {SECRET}: x",
        f"password: [{SECRET}",
        f'password: "{SECRET}\\q"',
        f"password: %{SECRET}\n%{SECRET}",
        f"%{SECRET}\n--- [",
        f"%YAML {SECRET}\n---\n",
        f"%TAG {SECRET}\n---\n",
        f"password: !<{SECRET}",
        f"password: |{SECRET}",
        f"{SECRET}\nb: c",
        f"password: *{SECRET}!",
    ],
)
def test_a_message_never_quotes_the_file(text: str) -> None:
    _, problems = parse(text)

    assert problems
    assert SECRET not in "".join(problems)


def test_a_failure_inside_the_parser_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(**_: object) -> object:
        raise IndexError

    monkeypatch.setattr("dativo.config._yaml.YAML", explode)

    assert parse("a: 1")[1] == ["job.yaml:1:1 this is no YAML that can be read (IndexError)"]
