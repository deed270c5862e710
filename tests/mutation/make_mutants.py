"""Find every change that an operator of cosmic-ray can make, and make those that are asked for.

``python make_mutants.py FOLDER`` prints all of the modules in a folder as JSON. With ``--make`` it
reads a list of them from standard input and prints the text of each changed module. It runs in an
environment that has cosmic-ray, and imports nothing of ours.
"""

from __future__ import annotations

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cosmic_ray.plugins  # pyright: ignore[reportMissingImports]
from cosmic_ray.ast import ast_nodes, get_ast  # pyright: ignore[reportMissingImports]
from cosmic_ray.mutating import mutate_code  # pyright: ignore[reportMissingImports]
from cosmic_ray.operators.operator import Operator  # pyright: ignore[reportMissingImports]
from parso.python.tree import Keyword  # pyright: ignore[reportMissingImports]

_IDENTITY = {"Eq_Is", "Is_Eq", "NotEq_IsNot", "IsNot_NotEq"}
_BODIES = ("funcdef", "lambdef")


class RemoveCall(Operator):  # type: ignore[misc] # of a library without types
    """Leaves out a statement that is nothing but a call, such as a finding that is noted."""

    def mutation_positions(self, node: Any) -> Iterator[Any]:
        """Yield the place of *node* if it is such a statement."""
        if _is_call(node) and node.parent is not None and node.parent.type == "simple_stmt":
            yield node.start_pos, node.end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """Return ``pass`` in place of *node*."""
        del index
        return Keyword("pass", node.start_pos, prefix=node.get_first_leaf().prefix)

    @classmethod
    def examples(cls) -> tuple[Any, ...]:
        """There are none: the tests of the run show what it does."""
        return ()


class ReturnNone(Operator):  # type: ignore[misc] # as above
    """Returns nothing in place of something."""

    def mutation_positions(self, node: Any) -> Iterator[Any]:
        """Yield the place of what *node* returns."""
        if node.type == "return_stmt" and node.children[1].get_code().strip() != "None":
            yield node.children[1].start_pos, node.children[1].end_pos

    def mutate(self, node: Any, index: int) -> Any:
        """Return ``return None`` in place of *node*."""
        del index
        node.children[1:] = [Keyword("None", node.children[1].start_pos, prefix=" ")]
        return node

    @classmethod
    def examples(cls) -> tuple[Any, ...]:
        """There are none, as above."""
        return ()


def main(arguments: list[str]) -> None:
    """List what can be changed in the folder, or change what standard input lists."""
    folder = Path(arguments[0])
    if "--make" in arguments:
        for asked in json.load(sys.stdin):
            sys.stdout.write(f"{json.dumps(made(asked, folder / asked['module']))}\n")
        return
    for path in sorted(folder.glob("*.py")):
        for found in mutants_of(path):
            sys.stdout.write(f"{json.dumps(found)}\n")


def mutants_of(path: Path) -> Iterator[dict[str, Any]]:
    """Yield what each operator can change in the module *path*; ``excluded`` says why not."""
    nodes = list(ast_nodes(get_ast(path.read_text(encoding="utf-8"))))
    for name, operator in operators().items():
        places = ((node, place) for node in nodes for place in operator.mutation_positions(node))
        for occurrence, (node, (start, _)) in enumerate(places):
            first, last = _statement(node)
            yield {
                "module": path.name,
                "operator": name,
                "family": name.partition("_")[0],
                "occurrence": occurrence,
                "line": start[0],
                "column": start[1],
                "first": first,
                "last": last,
                "inside": _is_inside(node),
                "excluded": _reason(node, name),
            }


def made(asked: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return the text of the changed module, or an empty one if it is no program or the same."""
    before = path.read_text(encoding="utf-8")
    after = mutate_code(before, operators()[asked["operator"]], asked["occurrence"]) or ""
    try:
        same = ast.dump(ast.parse(after)) == ast.dump(ast.parse(before))
    except SyntaxError:
        same = True
    return {"text": "" if same else after}


def operators() -> dict[str, Operator]:
    """Return the operators by name: cosmic-ray's own that need no arguments, and ours."""
    found: dict[str, Operator] = {"RemoveCall": RemoveCall(), "ReturnNone": ReturnNone()}
    for name in cosmic_ray.plugins.operator_names():
        kind = cosmic_ray.plugins.get_operator(name)
        if not kind.arguments():
            found[name.partition("/")[2]] = kind()
    return found


def _reason(node: Any, operator: str) -> str:
    """Return why the change is not tried; empty if it is."""
    if operator.partition("_")[2] in _IDENTITY:
        return "equal or the same"
    if node.parent.type in {"parameters", "param"} and getattr(node, "value", "") in {"*", "/"}:
        return "no operator"
    around = [(node, node), *_upwards(node)]
    return next((why for child, parent in around if (why := _reason_of(child, parent))), "")


def _reason_of(child: Any, parent: Any) -> str:
    if _is_for_types(parent):
        return "type checking"
    if parent.type == "fstring_expr":
        return "wording"
    return "annotation" if _annotates(child, parent) else ""


def _is_for_types(node: Any) -> bool:
    return bool(node.type == "if_stmt" and node.children[1].get_code().strip() == "TYPE_CHECKING")


def _annotates(child: Any, parent: Any) -> bool:
    if parent.type in {"param", "funcdef"}:
        return bool(child is parent.annotation)
    if parent.type not in {"annassign", "tfpdef"}:
        return False
    if child is parent:
        return False
    place: int = parent.children.index(child)
    return place > 0 and bool(parent.children[place - 1] == ":")


def _is_inside(node: Any) -> bool:
    """Whether *node* is in the body of a function, and not only run by the import."""
    return any(
        parent.type in _BODIES and child is parent.children[-1] for child, parent in _upwards(node)
    )


def _statement(node: Any) -> tuple[int, int]:
    """Return the first and the last line of the statement, or of the part of it, with *node*."""
    for child, parent in _upwards(node):
        if parent.type == "simple_stmt":
            return parent.start_pos[0], parent.end_pos[0] - 1
        if parent.type in {"suite", "file_input"}:
            return min(child.start_pos[0], node.start_pos[0]), node.end_pos[0]
    return node.start_pos[0], node.end_pos[0]


def _upwards(node: Any) -> Iterator[tuple[Any, Any]]:
    while node.parent is not None:
        yield node, node.parent
        node = node.parent


def _is_call(node: Any) -> bool:
    return (
        node.type in {"atom_expr", "power"}
        and node.children[-1].type == "trailer"
        and (node.children[-1].children[0].value == "(")
    )


if __name__ == "__main__":
    main(sys.argv[1:])
