"""The error boundary: whatever a plugin raises comes out as a located error of the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TypeVar

import attrs

from dativo.errors import (
    ContractViolationError,
    DativoError,
    PluginExecutionError,
    wrap_exception,
)

__all__ = ["Place", "describe_exception"]

T = TypeVar("T")
Item = TypeVar("Item")

_END = object()
_MAX_TEXT = 2_000


@attrs.frozen
class Place:
    """Where a plugin is called: it locates what the plugin raises.

    Attributes:
        connector: The plugin's address.
        phase: The operation.
        stream: The stream, if it is about one.
        default: What an exception becomes that nobody classified.
        distribution: The distribution that the plugin comes from, if it is known.
        version: The distribution's version.
        file: The file that it comes from, where it is none that is installed.
        kind: ``connector`` or ``extension``.
    """

    connector: str
    phase: str
    stream: str | None = None
    default: type[DativoError] = PluginExecutionError
    distribution: str = ""
    version: str = ""
    file: str = ""
    kind: str = "connector"

    def call(self, function: Callable[[], T]) -> T:
        """Call into the plugin; only an interrupt passes through as it is."""
        try:
            return function()
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:
            wrapped = self.wrap(error)
            if wrapped is error:
                raise
            raise wrapped from error

    def iterate(self, found: object, check: Callable[[object], Item]) -> Iterator[Item]:
        """Iterate over what the plugin returned; each item goes through *check*.

        Closing the result closes the plugin's generator.
        """
        if not isinstance(found, Iterable):
            raise self.violation(f"gave {_kind(found)}, which cannot be iterated")
        return self._items(found, check)

    def wrap(self, error: BaseException) -> DativoError:
        """Return *error* as an error of the catalogue that says where it happened."""
        try:
            wrapped = wrap_exception(error, default=self.default)
        except Exception:  # noqa: BLE001 - its own text raises
            wrapped = self.default(describe_exception(error))
        if wrapped is not error and len(wrapped.message) > _MAX_TEXT:
            wrapped = type(wrapped)(wrapped.message[:_MAX_TEXT] + " ...")
        if isinstance(wrapped, PluginExecutionError) and wrapped is not error:
            wrapped.fix = self._advice or wrapped.fix
        return wrapped.located(connector=self.connector, stream=self.stream, phase=self.phase)

    def violation(self, what: str) -> ContractViolationError:
        """Return the error that says which rule the plugin broke."""
        package, fix = "", None
        if self.distribution:
            package = f" ({self.distribution} {self.version})"
            fix = f"pip install -U {self.distribution}, or report it to its publisher."
        elif self.file:
            fix = f"Mend {self.file}."
        return ContractViolationError(
            f"the {self.kind} {self.connector!r} broke the contract: {self.phase} {what}{package}",
            fix=fix,
            connector=self.connector,
            stream=self.stream,
            phase=self.phase,
        )

    @property
    def _advice(self) -> str:
        if self.file:
            return f"Run with --debug to see where, and mend {self.file}."
        if self.distribution:
            package = f"{self.distribution} {self.version}"
            return f"Run with --debug and report it to the publisher of {package}."
        return ""

    def expect(self, value: object, expected: type[T]) -> T:
        """Return *value* if it is what the contract asks for here."""
        if not isinstance(value, expected):
            raise self.violation(f"gave {_kind(value)} where {expected.__name__} is due")
        return value

    def _items(self, found: Iterable[object], check: Callable[[object], Item]) -> Iterator[Item]:
        items = self.call(lambda: iter(found))
        try:
            while True:
                item = self.call(lambda: next(items, _END))
                if item is _END:
                    return
                yield check(item)
        finally:
            if isinstance(items, Generator):
                self.call(items.close)


def describe_exception(error: BaseException) -> str:
    """Return type and text of *error* in one line, even if the text cannot be had."""
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - written by a plugin
        text = "(its text cannot be read)"
    line = " ".join(text.split())
    line = line if len(line) <= _MAX_TEXT else line[:_MAX_TEXT] + " ..."
    return f"{type(error).__name__}: {line}" if line else type(error).__name__


def _kind(value: object) -> str:
    return "None" if value is None else f"a value of type {type(value).__name__!r}"
