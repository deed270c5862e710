"""In a child: what a connector said and did, each text with its place."""

from __future__ import annotations

import contextlib
import json
import traceback
from collections.abc import Iterator
from typing import Any

import attrs

from dativo.engine._arrow import read_schema
from dativo.errors import DativoError

__all__ = ["Notes"]


@attrs.define
class Notes:
    """What a connector said and did.

    Attributes:
        texts: Pairs of a place and what was said there.
        done: What came to its end.
    """

    texts: list[tuple[str, str]] = attrs.field(factory=list)
    done: list[str] = attrs.field(factory=list)

    def say(self, place: str, text: str) -> None:
        """Note a text."""
        self.texts.append((place, text))

    def say_error(self, place: str, error: DativoError) -> None:
        """Note an error and its causes, which a traceback shows."""
        self.say(place, f"{error} {json.dumps(error.to_dict(), default=str)}")
        for cause in _causes(error):
            self.say(f"a cause of {place}", "".join(traceback.format_exception_only(cause)))

    def say_schema(self, place: str, schema: Any) -> None:
        """Note the metadata of a schema and of its fields."""
        known = read_schema(schema)
        fields = [known.field(number) for number in range(len(known.names))]
        said = [known.metadata_str, *({field.name: field.metadata_str} for field in fields)]
        self.say(f"the schema of {place}", json.dumps(said))

    @contextlib.contextmanager
    def trying(self, what: str) -> Iterator[None]:
        """Note an error where it happens, and go on behind the block."""
        try:
            yield
        except DativoError as error:
            self.say_error(f"the error of {what}", error)
        except Exception as error:  # noqa: BLE001 - a reader's own exception comes as it is
            self.say(f"the exception of {what}", f"{error!r} {error}")
        else:
            self.done.append(what)


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield what *error* was raised from or because of, as far back as a traceback shows it."""
    known = {id(error)}
    cause: BaseException | None = error
    while cause is not None:
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
        if cause is None or id(cause) in known:
            return
        known.add(id(cause))
        yield cause
