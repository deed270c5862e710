"""The contract's reference tells everything, and the test that says so can fail."""

from __future__ import annotations

import enum
import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import attrs
import pytest
from doc_contract import Surface, gaps
from doc_pages import page

from dativo.contract import Context, Receipt, hookspecs, lock_holder

TEXT = page("reference/contract.md")
SURFACE = Surface()


def test_every_hook_argument_class_and_field_is_told() -> None:
    assert list(gaps(TEXT, SURFACE)) == []


def _mutants() -> Mapping[str, str]:
    """Return the page without one of its made lines, by that line."""
    made = "".join(re.findall(r"made by docs.*?<!-- end -->", TEXT, re.DOTALL))
    # What is raised is not a part of a signature.
    made = re.sub(r"^\| error \|.*?\n\n", "", made, flags=re.MULTILINE | re.DOTALL)
    lines = re.findall(r"^(?:\| `|### ).*\n", made, re.MULTILINE)
    return {line: TEXT.replace(line, "", 1) for line in lines if TEXT.count(line) == 1}


def test_a_page_that_lacks_any_line_is_found_out() -> None:
    mutants = _mutants()

    survivors = [line for line, text in mutants.items() if not any(gaps(text, SURFACE))]

    assert len(mutants) > 300
    assert survivors == []


@pytest.mark.parametrize(
    ("told", "instead"),
    [
        ("| `state` | The last committed checkpoint of the stream; ", "| `status` | Further "),
        ("| `state` | What `extract` would get. |", "| `state` | |"),
        (
            "state: Checkpoint | None, context: Context) -> Iterator[",
            "state, context) -> Iterator[",
        ),
        ("progress(note: str = '')", "progress(note: str = 'x')"),
        ("Tell the operator *message*", "Tell the operator something"),
        ("| `epoch` | `int` | Counts", "| `epoch` | `str` | Counts"),
        ("| `mode` | `ReadMode`, optional |", "| `mode` | `ReadMode` |"),
        ("`ok(scope: str, message: str = '')", "`ok(scope: str)"),
        ("setting(help: str, *, ", "setting(help: str, "),
    ],
)
def test_a_page_that_says_otherwise_is_found_out(told: str, instead: str) -> None:
    assert told in TEXT

    assert list(gaps(TEXT.replace(told, instead, 1), SURFACE)) != []


def _with(hook: Callable[..., object], **changed: object) -> Callable[..., object]:
    """Return a mutant of *hook* with these parameters and their defaults."""

    def mutant() -> None:
        """Stand in for the hook."""

    signature = inspect.signature(hook)
    parameters = dict(signature.parameters)
    for name, default in changed.items():
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        parameters[name] = inspect.Parameter(name, kind, default=default, annotation="Context")
    mutant.__signature__ = signature.replace(  # type: ignore[attr-defined] # inspect looks there
        parameters=list(parameters.values())
    )
    return mutant


@pytest.mark.parametrize(
    "hooks",
    [
        {"extract": _with(hookspecs.extract, hurry=inspect.Parameter.empty)},
        {"discover": _with(hookspecs.discover, context=None)},
        {"extract_all": hookspecs.extract},
    ],
    ids=["an argument more", "a default", "a hook more"],
)
def test_a_hook_that_the_page_does_not_know_is_found_out(hooks: Mapping[str, Any]) -> None:
    mutant = attrs.evolve(SURFACE, hooks={**SURFACE.hooks, **hooks})

    assert list(gaps(TEXT, mutant)) != []


def test_a_hook_that_is_as_the_page_says_is_no_gap() -> None:
    same = attrs.evolve(SURFACE, hooks={**SURFACE.hooks, "extract": _with(hookspecs.extract)})

    assert list(gaps(TEXT, same)) == []


@attrs.frozen
class Longer(Receipt):
    """A class with a field more."""

    seconds: float = 0.0


class Talking(Context, Protocol):
    """A protocol with a call more."""

    def whisper(self, message: str) -> None:
        """Say *message* in a low voice."""


class Louder(enum.StrEnum):
    """An enumeration with a value more."""

    FULL = "full"
    INCREMENTAL = "incremental"
    TWICE = "twice"


@pytest.mark.parametrize(
    "names",
    [
        {"Receipt": Longer},
        {"Context": Talking},
        {"ReadMode": Louder},
        {"Sequel": Receipt},
        {"file_lock": lock_holder},
    ],
    ids=["field", "call", "value", "name", "signature"],
)
def test_a_name_that_the_page_does_not_know_is_found_out(names: Mapping[str, Any]) -> None:
    mutant = attrs.evolve(SURFACE, names={**SURFACE.names, **names})

    assert list(gaps(TEXT, mutant)) != []
