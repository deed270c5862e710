from __future__ import annotations

import threading

import pytest

from dativo_connector_stripe._reading import Fetched, Reading
from dativo_connector_stripe._windows import Span, Window, Windows


def test_what_was_received_before_an_error_is_delivered_first() -> None:
    received: list[Fetched] = []

    def fetch(window: Window) -> Fetched:
        if len(received) == 3:
            raise ValueError("broken")
        received.append(Fetched(window, (), 1, None, None, is_last=False))
        return received[-1]

    windows = Windows([Span(0, None)], wanted=lambda: 1)
    with Reading(windows, fetch, threads=1, ahead_bytes=100) as reading:
        for thread in threading.enumerate():
            if thread.name == "stripe-0":
                thread.join()
        pages = iter(reading)
        delivered = [next(pages) for _ in range(3)]
        with pytest.raises(ValueError, match="broken"):
            next(pages)

    assert delivered == received
