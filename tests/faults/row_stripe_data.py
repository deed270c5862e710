"""What is strange in Stripe's data while 5,000 objects are read: it moves, is late, looks odd."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs

from fault_frame import Row, Workspace
from row_stripe import Case, row_of
from stripe_bench import Bench, bench

from dativo.errors import DataValidationError
from dativo_test_support.stripe import ABSENT, Answer, Answers, Clock, Request
from dativo_test_support.stripe import faults as wrong

_HOUR, _DAY = 3600, 86_400
_LATEST = 300
_LIST_PAGES = 50
_PAGES_OF_A_READ = 6
"""The newest part and the rest, of the events and of the list, and a page of either more."""

_STARTED = int(time.time())
_SUMMER_ENDS = (1_793_494_800, 1_792_890_000)
"""When clocks go back in 2026: in North America and in Europe."""
_SPRING_BEGINS = 1_774_746_000
_BITS_END = 2**31

Change = Callable[[Bench], Mapping[str, Any]]


def _inserted(number: int, workspace: Workspace) -> None:
    """New objects push the others down their list while it is read."""
    with bench("stripe.inserted", number) as found:

        def insert() -> None:
            found.fake.clock.advance(found.source.choice((0, 0, 1, 20)))
            for _ in range(found.source.randint(1, 40)):
                found.fake.add("balance_transaction")

        found.hit(wrong.doing(insert), times=found.source.randint(1, 20))
        found.read_to_the_end()
        _quiet(found)
        found.check(pages=_LIST_PAGES + _PAGES_OF_A_READ)


def _deleted(number: int, workspace: Workspace) -> None:
    """Objects go while their list is read, above all the one that the next page is asked after."""
    with bench("stripe.deleted", number, kind="customer") as found:
        fake, source = found.fake, found.source
        fake.api.keeps_cursors = source.random() < 0.3
        names = fake.ids("customer")

        def delete(request: Request, answers: Answers) -> Answer:
            doomed = {*parse_qs(request.query).get("starting_after", []), source.choice(names)}
            with fake.store.lock:
                for name in doomed:
                    if fake.store.find(name):
                        fake.delete(name)
            return answers(request)

        found.hit(delete, times=source.randint(1, 15))
        found.read_to_the_end()
        _quiet(found)
        # That the object of a cursor is gone only its refusal tells.
        refused = sum(one.status == 400 for one in fake.requests)
        found.check(pages=_LIST_PAGES + _PAGES_OF_A_READ + refused)


def _late(number: int, workspace: Workspace) -> None:
    """Objects are in no list for up to 300 seconds."""
    with bench("stripe.late", number) as found:
        fake, source = found.fake, found.source
        reads = source.randint(3, 8)
        for _ in range(reads):
            for _ in range(source.randint(0, 30)):
                born = fake.clock.now - source.randint(0, 60)
                made = fake.add("balance_transaction", created=born)
                fake.hide_until(made["id"], born + source.randint(0, _LATEST))
            found.read_to_the_end()
            fake.clock.advance(source.choice((0, 1, 7, 60, 299, 300, 301, 900)))
        _quiet(found)
        found.check(pages=_LIST_PAGES + 4 * reads)


def _skewed(hours: int) -> Case:
    """Return a case in which Stripe's clock is not this machine's, and some answers' is neither."""

    def case(number: int, workspace: Workspace) -> None:
        clock = Clock(_STARTED + hours * _HOUR)
        with bench("stripe.skewed", number, clock=clock) as found:
            found.hit(wrong.skewed(-hours * _HOUR), times=found.source.randint(1, 20))
            if found.source.random() < 0.2:
                found.hit(wrong.too_many(1, as_date=True))
            found.read_to_the_end()
            _grow(found, reads=2)

    return case


