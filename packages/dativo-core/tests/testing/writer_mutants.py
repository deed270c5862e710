"""Mutants of the reference writer: each breaks one rule in one way that vendors really do.

Those of a subject are in a module of their own, with their part of the table: the rule, the mutants
that it must find, and words of what it says that name the cause.
"""

from __future__ import annotations

from collections.abc import Mapping

import writer_check_mutants
import writer_commit_mutants
import writer_error_mutants
import writer_mode_mutants
import writer_package_mutants
import writer_record_mutants
import writer_session_mutants
import writer_value_mutants
from reference_writer import ReferenceWriter

__all__ = ["COMMON_MUTANTS", "MUTANTS"]

COMMON_MUTANTS: Mapping[str, Mapping[type[ReferenceWriter], str]] = {
    **writer_package_mutants.MUTANTS,
    **writer_check_mutants.MUTANTS,
    **writer_error_mutants.MUTANTS,
}
"""The mutants of each rule that sources have, too."""

MUTANTS: Mapping[str, Mapping[type[ReferenceWriter], str]] = {
    **writer_value_mutants.MUTANTS,
    **writer_mode_mutants.MUTANTS,
    **writer_commit_mutants.MUTANTS,
    **writer_record_mutants.MUTANTS,
    **writer_session_mutants.MUTANTS,
}
"""The mutants of each rule that writers alone have."""
