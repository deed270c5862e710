"""Records as values that can be compared, whatever library and batches they came in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import attrs
import pyarrow as pa

from dativo.testing._bench import Read

__all__ = ["Records", "records_of"]

_SHOWN = 3
_LONG = 120


@attrs.frozen
class Records:
    """A bag of records: how often each is there, without an order.

    Attributes:
        names: The names of the fields.
        counts: How often each record is there, by the texts of its values.
    """

    names: tuple[str, ...]
    counts: Counter[tuple[str, ...]]

    @classmethod
    def none(cls) -> Records:
        """Return no records at all."""
        return cls((), Counter())

    def __len__(self) -> int:
        return self.counts.total()

    def __add__(self, other: Records) -> Records:
        return Records(self.names or other.names, self.counts + other.counts)

    def __sub__(self, other: Records) -> Records:
        return Records(self.names or other.names, self.counts - other.counts)

    def unknown_to(self, other: Records) -> Records:
        """Return those that *other* does not have at all."""
        found = {one: count for one, count in self.counts.items() if one not in other.counts}
        return Records(self.names, Counter(found))

    def only(self, names: Sequence[str]) -> Records:
        """Return the same records with the fields *names* alone, in that order."""
        places = [self.names.index(name) for name in names]
        counts: Counter[tuple[str, ...]] = Counter()
        for one, count in self.counts.items():
            counts[tuple(one[place] for place in places)] += count
        return Records(tuple(names), counts)

    def repeated(self) -> Records:
        """Return those that are there more than once."""
        return Records(self.names, Counter({one: n for one, n in self.counts.items() if n > 1}))

    def shown(self, key: Sequence[str] = ()) -> str:
        """Name the number of records and some of them, by *key* where there is one."""
        names = [name for name in key if name in self.names] or list(self.names)
        places = [self.names.index(name) for name in names]
        some = [
            ", ".join(f"{name}={one[place]}" for name, place in zip(names, places, strict=True))
            for one in sorted(self.counts)[:_SHOWN]
        ]
        word = "record" if len(self) == 1 else "records"
        such = "; ".join(_short(text) for text in some)
        return f"{len(self)} {word} ({such}{' ...' if len(self.counts) > _SHOWN else ''})"


def records_of(reads: Iterable[Read]) -> Records:
    """Gather all records of *reads*."""
    names: tuple[str, ...] = ()
    counts: Counter[tuple[str, ...]] = Counter()
    for read in reads:
        names = tuple(read.data.schema.names)
        columns = [_texts(column) for column in read.data.columns]
        counts.update(zip(*columns, strict=True))
    return Records(names, counts)


def _texts(column: pa.ChunkedArray) -> list[str]:
    try:
        return [repr(value) for value in column.to_pylist()]
    except (ValueError, OverflowError, NotImplementedError, pa.ArrowException):
        # Python has no value for some, such as a date in the year 20000; Arrow has a text.
        return [
            chunk.slice(place, 1).to_string()
            for chunk in column.chunks
            for place in range(len(chunk))
        ]


def _short(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[:_LONG]} ..."
