"""Stream names: ``schema.table``, with quotes only where a part holds a dot or a quote."""

from __future__ import annotations

import re

import attrs

from dativo.errors import SchemaValidationError

__all__ = ["RelationName", "quote", "quote_list", "quote_literal"]

_PART = re.compile(r'"((?:[^"]|"")+)"|([^".]+)')


def quote(identifier: str) -> str:
    """Return *identifier* as SQL."""
    return '"' + identifier.replace('"', '""') + '"'


def quote_list(identifiers: tuple[str, ...]) -> str:
    """Return *identifiers* as a list in SQL."""
    return ", ".join(quote(identifier) for identifier in identifiers)


def quote_literal(text: str) -> str:
    """Return *text* as an SQL literal; our sessions fix ``standard_conforming_strings``."""
    return "'" + text.replace("'", "''") + "'"


@attrs.frozen
class RelationName:
    """A table or view; without a schema it is looked up in the search path."""

    schema: str | None
    table: str

    @classmethod
    def parse(cls, name: str) -> RelationName:
        """Read a stream's name.

        Raises:
            SchemaValidationError: It is no name of this form.
        """
        first = _PART.match(name)
        if first is not None:
            if first.end() == len(name):
                return cls(None, _part(first))
            second = _PART.fullmatch(name, first.end() + 1)
            if second is not None and name[first.end()] == ".":
                return cls(_part(first), _part(second))
        raise SchemaValidationError(
            f"{name!r} is not the name of a table or view",
            fix='Write schema.table; a part with a dot or a quote in it is quoted: "my.schema".t',
        )

    def __str__(self) -> str:
        parts = (self.table,) if self.schema is None else (self.schema, self.table)
        return ".".join(quote(part) if set(part) & {".", '"'} else part for part in parts)

    @property
    def sql(self) -> str:
        """The name as SQL, always quoted."""
        parts = (self.table,) if self.schema is None else (self.schema, self.table)
        return ".".join(map(quote, parts))


def _part(match: re.Match[str]) -> str:
    quoted: str | None = match.group(1)
    return match.group(2) if quoted is None else quoted.replace('""', '"')
