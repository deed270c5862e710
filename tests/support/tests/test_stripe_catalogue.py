from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from dativo_test_support.stripe import FakeStripe, Step
from dativo_test_support.stripe.catalogue import FATAL, MISLEADING, STRANGE, TRANSIENT


def _charges(client: httpx.Client, **params: str) -> tuple[int, dict[str, Any]] | None:
    """Return the status and what came, or nothing if nothing usable did."""
    try:
        answer = client.get("/v1/charges", params=params)
        return answer.status_code, answer.json()
    except (httpx.HTTPError, json.JSONDecodeError):
        return None


@pytest.mark.parametrize("name", TRANSIENT)
def test_after_a_passing_fault_the_right_answer_comes(name: str) -> None:
    with FakeStripe() as fake:
        ids = fake.add_many("charge", 5)[::-1]
        fake.script = [Step(TRANSIENT[name])]
        with httpx.Client(base_url=fake.url, auth=(fake.key, ""), timeout=0.2) as client:
            first = _charges(client)
            again = _charges(client)
            while again is None:
                again = _charges(client)

    assert first is None or first[0] != 200
    assert [one["id"] for one in again[1]["data"]] == ids


@pytest.mark.parametrize("name", FATAL)
def test_a_fault_for_good_answers_with_an_error(name: str) -> None:
    with FakeStripe() as fake:
        fake.script = [Step(FATAL[name], times=None)]
        with httpx.Client(base_url=fake.url, auth=(fake.key, "")) as client:
            codes = [client.get("/v1/charges").status_code for _ in range(3)]

    assert set(codes) <= {401, 429}


@pytest.mark.parametrize("name", [*MISLEADING, *STRANGE])
def test_a_fault_in_the_data_is_a_right_answer_in_form(name: str) -> None:
    with FakeStripe() as fake:
        ids = fake.add_many("charge", 30)[::-1]
        with httpx.Client(base_url=fake.url, auth=(fake.key, "")) as client:
            usual = client.get("/v1/charges", params={"starting_after": ids[9]})
            fake.script = [Step({**MISLEADING, **STRANGE}[name])]
            other = client.get("/v1/charges", params={"starting_after": ids[9]})

    assert other.status_code == 200
    assert other.json()["has_more"] is True
    assert (other.content, other.headers["date"]) != (usual.content, usual.headers["date"])
