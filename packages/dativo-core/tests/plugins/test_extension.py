from __future__ import annotations

import threading
from typing import Any

import pyarrow as pa
import pytest

from dativo.errors import PluginExecutionError
from dativo.plugins import GuardedObserver, GuardedTransform
from dativo.plugins._origin import Origin

PLACE = Origin(kind="extension", name="acme").place("transform", "orders")


class Raising:
    schema = pa.schema([])

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def apply(self, batch: Any) -> Any:
        raise self.error

    def tell(self, event: Any) -> None:
        raise self.error

    def close(self) -> None:
        raise self.error


def test_an_interrupt_of_a_person_passes_through() -> None:
    with pytest.raises(KeyboardInterrupt):
        GuardedTransform(PLACE, Raising(KeyboardInterrupt())).apply(pa.record_batch({"a": [1]}))


@pytest.mark.parametrize("error", [GeneratorExit(), SystemExit(), StopIteration()])
def test_everything_else_is_an_error_of_the_extension(error: BaseException) -> None:
    with pytest.raises(PluginExecutionError) as caught:
        GuardedTransform(PLACE, Raising(error)).apply(pa.record_batch({"a": [1]}))

    assert (caught.value.connector, caught.value.stream) == ("acme", "orders")


def test_in_another_thread_nobody_interrupts() -> None:
    found: list[BaseException] = []

    def close() -> None:
        try:
            GuardedObserver(PLACE, Raising(KeyboardInterrupt())).close()
        except BaseException as error:  # noqa: BLE001 - which one it is, is the question
            found.append(error)

    thread = threading.Thread(target=close)
    thread.start()
    thread.join()

    assert [type(error) for error in found] == [PluginExecutionError]
