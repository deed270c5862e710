"""The fake against the types of the official SDK, which Stripe generates from its specification."""

from __future__ import annotations

import sys
import types
import typing
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
import stripe
import stripe.checkout
import stripe.params
import stripe.params.checkout
import stripe.test_helpers
import typing_extensions
from stripe._list_object import ListObject
from stripe._request_options import RequestOptions
from stripe._stripe_object import UntypedStripeObject

from dativo_test_support.stripe import KINDS, FakeStripe, Refusal
from dativo_test_support.stripe.parameters import Given

_CLASSES = {
    "checkout.session": "Session",
    "invoiceitem": "InvoiceItem",
    "line_item": "InvoiceLineItem",
}
_PAGING = {"ending_before", "expand", "limit", "starting_after"}


class _Names(dict[str, object]):
    """The names that annotations of a class may use; the SDK imports them for checkers alone."""

    def __init__(self, owner: type) -> None:
        super().__init__(vars(owner))
        self.own = sys.modules[owner.__module__]

    def __missing__(self, name: str) -> object:
        for module in (self.own, typing, stripe, stripe.checkout, stripe.test_helpers):
            for alias in (name, name.removesuffix("Resource")):
                if hasattr(module, alias):
                    return getattr(module, alias)
        # Kinds of objects that the fake has none of: their modules are imported for checkers alone.
        return Any


def _hints(owner: Any) -> dict[str, Any]:
    found = typing.get_type_hints(owner, localns=_Names(owner))
    return {name: hint for name, hint in found.items() if not name.startswith(("_", "OBJECT_NAME"))}


def _class(kind: str) -> Any:
    name = _CLASSES.get(kind) or "".join(part.title() for part in kind.split("_"))
    module: Any = stripe.checkout if kind == "checkout.session" else stripe
    return getattr(module, name)


def _fields(owner: Any) -> dict[str, Any]:
    inherited = set(_hints(stripe.StripeObject))
    return {name: hint for name, hint in _hints(owner).items() if name not in inherited}


def _is_none_allowed(hint: Any) -> bool:
    return type(None) in typing.get_args(hint)


def _problems(value: Any, hint: Any, path: str) -> Iterator[str]:
    """Tell where *value* is not as *hint* says."""
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        found = [list(_problems(value, one, path)) for one in inner]
        if all(found):
            # Of several kinds of objects, the one that it says it is.
            yield min(found, key=len)[0]
    elif origin is typing.Literal:
        if value not in inner:
            yield f"{path}: {value!r} is none of {inner}"
    elif origin is list:
        if not isinstance(value, list):
            yield f"{path}: no list"
            return
        for number, one in enumerate(value):
            yield from _problems(one, inner[0], f"{path}.{number}")
    elif hint is not Any:
        yield from _wrong_object(value, origin or hint, inner, path)


def _wrong_object(value: Any, kind: type, inner: tuple[Any, ...], path: str) -> Iterator[str]:
    scalars: dict[type, type | tuple[type, ...]] = {
        int: int,
        str: str,
        bool: bool,
        float: (int, float),
        type(None): type(None),
        Decimal: str,
    }
    if kind in scalars:
        if not isinstance(value, scalars[kind]) or (isinstance(value, bool) and kind is not bool):
            yield f"{path}: {value!r} is no {kind.__name__}"
    elif not isinstance(value, dict):
        yield f"{path}: {value!r} is no {kind.__name__}"
    elif kind is ListObject:
        if value.keys() != {"object", "data", "has_more", "url"} or value["object"] != "list":
            yield f"{path}: no list object"
        yield from _problems(value["data"], list[inner[0]], f"{path}.data")  # type: ignore[valid-type]
    elif kind is UntypedStripeObject:
        for name, one in value.items():
            yield from _problems(one, inner[0], f"{path}.{name}")
    elif kind is not dict:
        hints = _fields(kind)
        yield from (f"{path}.{name}: unknown" for name in value.keys() - hints.keys())
        for name, hint in hints.items():
            if name in value:
                yield from _problems(value[name], hint, f"{path}.{name}")
            elif not _is_none_allowed(hint):
                yield f"{path}.{name}: missing"


@pytest.fixture(scope="module")
def fake() -> FakeStripe:
    """A fake with enough objects of every kind for all of their variants; it is not started."""
    fake = FakeStripe(seed=7)
    for kind in KINDS:
        if kind not in {"event", "line_item", "subscription_item"}:
            fake.add_many(kind, 60)
    links = {"invoice": fake.ids("invoice"), "subscription": fake.ids("subscription")}
    for kind, parent in (("line_item", "invoice"), ("subscription_item", "subscription")):
        fake.add_many(kind, 60, links={parent: links[parent]})
    for kind in KINDS:
        if kind != "event":
            fake.update(fake.ids(kind)[0], object=kind)
            parent = KINDS[kind].parent
            given: dict[str, Any] = {parent: fake.ids(parent)[0]} if parent else {}
            fake.add(kind, **given)
    return fake


