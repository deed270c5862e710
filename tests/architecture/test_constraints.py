from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_constraints_are_plain_pins_without_addresses() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]

    assert pins
    assert [line for line in pins if not re.match(r"[a-z0-9.-]+==[^ /@]+( ; .+)?$", line)] == []


def test_our_own_packages_are_not_pinned() -> None:
    assert "dativo" not in (ROOT / "constraints.txt").read_text().replace("nox -s", "")
