"""``dativo plugins verify``: does a connector keep the contract?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dativo.cli import _complete as complete
from dativo.cli._edge import Answer, answer
from dativo.cli._options import Debug, Json, Verbose
from dativo.cli._session import Options, Session

if TYPE_CHECKING:
    from collections.abc import Callable

    from dativo.errors import DativoError
    from dativo.testing import Report, RuleResult

__all__ = ["verify"]

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME", help="The connector's address.", autocompletion=complete.connectors
    ),
]
Suite = Annotated[
    str | None,
    typer.Option(
        "--suite",
        metavar="FILE_OR_MODULE",
        help="Python with subclasses of SourceConformance or WriterConformance. Without it: the "
        "tests/test_conformance.py of an editable installation.",
    ),
]
Cases = Annotated[
    Path | None,
    typer.Option("--cases", metavar="FILE", help="A YAML file with situations to look at."),
]
Rules = Annotated[
    list[str] | None,
    typer.Option("--rule", metavar="NAME", help="Only this rule; may be given several times."),
]
Junit = Annotated[
    Path | None,
    typer.Option("--junit", metavar="FILE", help="Also write the report as JUnit XML."),
]


def verify(
    *,
    name: Name,
    suite: Suite = None,
    cases: Cases = None,
    rule: Rules = None,
    junit: Junit = None,
    json: Json = False,
    verbose: Verbose = False,
    debug: Debug = False,
) -> int:
    """Look at an installed connector by all rules of the conformance kit, and report.

    The kit runs in a process of its own: a connector that hangs or crashes breaks the rule that it
    does this in, and the other rules are looked at all the same. Without situations only the rules
    about the package can look. The exit code is 0 only if no rule is broken or left open.
    """
    options = Options(json=json, verbose=verbose, debug=debug)
    given = {"suite": suite or "", "cases": "" if cases is None else str(cases)}

    def action(session: Session) -> Answer:
        return _verify(session, name, junit=junit, rules=tuple(rule or ()), **given)

    return answer(options, action)


def _verify(
    session: Session,
    name: str,
    *,
    junit: Path | None,
    suite: str,
    cases: str,
    rules: tuple[str, ...],
) -> Answer:
    from dativo.errors import UsageError  # needs the catalogue

    if suite and cases:
        raise UsageError("--suite and --cases exclude each other", fix="Give one of them.")
    run = _kit()
    from dativo.cli._render_verify import show_report, show_result  # need the kit

    def tell(result: RuleResult) -> None:
        if session.options.verbose:
            show_result(session.notes, result)

    report = run(
        name,
        suite=suite,
        cases=cases,
        rules=rules,
        on_result=tell,
    )
    if junit is not None:
        _write(junit, report.to_junit())
    error = _error(report)
    document: dict[str, object] = {"ok": error is None, **report.to_document()}
    if error is not None:
        document["error"] = error.to_dict()
    return Answer(
        document=document,
        exit_code=0 if error is None else error.exit_code,
        show=lambda page: show_report(page, report),
        errors=() if error is None else (("", error),),
    )


def _kit() -> Callable[..., Report]:
    """Load the kit, which needs what only its extra brings."""
    from dativo.errors import MissingConfigError  # as above

    try:
        from dativo.testing import verify as run  # loads pyarrow
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("pyarrow", "pytest"):
            raise
        msg = f"the conformance kit needs {error.name}, which is not installed"
        raise MissingConfigError(msg, fix="pip install 'dativo-core[testing]'") from error
    return run


def _write(file: Path, text: str) -> None:
    from dativo.errors import wrap_exception  # as above

    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise wrap_exception(error) from error


def _error(report: Report) -> DativoError | None:
    from dativo.errors import ContractViolationError, NotVerifiedError  # as above
    from dativo.testing import Outcome, Verdict  # loaded already

    if report.verdict is Verdict.PASSED:
        return None
    broken = [one.rule for one in report.results if one.outcome is Outcome.BROKEN]
    left_open = [one.rule for one in report.results if one.is_open]
    if broken:
        return ContractViolationError(
            f"{report.connector!r} breaks {_listed(broken)}",
            fix="Mend what is named below each rule; --rule NAME looks at one of them alone.",
            connector=report.connector,
            phase="verify",
        )
    what = _listed(left_open) if left_open else "any rule"
    return NotVerifiedError(
        f"nothing broken was found in {report.connector!r}, and it was not possible to verify "
        f"{what}",
        connector=report.connector,
        phase="verify",
    )


def _listed(rules: list[str]) -> str:
    number = "1 rule" if len(rules) == 1 else f"{len(rules)} rules"
    return f"{number}: {', '.join(dict.fromkeys(rules))}"