@pytest.mark.parametrize("kind", KINDS)
def test_objects_have_the_fields_and_types_of_the_sdk(fake: FakeStripe, kind: str) -> None:
    found = {
        problem
        for key in fake.ids(kind)
        for problem in _problems(fake.read(key), _class(kind), kind)
    }

    assert fake.ids(kind)
    assert found == set()


@pytest.mark.parametrize("kind", KINDS)
def test_what_may_be_expanded_is_so_in_the_sdk(kind: str) -> None:
    hints = _fields(_class(kind))

    assert set(KINDS[kind].expands) <= hints.keys()
    for name in KINDS[kind].expands:
        parts = [typing.get_origin(one) or one for one in typing.get_args(hints[name])]
        assert str in parts, name
        assert any(isinstance(one, type) and hasattr(one, "OBJECT_NAME") for one in parts), name


def test_all_types_of_events_are_in_the_sdk() -> None:
    known = typing.get_args(_hints(stripe.Event)["type"])
    used = {
        event
        for kind in KINDS.values()
        for event in (kind.created_event, kind.updated_event, kind.deleted_event)
        if event
    }

    assert used <= set(known)


def _accepted(kind: str) -> set[str]:
    created = {"created"} if KINDS[kind].has_created_filter else set()
    return {*KINDS[kind].parameters, *created, *_PAGING}


def _list_params(kind: str) -> Any:
    if kind == "checkout.session":
        return stripe.params.checkout.SessionListParams
    return getattr(stripe.params, f"{_class(kind).__name__}ListParams")


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_takes_exactly_the_parameters_of_the_sdk(kind: str) -> None:
    legal = set(_hints(_list_params(kind))) - set(_hints(RequestOptions))

    assert _accepted(kind) == legal


def test_the_payment_methods_of_a_customer_take_exactly_the_parameters_of_the_sdk() -> None:
    legal = set(_hints(stripe.params.CustomerPaymentMethodListParams))
    legal -= set(_hints(RequestOptions))
    with FakeStripe() as fake:
        url = f"{fake.url}/v1/customers/{fake.add('customer')['id']}/payment_methods"
        refused = {
            name
            for name in {*legal, *_accepted("payment_method")}
            if _code(httpx.get(url, params={name: "x"}, auth=(fake.key, ""))) == "parameter_unknown"
        }

    assert refused == {"customer", "customer_account"}
    assert not refused & legal


def _code(answer: httpx.Response) -> object:
    return answer.json().get("error", {}).get("code")


@pytest.mark.parametrize("kind", KINDS)
def test_fixed_values_of_parameters_are_those_of_the_sdk(kind: str) -> None:
    hints = _hints(_list_params(kind))
    for name, read in KINDS[kind].parameters.items():
        legal = {value for value in _literals(hints[name]) if isinstance(value, str)}
        if legal:
            with pytest.raises(Refusal, match="must be one of") as refused:
                read(_given(name, "nothing of the kind"))
            assert set(refused.value.message.partition("one of ")[2].split(", ")) == legal


def test_parameters_in_brackets_are_those_of_the_sdk() -> None:
    nested = [
        (kind, name)
        for kind, parameters in ((one.name, one.parameters) for one in KINDS.values())
        for name in parameters
        if any(
            typing_extensions.is_typeddict(part)
            for part in _parts(_hints(_list_params(kind))[name])
        )
    ]
    for kind, name in nested:
        parts = _parts(_hints(_list_params(kind))[name])
        inner = {
            key for part in parts if typing_extensions.is_typeddict(part) for key in _hints(part)
        }
        read = KINDS[kind].parameters[name]
        refused = set()
        for key in (*inner, "gt", "nothing"):
            try:
                read(Given(name, (((key,), "1"),)))
            except Refusal as refusal:
                if refusal.code == "parameter_unknown":
                    refused.add(key)

        assert refused == {"gt", "nothing"} - inner, (kind, name)

    assert nested


def _parts(hint: Any) -> tuple[Any, ...]:
    inner = typing.get_args(hint)
    if typing.get_origin(hint) is typing.NotRequired:
        return _parts(inner[0])
    return inner if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)


def _literals(hint: Any) -> tuple[Any, ...]:
    return tuple(
        value
        for part in _parts(hint)
        if typing.get_origin(part) is typing.Literal
        for value in typing.get_args(part)
    )


def _given(name: str, value: str) -> Given:
    return Given(name, (((), value),))
