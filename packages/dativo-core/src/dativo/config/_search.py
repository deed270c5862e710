"""Find many texts at once, quickly: a log has megabytes, and a secret is in few of its lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import attrs

__all__ = ["Search"]

_GRAM = 4
_HEAD = 3
_BY_FREQUENCY = " eta0123:-oins456789r,._\"hldcu/={}()'mpgwfybv\nTISREOANDCLMPFUGHBYVWKk"
_RARITY = {character: rank for rank, character in enumerate(_BY_FREQUENCY)}


@attrs.frozen
class Search:
    """The compiled form of a set of texts.

    Attributes:
        probe: Matches some part of each text; quick, and in most lines there is nothing.
        whole: Matches the texts, longer ones first; words only where they stand alone.
        heads: Matches where the first characters of a text stand, overlaps included.
        ends: How a text may end that one of the texts goes on from: all runs of four characters,
            and what is shorter and begins a text.
        texts: The texts.
    """

    probe: re.Pattern[str]
    whole: re.Pattern[str]
    heads: re.Pattern[str]
    ends: frozenset[str]
    texts: tuple[str, ...]

    @classmethod
    def of(cls, texts: Iterable[str], words: Iterable[str]) -> Search | None:
        """Compile *texts*, hidden wherever they occur, and *words*; ``None`` if there are none."""
        found = sorted({*texts, *words}, key=lambda text: (-len(text), text))
        if not found:
            return None
        wanted = set(texts)
        whole = [
            re.escape(text) if text in wanted else rf"(?<!\w){re.escape(text)}(?!\w)"
            for text in found
        ]
        return cls(
            probe=_any_of(_parts(found)),
            whole=re.compile("|".join(whole)),
            heads=re.compile(f"(?={_any_of({text[:_HEAD] for text in found}).pattern})"),
            ends=frozenset(_ends(found)),
            texts=tuple(found),
        )

    def matches(self, text: str) -> list[tuple[int, int]]:
        """Return where something is found, from left to right, without overlaps."""
        return [match.span() for match in self.whole.finditer(text)]

    def open_end(self, text: str) -> int:
        """Return where at the end of *text* one of the texts may have begun; else its length."""
        if not any(text[-length:] in self.ends for length in range(1, _GRAM + 1)):
            return len(text)
        window = max(0, len(text) - len(self.texts[0]))
        starts = [match.start() for match in self.heads.finditer(text, window)]
        starts += range(max(window, len(text) - _HEAD + 1), len(text))
        for start in starts:
            tail = text[start:]
            if any(candidate.startswith(tail) for candidate in self.texts):
                return start
        return len(text)


def _ends(texts: list[str]) -> Iterator[str]:
    for text in texts:
        yield from (text[:length] for length in range(1, _GRAM))
        yield from (text[start : start + _GRAM] for start in range(len(text) - _GRAM + 1))


def _any_of(parts: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, sorted(parts))))


def _parts(texts: list[str]) -> set[str]:
    """Choose short parts, at least one of each text, that start with characters rare in logs.

    A pattern is searched for as fast as its first characters are rare.
    """
    parts: set[str] = set()
    heads: set[str] = set()
    for text in texts:
        if not any(part in text for part in parts):
            starts = range(max(1, len(text) - _GRAM + 1))
            best = max(starts, key=lambda start: (_rarity(text[start]), text[start] in heads))
            heads.add(text[best])
            parts.add(text[best : best + _GRAM])
    return parts


def _rarity(character: str) -> int:
    return _RARITY.get(character, len(_RARITY))
