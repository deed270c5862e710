"""The text of a new job file: correct YAML with a comment wherever a reader may ask why."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import attrs

from dativo.cli._render_words import count_of, one_line
from dativo.cli._settings import is_secret
from dativo.contract import ReadMode, Stream, StreamStatus, WriteMode

__all__ = ["ConnectorSection", "StreamSection", "job_file", "references"]

_PLAIN = re.compile(r"[A-Za-z_./~][A-Za-z0-9_./*~-]*")
_REFERENCE = re.compile(r"\$\{(?:env|file):[^{}]+\}")
_VARIABLE = re.compile(r"\$\{env:([^{}]+)\}")
_WORDS = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "~", ".nan", ".inf"}
_WIDTH = 98  # with the indentation of a section


@attrs.frozen(kw_only=True)
class ConnectorSection:
    """The section of one connector.

    Attributes:
        connector: Its address.
        schema: The JSON Schema of its settings.
        settings: The settings that are known.
    """

    connector: str
    schema: Mapping[str, Any]
    settings: Mapping[str, object]

    @property
    def config(self) -> dict[str, object]:
        """The settings of the file: the known ones, and a reference for what else is required."""
        properties = self.schema.get("properties", {})
        missing = (name for name in self.schema.get("required", ()) if name not in self.settings)
        required = {name: self._placeholder(name, properties.get(name, {})) for name in missing}
        return {**required, **self.settings}

    def _placeholder(self, name: str, about: Mapping[str, Any]) -> object:
        """Return a reference, as only an example of a path is likely to be right."""
        kinds = [about, *about.get("anyOf", ())]
        if about.get("examples") and any(kind.get("format") == "path" for kind in kinds):
            return about["examples"][0]
        return _reference(self.connector, name)


@attrs.frozen(kw_only=True)
class StreamSection:
    """What is known of the streams.

    Attributes:
        streams: What the source offers; empty if it could not be asked.
        complete: Whether these are all.
        write_modes: The modes of the writer.
    """

    streams: Sequence[Stream] = ()
    complete: bool = True
    write_modes: Sequence[str] = ("replace",)


def job_file(
    name: str, source: ConnectorSection, writer: ConnectorSection, streams: StreamSection
) -> str:
    """Return the text of the job file."""
    lines = [
        "# A Dativo job. `dativo check` tries it out, `dativo run` runs it.",
        f"name: {_scalar(name)}  # the job's id; it names the job's state, so keep it",
        "source:",
        *_indented(_connector(source)),
        "streams:",
        *_indented(_streams(streams)),
        "writer:",
        *_indented(_connector(writer)),
        f"  mode: {_default_mode(streams.write_modes)}  # a stream may override it: write_mode",
        "# run: {parallelism: 4, memory: 256MB, timeout: 24h}",
    ]
    return "\n".join(lines) + "\n"


def references(section: ConnectorSection) -> list[str]:
    """Return the environment variables that the section refers to."""
    text = json.dumps(section.config, ensure_ascii=False)
    return list(dict.fromkeys(_VARIABLE.findall(text)))


def _connector(section: ConnectorSection) -> Iterator[str]:
    yield f"connector: {_scalar(section.connector)}"
    config = section.config
    properties: Mapping[str, Any] = section.schema.get("properties", {})
    if not config and not properties:
        return
    yield "config:" if config else "config: {}"
    for key, value in config.items():
        yield _commented(f"  {_scalar(key)}: {_value(value)}", _help(properties.get(key, {})))
    for key, about in properties.items():
        if key not in config:
            yield _commented(f"  # {key}: {_example(section.connector, key, about)}", _help(about))


def _streams(section: StreamSection) -> Iterator[str]:
    readable = [one for one in section.streams if one.status is StreamStatus.READABLE]
    yield from _how_to_read_what_is_new(section)
    for stream in section.streams:
        yield from _stream(stream)
    if readable and section.complete:
        return
    if not readable:
        yield '- name: "*"  # everything; `dativo discover` lists what there is'
        yield "  mode: full"
    else:
        yield "# There are more; a pattern takes what no entry names:"
        yield '# - name: "*"'
        yield "#   mode: full"


def _stream(stream: Stream) -> Iterator[str]:
    rows = "" if stream.estimated_rows is None else f", ~{count_of(stream.estimated_rows, 'row')}"
    if stream.status is not StreamStatus.READABLE:
        why = stream.problem.message if stream.problem is not None else "not readable"
        yield f"# - name: {_scalar(stream.name)}  # {one_line(why)}"
        return
    if not _is_addressable(stream.name):
        yield f"# - name: {_scalar(one_line(stream.name))}  # use a query: no entry can name it"
        return
    cursors = stream.cursors if ReadMode.INCREMENTAL in stream.read_modes else ()
    candidates = f"; cursors: {', '.join(cursors)}" if cursors else ""
    yield _commented(f"- name: {_scalar(stream.name)}", f"{stream.kind}{rows}{candidates}")
    yield "  mode: full"


def _how_to_read_what_is_new(section: StreamSection) -> Iterator[str]:
    """Say what a person may choose, because only who owns the data knows what grows."""
    if any(ReadMode.INCREMENTAL in one.read_modes and one.cursors for one in section.streams):
        yield "# Each stream is read in full, which loses nothing. Where a column grows with every"
        yield "# change, these lines in place of `mode: full` read only what is new:"
        yield "#   mode: incremental"
        yield "#   cursor: NAME"
        if WriteMode.APPEND.value in section.write_modes:
            yield "#   write_mode: append"


def _is_addressable(name: str) -> bool:
    """Whether an entry can name the stream; ``*`` and ``?`` would make it a pattern."""
    return name.isprintable() and name == name.strip() and not {"*", "?"} & set(name)


def _default_mode(write_modes: Sequence[str]) -> str:
    """Return the mode that fits full reads: append would add everything again with each run."""
    replace = WriteMode.REPLACE.value
    return replace if replace in write_modes or not write_modes else write_modes[0]


def _reference(connector: str, key: str) -> str:
    words = re.sub(r"[^A-Za-z0-9]+", "_", f"{connector}_{key}").upper()
    return f"${{env:{words}}}"


def _example(connector: str, key: str, about: Mapping[str, Any]) -> str:
    if is_secret(about):
        return _reference(connector, key)
    if "default" in about:
        return _value(about["default"])
    if about.get("examples"):
        return _value(about["examples"][0])
    if about.get("enum"):
        return _value(about["enum"][0])
    empty = {"array": "[]", "object": "{}"}
    return empty.get(str(about.get("type")), "...")


def _help(about: Mapping[str, Any]) -> str:
    choices = f" ({' | '.join(map(str, about['enum']))})" if "enum" in about else ""
    return one_line(str(about.get("description", ""))) + choices


def _commented(line: str, comment: str) -> str:
    room = _WIDTH - len(line) - len("  # ")
    if not comment or room < len("..."):
        return line
    short = comment if len(comment) <= room else comment[: room - 3].rstrip() + "..."
    return f"{line}  # {short}"


def _value(value: object) -> str:
    if isinstance(value, str):
        return _scalar(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_scalar(str(k))}: {_inner(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_inner(item) for item in value) + "]"
    return json.dumps(value)


def _inner(value: object) -> str:
    """Return *value* inside brackets, where a reference needs quotes."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else _value(value)


def _scalar(text: str) -> str:
    if _REFERENCE.fullmatch(text):
        return text
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return json.dumps(text, ensure_ascii=False)


def _indented(lines: Iterable[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)
