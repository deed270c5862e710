"""An account of Stripe arrives in the lake as it is, run by run."""

from __future__ import annotations

import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import pytest
from canaries import forms
from dativo_command import Answer, Command, WorkFolder
from stripe_shop import OWN_LISTS, Shop, differences, job_of, published

from dativo_connector_stripe._streams import streams
from dativo_test_support.inline import exit_code_of
from dativo_test_support.stripe import FakeStripe

Inline = Callable[..., Answer]

NAMES = tuple(streams())


@pytest.fixture
def fake() -> Iterator[FakeStripe]:
    with FakeStripe(seed=4) as fake:
        yield fake


@pytest.fixture
def dativo(
    work: WorkFolder,
    fake: FakeStripe,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Inline:
    """The command in this process, in the job folder, with the account's key."""
    monkeypatch.chdir(work.path)
    monkeypatch.setenv("STRIPE_KEY", fake.key)

    def run(*words: str, code: int | None = None) -> Answer:
        capfd.readouterr()
        exit_code = exit_code_of(words)
        seen = capfd.readouterr()
        answer = Answer(words, exit_code, seen.out, seen.err)
        assert code in (None, exit_code), str(answer)
        return answer

    return run


def counts(answer: Answer) -> dict[str, tuple[int, int]]:
    """Return how many rows and epochs there were of each stream."""
    return {one["stream"]: (one["rows"], one["epochs"]) for one in answer.document["streams"]}


def test_every_stream_is_the_account_after_each_run(
    work: WorkFolder, fake: FakeStripe, dativo: Inline
) -> None:
    shop = Shop(fake)
    shop.fill(130)
    work.write_job(job_of(fake, NAMES))

    dativo("run", code=0)
    assert differences(fake, work, NAMES) == []

    fake.clock.advance(30)
    second = counts(dativo("run", "--json", code=0))
    before = work.visible()
    fake.clock.advance(30)
    third = counts(dativo("run", "--json", code=0))

    # No list is read again for payment methods, so that events of the last minutes tell them twice.
    assert {name: found for name, found in second.items() if found != (0, 0)} == {
        "payment_methods": (1, 1)
    }
    assert third == dict.fromkeys(NAMES, (0, 0))
    assert work.visible() == before

    for change in (shop.update, shop.delete):
        fake.clock.advance(3600)
        change()
        fake.clock.advance(1)
        dativo("run", code=0)
        assert differences(fake, work, NAMES) == [], change.__name__

    fake.clock.advance(3600)
    fake.account_version = "2020-08-27"
    shop.update()
    late = [name for name in shop.add() if fake.read(name)["object"] in OWN_LISTS]
    for name in late:
        fake.hide_until(name, fake.clock.now + 200)
    fake.clock.advance(1)
    dativo("run", code=0)
    missing = {line.split()[1] for line in differences(fake, work, NAMES)}
    assert missing >= {f"{name}:" for name in late}

    fake.clock.advance(250)
    dativo("run", code=0)
    assert differences(fake, work, NAMES) == []
    assert any(row["_unknown"] for row in published(work, "charges"))


def test_what_is_appended_is_appended_once(
    work: WorkFolder, fake: FakeStripe, dativo: Inline
) -> None:
    chance = random.Random(11)
    names = ("charges", "events")
    work.write_job(job_of(fake, names, mode="append"))
    fake.add_many("charge", 250)
    for _ in range(12):
        for _ in range(chance.randint(0, 6)):
            made = fake.add("charge")["id"]
            if chance.random() < 0.3:
                fake.hide_until(made, fake.clock.now + chance.randint(1, 250))
            fake.clock.advance(chance.choice((0, 0, 1, 30)))
        fake.clock.advance(chance.choice((0, 1, 60, 700)))
        dativo("run", code=0)
    fake.clock.advance(600)
    dativo("run", code=0)

    assert differences(fake, work, names) == []


def test_a_backfill_brings_its_range_and_a_refresh_everything(
    work: WorkFolder, fake: FakeStripe, dativo: Inline
) -> None:
    work.write_job(job_of(fake, ["charges"]))
    day, last = 86_400, fake.clock.now
    old, inside, young = (
        fake.add("charge", created=last - days * day)["id"] for days in (90, 60, 30)
    )
    dativo("run", code=0)
    state = checkpoint(dativo)
    for name in (old, inside, young):
        fake.update(name, event="", description="told by nobody")

    dativo("run", "--from", "2026-08-15", "--to", "2026-09-15", code=0)
    changed = [row["id"] for row in published(work, "charges") if row["description"] is not None]
    assert changed == [inside]
    assert checkpoint(dativo) == state

    fake.delete(old)  # Stripe tells by no event that a charge is gone, as none goes
    dativo("run", "--full-refresh", code=0)
    assert differences(fake, work, ["charges"]) == []


def checkpoint(dativo: Inline) -> object:
    """Return what the state has of the only stream."""
    (one,) = dativo("state", "show", "--json", code=0).document["streams"]
    return one["stored"]["checkpoint"]


def test_a_state_that_events_do_not_reach_is_refused(
    work: WorkFolder, fake: FakeStripe, dativo: Inline
) -> None:
    work.write_job(job_of(fake, ["charges"]))
    made = fake.add("charge")["id"]
    fake.clock.advance(1)
    dativo("run", code=0)
    fake.clock.advance(29 * 86_400)
    fake.update(made, description="told, and maybe forgotten")

    planned = dativo("plan", "--json", code=60)
    refused = dativo("run", "--json", code=60)
    fake.clock.advance(1)
    dativo("run", "--full-refresh", code=0)

    for answer in (planned, refused):
        assert answer.error["code"] == "STATE"
        assert "--full-refresh" in answer.error["fix"]
        assert "2026-11-01 11:55:01 UTC" in answer.error["message"]
    assert differences(fake, work, ["charges"]) == []


def test_keys_are_refused_with_what_helps_and_never_show(
    work: WorkFolder, fake: FakeStripe, dativo: Inline, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(fake)
    shop.fill(3)
    names = ("customers", "disputes", "events")
    work.write_job(job_of(fake, names))
    secret = "Zq8XvLr2KmTn5WcYpD7sHj4B"
    restricted = fake.restricted_key("customer", "event", account=True)
    asked = (("run",), ("check",), ("plan",), ("preview",), ("discover", "-c", "job.yaml"))
    answers = []
    keys = {
        "right": fake.key,
        "wrong": f"sk_test_{secret}",
        "restricted": restricted,
        "publishable": f"pk_test_{secret}",
    }
    codes: dict[str, dict[str, int]] = {}
    for kind, key in keys.items():
        monkeypatch.setenv("STRIPE_KEY", key)
        fake.clock.advance(10)
        for words in asked:
            answers.append(dativo(*words, "--debug"))
            codes.setdefault(kind, {})[words[0]] = answers[-1].code

    assert set(codes["right"].values()) == {0}
    assert set(codes["wrong"].values()) == {20}
    assert set(codes["publishable"].values()) == {10}
    assert (codes["restricted"]["run"], codes["restricted"]["check"]) == (31, 21)
    shown = "".join(answer.out + answer.err for answer in answers)
    assert found_forms(shown.encode(), keys.values()) == []
    for file in work.path.parent.rglob("*"):
        if file.is_file():
            assert found_forms(file.read_bytes(), keys.values()) == [], file

    monkeypatch.setenv("STRIPE_KEY", restricted)
    (item,) = dativo("check", "--json").failed_items()
    assert item["scope"] == "stream disputes"
    assert "rak_dispute_read" in item["error"]["fix"]
    monkeypatch.setenv("STRIPE_KEY", f"pk_test_{secret}")
    assert "publishable key" in dativo("run", "--json").error["details"]["problems"][0]["message"]


def found_forms(data: bytes, keys: Iterable[str]) -> list[str]:
    """Return which forms of *keys*, or of their part behind the prefix, are in *data*."""
    secrets = [text for key in keys for text in (key, key.rsplit("_", 1)[1])]
    return [name for text in secrets for name, form in forms(text).items() if form.encode() in data]


def test_a_read_that_was_killed_goes_on_where_it_was(work: WorkFolder, fake: FakeStripe) -> None:
    fake.add_many("charge", 6000)
    fake.clock.advance(600)
    job = job_of(fake, ["charges"], mode="append", concurrency=4)
    work.write_job({**job, "run": {"epoch_rows": 500}})
    dativo = Command(work.path, variables={"STRIPE_KEY": fake.key})
    fake.latency_seconds = 0.05
    whole = 60

    with dativo.running("run") as process:
        while len(fake.requests) < whole // 2 or not work.visible():
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
        process.wait()
    asked = pages(fake)
    dativo("run", code=0)

    assert asked < whole
    assert pages(fake) - asked < whole * 3 // 4
    assert differences(fake, work, ["charges"]) == []


def pages(fake: FakeStripe) -> int:
    """Return how many pages of charges were asked for."""
    return Counter(seen.request.path for seen in fake.requests)["/v1/charges"]


def test_what_the_commands_say_can_be_read(
    work: WorkFolder, fake: FakeStripe, dativo: Inline
) -> None:
    Shop(fake).fill(3)
    work.write_job(job_of(fake, ["charges", "invoice_line_items"]))

    found = dativo("discover", "-c", "job.yaml", code=0).out.splitlines()
    planned = dativo("plan", code=0).out
    shown = dativo("preview", "--stream", "charges", "--rows", "2", code=0).out
    dativo("run", code=0)
    lines = dativo("cat", "--stream", "charges", "--format", "json", "--limit", "2", code=0).out
    again = dativo("plan", code=0).out

    assert [line.split()[0] for line in found[: len(NAMES)]] == list(NAMES)
    assert (
        "charges  read: incremental, from the beginning, up to 2026-11-01 12:01:01 UTC" in planned
    )
    assert "charges  rests on: an object is in Stripe's list at most 300 seconds after" in planned
    assert "charges  guarantee: exactly once" in planned
    assert "incremental, what is new since 2026-11-01 11:56:01 UTC" in again
    assert shown.count('object="charge"') == 2
    assert [json.loads(line)["object"] for line in lines.splitlines()] == ["charge", "charge"]
