"""What a file needs: guessed from what it imports and what is installed here."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import distribution, packages_distributions, version

import attrs

__all__ = ["Needs", "needs_of"]


@attrs.frozen
class Needs:
    """What a file needs besides the core.

    Attributes:
        requirements: Distributions with the version that is installed here as the lower bound.
        unknown: Modules that it imports and no installed distribution has.
    """

    requirements: tuple[str, ...]
    unknown: tuple[str, ...]


def needs_of(source: str) -> Needs:
    """Guess what *source* needs; the author has to look at it, since a guess is all it can be.

    Imports inside functions count, because drivers belong there; those below ``TYPE_CHECKING``
    do not.
    """
    owners = packages_distributions()
    requirements: set[str] = set()
    unknown: set[str] = set()
    for module in sorted(set(_imported(ast.parse(source)))):
        top = module.partition(".")[0]
        if top in sys.stdlib_module_names or top == "dativo":
            continue
        found = _owners(module, sorted(set(owners.get(top, ()))))
        requirements.update(_requirement(name) for name in found)
        if not found:
            unknown.add(top)
    return Needs(tuple(sorted(requirements)), tuple(sorted(unknown)))


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for other in node.orelse:
                yield from _imported(ast.Module([other], []))
        else:
            yield from _imported(node)


def _owners(module: str, candidates: Sequence[str]) -> list[str]:
    """Return the distributions that have *module*; of those of a shared namespace the closest."""
    if len(candidates) < 2:  # noqa: PLR2004 - nothing to choose
        return list(candidates)
    files = {name: _files(name) for name in candidates}
    while "." in module:
        place = module.replace(".", "/")
        starts = (f"{place}/", f"{place}.")
        near = [name for name in candidates if any(one.startswith(starts) for one in files[name])]
        if near:
            return near
        module = module.rpartition(".")[0]
    return list(candidates)


def _files(name: str) -> list[str]:
    return [str(path) for path in distribution(name).files or ()]


def _requirement(name: str) -> str:
    normal = re.sub(r"[-_.]+", "-", name).lower()
    number = re.match(r"\d+(\.\d+){0,2}", version(name))
    return f"{normal}>={number.group()}" if number else normal
