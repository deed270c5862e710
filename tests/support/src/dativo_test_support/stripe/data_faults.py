"""Answers whose objects are not as the documents say: other numbers, values and fields."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from dativo_test_support.stripe.exchange import Answer, Request
from dativo_test_support.stripe.script import Answers, Fault

__all__ = ["changed", "large_numbers", "lost_field", "new_field", "numbers_as_text", "other_value"]

_LARGEST = 2**63 - 1


def changed(change: Callable[[dict[str, Any]], object]) -> Fault:
    """Change each object of the answer in place; errors stay as they are."""

    def fault(request: Request, answers: Answers) -> Answer:
        answer = answers(request)
        body = json.loads(answer.body)
        if answer.status == HTTPStatus.OK:
            for one in body["data"] if body.get("object") == "list" else [body]:
                change(one)
            answer.body = json.dumps(body, indent=2, ensure_ascii=False).encode() + b"\n"
        return answer

    return fault


def other_value(field: str, value: object) -> Fault:
    """Give a field another value, such as a `status` that nobody has heard of."""
    return changed(lambda one: one.update({field: value}))


def large_numbers(*fields: str) -> Fault:
    """Let fields be the largest integer of 64 bits."""
    return changed(lambda one: one.update(dict.fromkeys(fields, _LARGEST)))


def numbers_as_text(*fields: str) -> Fault:
    """Write numbers as texts."""
    return changed(lambda one: one.update({name: str(one[name]) for name in fields if name in one}))


def new_field(field: str, value: object) -> Fault:
    """Let objects have a field that they had not."""
    return other_value(field, value)


def lost_field(field: str) -> Fault:
    """Let objects lack a field."""
    return changed(lambda one: one.pop(field, None))
