"""One loaded extension: its hooks as typed calls inside the error boundary."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

import attrs

from dativo.contract import (
    ArrowArray,
    ArrowSchema,
    Context,
    Event,
    ExtensionInfo,
    ExtensionKind,
    ObserverSession,
    Transform,
    TransformRequest,
)
from dativo.plugins._boundary import Place
from dativo.plugins._origin import Origin

if TYPE_CHECKING:
    import pluggy

__all__ = ["Extension", "GuardedObserver", "GuardedTransform"]

T = TypeVar("T")


@attrs.frozen(kw_only=True, eq=False)
class Extension:
    """An extension; every call either keeps the contract or raises.

    Attributes:
        origin: Where it comes from.
        info: What it says of itself.
    """

    origin: Origin
    info: ExtensionInfo
    _manager: pluggy.PluginManager = attrs.field(repr=False, alias="manager")

    @property
    def name(self) -> str:
        """The address in job files."""
        return self.origin.name

    @property
    def is_transformer(self) -> bool:
        """Whether it changes records; an observer does not."""
        return self.info.kind is ExtensionKind.TRANSFORMER

    def observe(self, config: object, context: Context) -> GuardedObserver:
        """Begin to watch a run."""
        place = self.origin.place("observe")
        found = _call(place, lambda: self._manager.hook.observe(config=config, context=context))
        _require(place, found, ("tell", "close"), "an ObserverSession")
        return GuardedObserver(place, found)

    def transform(
        self, config: object, request: TransformRequest, schema: ArrowSchema, context: Context
    ) -> GuardedTransform | None:
        """Return what becomes of the records of a stream; ``None`` if they stay as they are."""
        place = self.origin.place("transform", request.stream)
        hook = self._manager.hook.transform
        found = _call(
            place, lambda: hook(config=config, request=request, schema=schema, context=context)
        )
        if found is None:
            return None
        _require(place, found, ("apply",), "a Transform")
        return GuardedTransform(place, found)


@attrs.frozen
class GuardedTransform:
    """Calls a plugin's transform; see :class:`dativo.contract.Transform`."""

    place: Place
    _transform: Transform

    def read_schema(self) -> ArrowSchema:
        """Return the schema that it declares."""
        found = _call(self.place, lambda: self._transform.schema)
        return self.place.expect(found, ArrowSchema)  # type: ignore[type-abstract]

    def apply(self, batch: ArrowArray) -> ArrowArray:
        """Return what becomes of *batch*."""
        found = _call(self.place, lambda: self._transform.apply(batch))
        return self.place.expect(found, ArrowArray)  # type: ignore[type-abstract]


@attrs.frozen
class GuardedObserver:
    """Calls a plugin's session; see :class:`dativo.contract.ObserverSession`."""

    place: Place
    _session: ObserverSession

    def tell(self, event: Event) -> None:
        """Tell it *event*."""
        _call(self.place, lambda: self._session.tell(event))

    def close(self) -> None:
        """Let it give back what it holds."""
        _call(self.place, self._session.close)


def _call(place: Place, function: Callable[[], T]) -> T:
    """Call into the extension; only an interrupt of the main thread passes through as it is.

    Elsewhere nobody interrupts, so that it is the extension itself that raises it.
    """
    try:
        return place.call(function)
    except (KeyboardInterrupt, GeneratorExit) as error:
        is_main = threading.current_thread() is threading.main_thread()
        if is_main and isinstance(error, KeyboardInterrupt):
            raise
        raise place.wrap(error) from error


def _require(place: Place, found: object, methods: tuple[str, ...], due: str) -> None:
    missing = [name for name in methods if not callable(getattr(found, name, None))]
    if missing:
        kind = "None" if found is None else f"a value of type {type(found).__name__!r}"
        raise place.violation(f"gave {kind} where {due} is due")
