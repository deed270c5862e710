from __future__ import annotations

import pytest
from fault_frame import Damage
from stripe_bench import Bench, bench

from dativo.contract import Operation


def damage(found: Bench) -> Damage:
    with pytest.raises(Damage) as caught:
        found.check()
    return caught.value


def test_what_is_lost_doubled_or_wrong_in_the_target_is_found() -> None:
    with bench("stripe.target", 1) as found:
        found.read_to_the_end()
        found.check()
        tables = found.target.tables
        first = tables.pop(0)[1]

        assert damage(found).lost == first.num_rows
        tables += [(Operation.UPSERT, first), (Operation.UPSERT, first.slice(0, 3))]
        assert damage(found).doubled == 3
        tables[-1] = (Operation.DELETE, first.slice(0, 3).select(["id"]))
        assert damage(found).lost == 3
        tables.pop()
        name = first.column("id")[0].as_py()
        found.fake.update(name, event="", amount=2**62)
        assert damage(found).partial == 1
        assert name in str(damage(found))
