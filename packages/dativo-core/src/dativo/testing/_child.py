"""Looking at a connector in a process of its own: what only shows there, or would end ours.

A rule that needs this has two parts: the rule, which calls :func:`in_child` and judges what comes
back, and a function in a module of ``dativo.testing``, which the child imports and calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dativo.plugins import ChildEnd, run_child

__all__ = ["ChildEnd", "in_child"]


def in_child(
    function: str,
    request: object,
    *,
    seconds: float = 60.0,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
    light: bool = False,
    hear: Callable[[Any], object] = lambda _: None,
) -> ChildEnd:
    """Call a function of the kit in a fresh interpreter with the same ``sys.path``, and wait.

    ``in_child("_memory:peak", {"connector": "acme", "settings": {...}})`` calls ``peak`` of the
    module ``dativo.testing._memory`` with that request. Request and answers are JSON values; the
    request goes over standard input, so that settings may be in it. If the function is a generator,
    each item that it yields is an answer of its own, and those before a crash or a kill are there.
    Look at ``has_ended`` (else ``reason``) before ``answer``: a child that hung, crashed or was
    killed is no exception here.

    Args:
        function: ``_module:name`` in ``dativo.testing``.
        request: JSON values.
        seconds: How long it may take; then it is stopped, and ``stacks`` says where it was.
        environ: Further environment variables, such as a failpoint.
        folder: Its current folder; without it, that of this process.
        light: Leave out what ``dativo.testing`` itself imports, pyarrow above all, to see what the
            connector imports. The function's module then must not import it either.
        hear: Is told each answer at once, in another thread.
    """
    return run_child(
        f"dativo.testing.{function}",
        request,
        seconds=seconds,
        environ=environ,
        folder=folder,
        bare=("dativo.testing",) if light else (),
        on_answer=hear,
    )
