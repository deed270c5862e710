"""Up to where a list was read, and which objects beyond that were read already."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping

import attrs

from dativo.contract import JsonValue

__all__ = ["MOST_SEEN", "Horizon", "fingerprint_of"]

MOST_SEEN = 2500
"""So many objects and as many events fit into a checkpoint, beside what is left to read."""

_HASH_BYTES = 8


@attrs.frozen(kw_only=True)
class Horizon:
    """Where the next read of a list begins.

    An object can appear in the list after its time has passed, so that a read begins some time
    before the end of the one before it, and leaves out what that one has had.

    Attributes:
        lower: The second of ``created`` from which on it reads.
        upper: The second at which the last read ended; 0 before the first one.
        seen: The fingerprints of objects from there on that were delivered.
    """

    lower: int = 0
    upper: int = 0
    seen: frozenset[bytes] = frozenset()

    def to_json(self) -> Mapping[str, JsonValue]:
        """Return it as it stands in a checkpoint."""
        joined = b"".join(sorted(self.seen))
        seen = base64.b64encode(joined).decode("ascii")
        return {"lower": self.lower, "upper": self.upper, "seen": seen}

    @classmethod
    def from_json(cls, value: JsonValue) -> Horizon:
        """Read what :meth:`to_json` wrote.

        Raises:
            ValueError: It is nothing of the kind.
        """
        if not isinstance(value, Mapping) or set(value) != {"lower", "upper", "seen"}:
            msg = "a horizon has lower, upper and seen"
            raise ValueError(msg)
        joined = base64.b64decode(str(value["seen"]), validate=True)
        return cls(
            lower=int(str(value["lower"])),
            upper=int(str(value["upper"])),
            seen=frozenset(_pieces(joined)),
        )

    def has_seen(self, object_id: str) -> bool:
        """Whether the object of this id was delivered by an earlier read."""
        return bool(self.seen) and fingerprint_of(object_id) in self.seen

    def after(self, upper: int, middle: int, fresh: Iterable[str] | None) -> Horizon:
        """Return the horizon after a read up to *upper*.

        Args:
            upper: The second at which the read ends.
            middle: The second at which the next one begins.
            fresh: The ids of all objects between the two; ``None`` if they are too many to
                remember and were left to the next read.
        """
        if fresh is None:
            # What was seen of the time that is left over must not come again.
            return Horizon(lower=middle, upper=max(middle, self.upper), seen=self.seen)
        seen = frozenset(fingerprint_of(one) for one in fresh)
        return Horizon(lower=middle, upper=upper, seen=seen)


def fingerprint_of(object_id: str) -> bytes:
    """Return 64 bits that stand for an id; of 2,500 none is met by chance in a billion reads."""
    return hashlib.blake2b(object_id.encode(), digest_size=_HASH_BYTES).digest()


def _pieces(joined: bytes) -> Iterator[bytes]:
    if len(joined) % _HASH_BYTES:
        msg = "fingerprints have been cut"
        raise ValueError(msg)
    for start in range(0, len(joined), _HASH_BYTES):
        yield joined[start : start + _HASH_BYTES]
