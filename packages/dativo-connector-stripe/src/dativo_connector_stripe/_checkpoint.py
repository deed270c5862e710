"""What a checkpoint of a stream holds, and for whom it is good."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from dativo.contract import Checkpoint, JsonValue
from dativo.errors import StateError, StateUnreadableError
from dativo_connector_stripe._horizon import Horizon
from dativo_connector_stripe._windows import Span

__all__ = ["CHECKPOINT_VERSION", "Origin", "Position"]

CHECKPOINT_VERSION = 1

_ANEW = "Read the stream anew with --full-refresh."


@attrs.frozen(kw_only=True)
class Origin:
    """Where the objects come from; another one has other objects, or writes them otherwise.

    Attributes:
        account: The id of the account; empty if the key may not ask for it.
        livemode: Whether its objects are real.
        api_version: The version of the API.
    """

    account: str
    livemode: bool
    api_version: str

    def require_same(self, now: Origin) -> None:
        """Raise a StateError if what was read from here cannot be continued from *now*."""
        if self.account and now.account and self.account != now.account:
            raise _foreign("account", self.account, now.account, "Use a key of that account")
        if self.livemode != now.livemode:
            raise _foreign(
                "mode", _mode(self.livemode), _mode(now.livemode), "Use a key of that mode"
            )
        if self.api_version != now.api_version:
            fix = f"Set `api_version: {self.api_version}` in `source.config`"
            raise _foreign("API version", self.api_version, now.api_version, fix)


@attrs.frozen(kw_only=True)
class Position:
    """How far a stream was read.

    Attributes:
        origin: Where it was read.
        objects: Where the next read of its list begins.
        events: Where the next read of its events begins; ``None`` for a stream without events.
        rest: What earlier reads have left over of the list.
    """

    origin: Origin
    objects: Horizon = attrs.field(factory=Horizon)
    events: Horizon | None = None
    rest: tuple[Span, ...] = ()

    def to_checkpoint(self) -> Checkpoint:
        """Return it as a checkpoint."""
        value: dict[str, JsonValue] = {
            **attrs.asdict(self.origin),
            "objects": self.objects.to_json(),
            "events": None if self.events is None else self.events.to_json(),
            "rest": [list(attrs.astuple(span)) for span in self.rest],
        }
        return Checkpoint(value, version=CHECKPOINT_VERSION)

    @classmethod
    def of(cls, checkpoint: Checkpoint) -> Position:
        """Read what :meth:`to_checkpoint` wrote.

        Raises:
            StateUnreadableError: It is nothing of the kind.
        """
        value = checkpoint.value
        try:
            events = value["events"]
            return cls(
                origin=Origin(
                    account=str(value["account"]),
                    livemode=bool(value["livemode"]),
                    api_version=str(value["api_version"]),
                ),
                objects=Horizon.from_json(value["objects"]),
                events=None if events is None else Horizon.from_json(events),
                rest=tuple(_span(one) for one in _sequence(value["rest"])),
            )
        except (KeyError, TypeError, ValueError) as error:
            msg = f"this is no checkpoint of the Stripe source: {error!r}"
            raise StateUnreadableError(msg, fix=_ANEW) from error


def _span(value: JsonValue) -> Span:
    lower, upper, after, walk = _sequence(value)
    return Span(
        int(str(lower)),
        None if upper is None else int(str(upper)),
        None if after is None else str(after),
        int(str(walk)),
    )


def _sequence(value: JsonValue) -> Sequence[JsonValue]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        msg = f"expected a list, got {value!r}"
        raise TypeError(msg)
    return value


def _foreign(what: str, before: str, now: str, fix: str) -> StateError:
    details: Mapping[str, str] = {"before": before, "now": now}
    return StateError(
        f"the stream was read with the {what} {before}, and the key or config now has {now}",
        fix=f"{fix}, or read the stream anew with --full-refresh.",
        details=details,
    )


def _mode(livemode: bool) -> str:  # noqa: FBT001 - the flag itself is what is named
    return "live" if livemode else "test"