def _crossing(*moments: int) -> Case:
    """Return a case in which reads and objects lie on both sides of a moment."""

    def case(number: int, workspace: Workspace) -> None:
        moment = moments[number // 10 % len(moments)]
        with bench("stripe.crossing", number, clock=Clock(moment - 200)) as found:
            found.read_to_the_end()
            _grow(found, reads=found.source.randint(2, 6))

    return case


def _grow(found: Bench, *, reads: int) -> None:
    """Add objects between more reads, then compare."""
    for _ in range(reads):
        for _ in range(found.source.randint(0, 30)):
            found.fake.add("balance_transaction")
            found.fake.clock.advance(found.source.choice((0, 0, 1, 30)))
        found.fake.clock.advance(found.source.choice((1, 100, _HOUR)))
        found.read_to_the_end()
    _quiet(found)
    found.check(pages=_LIST_PAGES + 4 * (reads + 1))


def _quiet(found: Bench) -> None:
    """Let nothing happen for a while and read once more."""
    found.fake.clock.advance(1000)
    found.read_to_the_end()


def _odd(change: Change) -> Case:
    """Return a case in which some objects are odd, but to be read."""

    def case(number: int, workspace: Workspace) -> None:
        with bench("stripe.values", number) as found:
            for record in found.source.sample(found.account.records, found.source.randint(1, 60)):
                found.fake.update(record.id, event="", **change(found))
            found.read_to_the_end()
            found.check()

    return case


def _large(number: int, workspace: Workspace) -> None:
    """Numbers and ids of which a double knows no difference."""
    with bench("stripe.large", number) as found:
        for end in range(10):
            large = 2**63 - 1 - end
            found.fake.add(
                "balance_transaction",
                id=str(large),
                created=found.fake.clock.now - found.source.randint(1, 300 * _DAY),
                amount=large,
                net=-large - 1,
                fee=2**53 + 1 + end,
            )
        found.read_to_the_end()
        found.check(pages=_LIST_PAGES + 1)


def _inexact(number: int, workspace: Workspace) -> None:
    """A value that is none of its type is an error that names it, and nothing else is lost."""
    with bench("stripe.inexact", number) as found:
        odd = found.source.choice(found.account.records)
        field = found.source.choice(("amount", "fee", "net"))
        value = found.source.choice((12.5, "12.5", 2**63, -(2**63) - 1, "many", [1], True, ""))
        found.fake.update(odd.id, event="", **{field: value})
        error = found.read()
        assert isinstance(error, DataValidationError), repr(error)
        assert not error.retryable
        assert error.stream == found.stream, error.stream
        told = {name: error.details.get(name) for name in ("id", "field")}
        assert told == {"id": odd.id, "field": field}, told
        found.fake.update(odd.id, event="", **{field: 12})
        found.read_to_the_end()
        found.check(ahead=_LIST_PAGES)


def _numbers_as_text(found: Bench) -> Mapping[str, Any]:
    source = found.source
    amount, rate = source.randint(-(10**12), 10**12), source.uniform(0, 1000)
    return {
        "amount": source.choice((str(amount), f"{amount}.0", float(amount))),
        "available_on": source.choice((str(_STARTED), f"{_STARTED}.0", float(_STARTED))),
        "exchange_rate": source.choice((str(rate), repr(rate), 1, "1e-3")),
    }


def _new_field(found: Bench) -> Mapping[str, Any]:
    source = found.source
    value = source.choice((None, 2**70, 0.1, "größe", {"deep": [1, {"a": None}]}, [], True))
    return {f"brand_new_{source.randrange(5)}": value, "another": "\u2028 \U0001f600"}


def _lost_fields(found: Bench) -> Mapping[str, Any]:
    names = ("amount", "currency", "description", "fee_details", "available_on", "status", "object")
    return dict.fromkeys(found.source.sample(names, found.source.randint(1, 4)), ABSENT)


def _new_words(found: Bench) -> Mapping[str, Any]:
    word = found.source.choice(("unheard_of", "", "Überweisung", "x" * 10_000))
    return dict.fromkeys(("status", "type", "reporting_category"), word)


def _out_of_order(number: int, workspace: Workspace) -> None:
    """Events come late, in twos within a second, and in the words of another version."""
    with bench("stripe.events", number, kind="customer") as found:
        fake, source, own = found.fake, found.source, found.fake.account_version
        found.read_to_the_end()
        reads, told = source.randint(2, 4), 0
        for _ in range(reads):
            for _ in range(source.randint(5, 50)):
                fake.account_version = source.choice((own, own, own, "2020-08-27"))
                told += _change(found)
                fake.clock.advance(source.choice((0, 0, 1, 5)))
            fake.clock.advance(source.choice((1, 30, 2000, 3 * _DAY)))
            found.read_to_the_end()
        _quiet(found)
        path = found.account.row.path
        looks = sum(1 for one in fake.requests if one.path.startswith(f"{path}/"))
        assert looks <= told, f"{looks} objects fetched, of which {told} events told"
        pages = _LIST_PAGES + _PAGES_OF_A_READ * (reads + 1) + looks
        found.check(pages=pages, is_appended=False)


def _change(found: Bench) -> int:
    """Do something to a customer; return how many events tell of it."""
    fake, source = found.fake, found.source
    name, choice = source.choice(fake.ids("customer")), source.random()
    before = len(fake.ids("event"))
    if choice < 0.2:
        fake.add("customer")
    elif choice < 0.85:
        for _ in range(source.choice((1, 1, 2))):
            fake.update(name, balance=source.randint(-(10**6), 10**6))
    else:
        fake.delete(name)
    events = fake.ids("event")
    told = len(events) - before
    for event in events[:told]:
        fake.hide_until(event, fake.clock.now + source.choice((0, 0, 0, 1, 100, 290)))
    return told


ROWS: tuple[Row, ...] = (
    row_of(
        "moving",
        "objects are made, deleted or appear up to 300 s late in mid-scan: 0 lost, 0 doubled",
        _inserted,
        _deleted,
        _late,
    ),
    row_of(
        "clock",
        "clocks that differ by an hour, days of 23 and 25 hours, the end of 32 bits: as before",
        _skewed(1),
        _skewed(-1),
        _crossing(*_SUMMER_ENDS, _SPRING_BEGINS),
        _crossing(_BITS_END),
    ),
    row_of(
        "values",
        "64 bits, numbers as texts, new words and fields, lost fields: exact, or the place is told",
        _large,
        _odd(_numbers_as_text),
        _odd(_new_words),
        _odd(_new_field),
        _odd(_lost_fields),
        _inexact,
    ),
    row_of(
        "events",
        "events late, within one second or of another version: the target is as the account",
        _out_of_order,
    ),
)
