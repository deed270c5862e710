"""The settings: rules by stream and field."""

from __future__ import annotations

from enum import StrEnum

import attrs

from dativo.contract import Secret, setting

__all__ = ["Action", "MaskConfig", "Rule"]

_KEY_CHARACTERS = 16


class Action(StrEnum):
    """What becomes of the values of a field."""

    HASH = "hash"
    """Equal values become equal tokens, which nobody can turn back without the key."""
    KEEP_LAST = "keep_last"
    """Of a text only the end stays, behind four stars."""
    REDACT = "redact"
    """A text becomes four stars, any other value NULL."""
    DROP = "drop"
    """The field is gone."""


@attrs.frozen
class Rule:
    """What becomes of some fields of some streams."""

    streams: str = setting("The stream, or a pattern with * and ?.", pattern=r"[\s\S]+")
    fields: tuple[str, ...] = setting("The fields; a stream that lacks one is refused.")
    action: Action = setting("What becomes of their values.")
    keep: int = setting(
        "How many characters `keep_last` keeps.", default=4, minimum=1, maximum=1000
    )
    if_present: bool = setting("Whether a stream may lack the fields.", default=False)

    def __attrs_post_init__(self) -> None:
        if not self.fields:
            raise ValueError("a rule needs at least one field")


@attrs.frozen
class MaskConfig:
    """The section ``config`` of the extension."""

    rules: tuple[Rule, ...] = setting("The rules; of two for one field, the first decides.")
    key: Secret | None = setting(
        "The secret key of `hash`, at least 16 characters; keep it, or tokens change.",
        default=None,
    )
    leave: tuple[str, ...] = setting(
        "Streams, or patterns, that pass as they are; others without a rule are refused.",
        default=(),
    )

    def __attrs_post_init__(self) -> None:
        if not self.rules:
            raise ValueError("there is no rule")
        if not any(rule.action is Action.HASH for rule in self.rules):
            return
        if self.key is None:
            raise ValueError("the action hash needs a key; write key: ${env:MASK_KEY}")
        if len(self.key.reveal()) < _KEY_CHARACTERS:
            raise ValueError(f"the key needs at least {_KEY_CHARACTERS} characters")
