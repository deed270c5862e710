from __future__ import annotations

from typing import Any

import pytest

from dativo.contract import hookimpl
from dativo.errors import ContractViolationError
from dativo.plugins._origin import Origin
from dativo.plugins._styles import adapted, has_hooks, is_class_style, plugin_of

ORIGIN = Origin(name="acme", distribution="acme-acme", version="1.0.0")


class Hooks:
    @hookimpl
    def describe(self) -> None: ...


class Reads:
    def extract(self) -> None: ...


class Writes:
    def write_batch(self) -> None: ...


def test_hooks_carry_a_mark() -> None:
    assert has_hooks(Hooks)
    assert has_hooks(Hooks())
    assert not has_hooks(Reads)
    assert not has_hooks(5)


def test_the_class_style_is_known_by_its_methods() -> None:
    assert is_class_style(Reads)
    assert is_class_style(Writes)
    assert not is_class_style(Reads())
    assert not is_class_style(Hooks)


def test_an_instance_is_taken_as_it_is_and_a_class_is_made() -> None:
    instance = Hooks()

    assert plugin_of(ORIGIN, instance).hooks is instance
    assert isinstance(plugin_of(ORIGIN, Hooks).hooks, Hooks)


@pytest.mark.parametrize("found", [Hooks, Reads(), 5, None])
def test_contract_0_asks_for_a_class_of_its_style(found: Any) -> None:
    with pytest.raises(ContractViolationError, match="contract 0 asks for a class") as raised:
        adapted(ORIGIN, found)

    assert raised.value.fix == "pip install -U acme-acme, or report it to its publisher."


def test_an_instance_of_the_class_style_has_no_hooks() -> None:
    with pytest.raises(ContractViolationError, match="no hooks"):
        plugin_of(ORIGIN, Reads())
