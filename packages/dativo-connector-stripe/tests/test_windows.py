from __future__ import annotations

import threading

from dativo_connector_stripe._windows import Span, Window, Windows

DAY = 86_400
NOW = 1_700_000_000


def windows_of(*spans: Span, wanted: int = 4) -> Windows:
    return Windows(spans, wanted=lambda: wanted)


def taken(windows: Windows) -> Window:
    window = windows.take()
    assert window is not None
    return window


def receive_page(windows: Windows, window: Window, newest: int, oldest: int) -> int:
    """Receive 100 objects that are spread evenly between the two seconds."""
    created = [newest - (newest - oldest) * number // (99) for number in range(100)]
    ids = [f"{second}_{number}" for number, second in enumerate(created)]
    return windows.receive(window, created, ids, has_more=True)


def test_nothing_to_read_ends_at_once() -> None:
    assert windows_of().take() is None


def test_idle_thread_gets_the_older_half_of_what_is_left() -> None:
    windows = windows_of(Span(NOW - 10 * DAY, NOW))
    first = taken(windows)
    receive_page(windows, first, NOW - 1, NOW - DAY)

    second = taken(windows)

    assert second.lower == NOW - 10 * DAY
    assert second.upper == first.lower
    assert first.position is not None
    assert second.upper == (first.position + second.lower) // 2


def test_a_short_rest_is_not_shared() -> None:
    windows = windows_of(Span(NOW - DAY - 100, NOW))
    first = taken(windows)
    receive_page(windows, first, NOW - 1, NOW - DAY)
    idle = threading.Thread(target=windows.take, daemon=True)

    idle.start()
    idle.join(0.2)

    assert idle.is_alive()
    windows.stop()
    idle.join(5)
    assert first.lower == NOW - DAY - 100


def test_no_more_threads_read_than_are_wanted() -> None:
    windows = windows_of(Span(0, NOW), Span(NOW, NOW + DAY), wanted=1)
    taken(windows)
    idle = threading.Thread(target=windows.take, daemon=True)

    idle.start()
    idle.join(0.2)

    assert idle.is_alive()
    windows.stop()
    idle.join(5)


def test_objects_below_the_bound_are_left_to_the_part_that_was_given_away() -> None:
    windows = windows_of(Span(NOW - 10 * DAY, NOW))
    first = taken(windows)
    receive_page(windows, first, NOW - 1, NOW - DAY)
    second = taken(windows)
    assert second.upper is not None

    kept = receive_page(windows, first, second.upper + 49, second.upper - 50)

    assert kept == 50
    assert first.is_received


def test_parts_stay_in_proportion_to_pages() -> None:
    windows = windows_of(Span(0, NOW), wanted=1000)
    window = taken(windows)
    receive_page(windows, window, NOW - 1, NOW - 2)
    given = 0
    waiting = threading.Thread(target=windows.take, daemon=True)
    while not waiting.is_alive():
        waiting = threading.Thread(target=windows.take, daemon=True)
        waiting.start()
        waiting.join(0.2)
        given += not waiting.is_alive()

    assert given == 8
    windows.stop()
    waiting.join(5)


def test_all_idle_threads_share_the_first_page() -> None:
    windows = windows_of(Span(0, NOW), wanted=6)
    idle = [threading.Thread(target=windows.take, daemon=True) for _ in range(5)]
    first = taken(windows)
    for thread in idle:
        thread.start()

    receive_page(windows, first, NOW - 1, NOW - DAY)

    for thread in idle:
        thread.join(5)
    assert not any(thread.is_alive() for thread in idle)
    assert len(windows.rest()) == 6


def test_parts_from_before_the_first_object_are_not_counted() -> None:
    windows = windows_of(Span(0, NOW), wanted=1000)
    newest = taken(windows)
    receive_page(windows, newest, NOW - 1, NOW - 2)
    for _ in range(4):
        windows.receive(taken(windows), [], [], has_more=False)

    for _ in range(8):
        taken(windows)

    idle = threading.Thread(target=windows.take, daemon=True)
    idle.start()
    idle.join(0.2)
    assert idle.is_alive()
    windows.stop()
    idle.join(5)


def test_rest_is_what_was_not_delivered() -> None:
    windows = windows_of(Span(5, 10), Span(20, 40))
    first, second = taken(windows), taken(windows)
    windows.receive(second, [39, 30], ["c", "b"], has_more=True)

    assert windows.rest() == (Span(5, 10), Span(20, 40))
    windows.deliver(second, 30, "b", is_last=False)
    assert windows.rest() == (Span(5, 10), Span(20, 31, "b"))
    windows.deliver(first, None, None, is_last=True)
    assert windows.rest() == (Span(20, 31, "b"),)
    windows.deliver(second, 20, "a", is_last=True)
    assert windows.rest() == ()


def test_walks_stay_apart() -> None:
    windows = windows_of(Span(0, NOW, walk=1), Span(5, 10, walk=0))

    assert [window.walk for window in (taken(windows), taken(windows))] == [1, 0]
    assert [span.walk for span in windows.rest()] == [0, 1]
