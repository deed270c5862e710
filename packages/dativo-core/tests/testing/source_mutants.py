"""Mutants of the reference source: each breaks one rule in one way that vendors really do.

Those of a subject are in a module of their own, with their part of the table: the rule, the mutants
that it must find, and words of what it says that name the cause.
"""

from __future__ import annotations

from collections.abc import Mapping

import source_check_mutants
import source_checkpoint_mutants
import source_data_mutants
import source_discovery_mutants
import source_error_mutants
import source_mode_mutants
import source_package_mutants
import source_reach_mutants
import source_reading_mutants
import source_secret_mutants
from reference_source import ReferenceSource

__all__ = ["COMMON_MUTANTS", "MUTANTS"]

COMMON_MUTANTS: Mapping[str, Mapping[type[ReferenceSource], str]] = {
    **source_package_mutants.MUTANTS,
    **source_check_mutants.MUTANTS,
    **source_error_mutants.MUTANTS,
    **source_secret_mutants.MUTANTS,
    **source_reach_mutants.MUTANTS,
}
"""The mutants of each rule that writers have, too."""

MUTANTS: Mapping[str, Mapping[type[ReferenceSource], str]] = {
    **source_discovery_mutants.MUTANTS,
    **source_data_mutants.MUTANTS,
    **source_mode_mutants.MUTANTS,
    **source_checkpoint_mutants.MUTANTS,
    **source_reading_mutants.MUTANTS,
}
"""The mutants of each rule that sources alone have."""
