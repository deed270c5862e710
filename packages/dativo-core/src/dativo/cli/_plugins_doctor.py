"""``dativo plugins doctor``: what is wrong with a plugin, and how to mend it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dativo.cli import _complete as complete
from dativo.cli._edge import Answer, answer
from dativo.cli._options import Debug, Json, Verbose
from dativo.cli._session import Options

if TYPE_CHECKING:
    from dativo.errors import DativoError
    from dativo.plugins import Diagnosis, Finding

__all__ = ["doctor"]

Name = Annotated[
    str,
    typer.Argument(metavar="NAME", help="The plugin's address.", autocompletion=complete.plugins),
]
Timeout = Annotated[
    float,
    typer.Option("--timeout", metavar="SECONDS", help="How long loading it may take.", min=0.1),
]


def doctor(
    *,
    name: Name,
    timeout: Timeout = 20.0,
    json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Find out what is wrong with a plugin, and how to mend it.

    Looks at its metadata and its requirements, then loads it in a process of its own, which may
    hang, crash or print without harm. Each finding comes with its fix.
    """
    options = Options(json=json, verbose=verbose, debug=debug)
    return answer(options, lambda _: _diagnose(name, timeout))


def _diagnose(name: str, seconds: float) -> Answer:
    from dativo.cli._render_doctor import show_diagnosis  # needs the contract
    from dativo.plugins import diagnose  # reads the metadata

    found = diagnose(name, seconds=seconds)
    document: dict[str, object] = {
        "ok": found.is_well,
        "name": name,
        "looked_at": list(found.looked),
        "findings": [_document(one) for one in found.findings],
        "hints": [_document(one) for one in found.hints],
    }
    exit_code = 0
    if not found.is_well:
        error = _error(name, found)
        exit_code = error.exit_code
        document["error"] = error.to_dict()
    return Answer(
        document=document,
        exit_code=exit_code,
        show=lambda page: show_diagnosis(page, name, found),
    )


def _error(name: str, found: Diagnosis) -> DativoError:
    """Return the first finding, which causes the others, as an error."""
    first, *others = found.findings
    rest = f" (and {len(others)} more)" if others else ""
    return first.error(
        f"the plugin {name!r} is not well: {first.problem}{rest}",
        fix=first.fix,
        connector=name,
        phase="load",
    )


def _document(finding: Finding) -> dict[str, object]:
    return {
        "problem": finding.problem,
        "fix": finding.fix,
        "place": finding.place,
        "details": list(finding.details),
        "code": finding.error.code,
    }
