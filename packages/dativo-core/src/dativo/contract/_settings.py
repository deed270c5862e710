"""How a connector declares its settings: frozen attrs classes whose fields carry their own docs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["setting"]


def setting(
    help: str,  # noqa: A002 - the word that typer, argparse and click users expect
    *,
    default: Any = attrs.NOTHING,
    factory: Callable[[], Any] | None = None,
    minimum: float | None = None,
    maximum: float | None = None,
    pattern: str | None = None,
    examples: tuple[object, ...] = (),
    identity: bool = False,
) -> Any:
    """Declare one field of a config or options class.

    The text and the limits go into the connector's JSON Schema, into the docs and into the
    messages that a user sees; the limits are enforced when a job file is read.

    Args:
        help: One sentence for the person who writes the job file, with the unit.
        default: The value when the job file has none; without it the field is required.
        factory: Makes the default, for values that must not be shared.
        minimum: The lowest number, inclusive.
        maximum: The highest number, inclusive.
        pattern: A regular expression that a text must match as a whole.
        examples: Values that make sense.
        identity: The setting says which system it is, such as a host or a database: a checkpoint
            made under another value is refused.
    """
    about = {
        "help": help,
        "minimum": minimum,
        "maximum": maximum,
        "pattern": pattern,
        "examples": examples,
        "identity": identity,
    }
    # By identity: a limit of zero is a limit.
    unsaid = (None, False, ())
    said = {key: value for key, value in about.items() if not any(value is no for no in unsaid)}
    metadata = {"dativo": said}
    if factory is not None:
        return attrs.field(factory=factory, metadata=metadata, kw_only=True)
    return attrs.field(default=default, metadata=metadata, kw_only=True)
