"""What was found, as hooks: as it is, as an instance of its class, or adapted."""

from __future__ import annotations

import inspect

import attrs
import pluggy

from dativo.errors import DativoDeprecationWarning
from dativo.plugins._boundary import describe_exception
from dativo.plugins._origin import Origin
from dativo.plugins._versions import ADAPTED_MAJORS

__all__ = ["Plugin", "adapted", "has_hooks", "is_class_style", "plugin_of"]

_CLASS_STYLE = 0


@attrs.frozen
class Plugin:
    """An object whose hooks can be registered, and what of it is deprecated."""

    hooks: object
    notices: tuple[DativoDeprecationWarning, ...] = ()


def plugin_of(origin: Origin, found: object) -> Plugin:
    """Return the hooks of what a file holds: a module, an instance or a class.

    Raises:
        PluginLoadError: The class cannot be made without arguments.
        ContractViolationError: It has no hooks.
    """
    if has_hooks(found):
        return Plugin(_made(origin, found) if inspect.isclass(found) else found)
    if is_class_style(found):
        return adapted(origin, found)
    raise origin.violation("it has no hooks; hooks carry @hookimpl")


def adapted(origin: Origin, found: object) -> Plugin:
    """Make hooks of *found*, a class of the class style.

    Raises:
        ContractViolationError: It is none.
    """
    if not inspect.isclass(found) or not is_class_style(found):
        what = "contract 0 asks for a class with extract, or with write_batch"
        raise origin.violation(f"{what}; found {_kind(found)}")
    from dativo.plugins._class_style import hooks_of  # noqa: PLC0415 - needs Arrow

    notice = DativoDeprecationWarning(
        f"The class style (contract {_CLASS_STYLE}) of {origin.name!r}",
        removed_in=ADAPTED_MAJORS[_CLASS_STYLE],
        instead="Move it to hooks, as docs/from-the-class-style.md shows.",
    )
    return Plugin(hooks_of(origin.name, found), (notice,))


def has_hooks(found: object) -> bool:
    """Whether an attribute of *found* carries ``@hookimpl``."""
    manager = pluggy.PluginManager("dativo")
    return any(manager.parse_hookimpl_opts(found, name) for name in dir(found))


def is_class_style(found: object) -> bool:
    """Whether *found* is a class that reads or writes in the class style, whatever its base is."""
    return inspect.isclass(found) and any(
        callable(getattr(found, method, None)) for method in ("extract", "write_batch")
    )


def _made(origin: Origin, found: type) -> object:
    try:
        return found()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        what = f"cannot be made without arguments: {describe_exception(error)}"
        raise origin.failure(what) from error


def _kind(found: object) -> str:
    return f"the class {found.__name__}" if inspect.isclass(found) else type(found).__name__
