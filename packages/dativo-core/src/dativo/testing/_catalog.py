"""All rules, in the order in which they are run and reported."""

from __future__ import annotations

from dativo.testing import (
    _about_check,
    _about_checkpoints,
    _about_commits,
    _about_compact,
    _about_data,
    _about_discover,
    _about_errors,
    _about_harm,
    _about_hosts,
    _about_increments,
    _about_memory,
    _about_modes,
    _about_package,
    _about_ranges,
    _about_reading,
    _about_records,
    _about_secrets,
    _about_sessions,
    _about_shape,
    _about_values,
    _about_write_modes,
    _about_written_streams,
)
from dativo.testing._rules import Rule

__all__ = ["RULES"]

RULES: tuple[Rule, ...] = (
    *_about_package.RULES,
    *_about_check.RULES,
    *_about_harm.RULES,
    *_about_errors.RULES,
    *_about_secrets.RULES,
    *_about_hosts.RULES,
    *_about_discover.RULES,
    *_about_shape.RULES,
    *_about_data.RULES,
    *_about_modes.RULES,
    *_about_ranges.RULES,
    *_about_checkpoints.RULES,
    *_about_increments.RULES,
    *_about_reading.RULES,
    *_about_memory.RULES,
    *_about_values.RULES,
    *_about_write_modes.RULES,
    *_about_commits.RULES,
    *_about_records.RULES,
    *_about_sessions.RULES,
    *_about_written_streams.RULES,
    *_about_compact.RULES,
)
