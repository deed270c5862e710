"""The conformance kit: a vendor proves that a connector keeps the contract.

A vendor's test module subclasses :class:`SourceConformance` or :class:`WriterConformance`, names
the connector and gives the situations to look at; pytest runs one test per rule. ``dativo plugins
verify`` runs the same classes without pytest. The extra ``dativo-core[testing]`` has what it needs.
"""

from dativo.testing._cases import (
    Denied,
    Inapplicable,
    Settings,
    SourceCases,
    Waiting,
    WriterCases,
)
from dativo.testing._catalog import RULES
from dativo.testing._report import Report, RuleResult, Verdict
from dativo.testing._rules import Outcome, Rule
from dativo.testing._runner import run_rule, run_suites
from dativo.testing._suites import Conformance, SourceConformance, WriterConformance
from dativo.testing._verifying import verify

__all__ = [
    "RULES",
    "Conformance",
    "Denied",
    "Inapplicable",
    "Outcome",
    "Report",
    "Rule",
    "RuleResult",
    "Settings",
    "SourceCases",
    "SourceConformance",
    "Verdict",
    "Waiting",
    "WriterCases",
    "WriterConformance",
    "run_rule",
    "run_suites",
    "verify",
]
