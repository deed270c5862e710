"""Three secrets, and every form of them that must not turn up anywhere."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

import pyarrow.parquet as pq

__all__ = ["CANARIES", "forms", "hits", "hits_in_files"]

_PEM_LINES = (
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDCanary0Qx7Zt1",
    "uV3kq9LwYb5/8sRj+2HfXyEoTnGaWcMdPiKzUvBrJl4mS6hNgDeAxCpQwIyFtOkZ",
    "Vb7n1RjLq3MsX0cTgHw9KdEaPyYzUiBoJ2f5W8rNvSlG4xCmQp6tAeIkDhOuZg==",
)

CANARIES: Mapping[str, str] = {
    "PUNCTUATION": 'c4n@ry:Sl/ash%2B+"quote\nand-a-second_line~7',
    "HEX": "9f31c07ae5d2486bb0e17f5a6c93d8e42a7b50f1c6e8394d0a1f7e2b5c8d6934",
    "PEM": "\n".join(
        ("-----BEGIN PRIVATE KEY-----", *_PEM_LINES, "-----END PRIVATE KEY-----"),
    )
    + "\n",
}
"""Each secret by the name of the environment variable that holds it."""

_LEAST = 12


def forms(secret: str) -> dict[str, str]:
    """Return the forms of *secret* that give it away, each with what it is called."""
    found = dict(_written(secret, "raw"))
    raw = secret.encode()
    found |= {"hex": raw.hex(), "HEX": raw.hex().upper(), "reversed": secret[::-1]}
    for offset, damaged in ((0, 0), (1, 2), (2, 3)):
        text = base64.b64encode(b"\0" * offset + raw).decode()
        inner = text[damaged : (offset + len(raw)) * 8 // 6]
        found[f"base64 at {offset}"] = inner
        found[f"base64url at {offset}"] = inner.replace("+", "-").replace("/", "_")
    lines = [line for line in secret.splitlines() if not line.startswith("-----")]
    if len(lines) > 1:
        for number, line in enumerate(lines):
            if len(line) >= _LEAST:
                found |= dict(_written(line, f"line {number}"))
    middle = len(secret) // 2
    for name, half in (("first", secret[:middle]), ("second", secret[middle:])):
        if len(half) >= _LEAST:
            found |= {f"{name} half": half, f"{name} half reversed": half[::-1]}
    return found


def _written(text: str, name: str) -> Iterator[tuple[str, str]]:
    yield name, text
    yield f"{name} in a URL", quote(text, safe="")
    yield f"{name} in a path", quote(text)
    yield f"{name} in a form", quote_plus(text)
    yield f"{name} in JSON", json.dumps(text)[1:-1]
    yield f"{name} in JSON twice", json.dumps(json.dumps(text)[1:-1])[1:-1]
    yield f"{name} in Python", repr(text)[1:-1]


_FORMS = {
    (canary, name): text.encode()
    for canary, secret in CANARIES.items()
    for name, text in forms(secret).items()
}
_PARTS = {
    (canary, f"from {start} of {line[:3]}"): line[start : start + _LEAST].encode()
    for canary, secret in CANARIES.items()
    for line in secret.splitlines()
    if not line.startswith("-----")
    for start in range(len(line) - _LEAST + 1)
}
_STYLE = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")
_WRAPPED = re.compile(rb"[\s\xe2\x94\x82|]+")


def hits(data: bytes | str, *, is_wrapped: bool = False) -> list[str]:
    """Return which canaries *data* shows and how; on a terminal lines may be wrapped."""
    haystack = data.encode() if isinstance(data, str) else data
    wanted = _FORMS | _PARTS
    found = {f"{canary}: {name}" for (canary, name), form in wanted.items() if form in haystack}
    if is_wrapped:
        plain = _WRAPPED.sub(b"", _STYLE.sub(b"", haystack))
        squeezed = ((key, _WRAPPED.sub(b"", form)) for key, form in wanted.items())
        found |= {f"{canary}: {name}" for (canary, name), form in squeezed if form in plain}
    return sorted(found)


def hits_in_files(folder: Path, *, given: tuple[Path, ...] = ()) -> list[str]:
    """Return what the files under *folder* show, those that were *given* to the run left out."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path in given or any(parent in given for parent in path.parents):
            continue
        found += [f"the name {path}: {hit}" for hit in hits(str(path.relative_to(folder)))]
        if path.is_file() and not path.is_symlink():
            found += [f"{path}: {hit}" for hit in hits(path.read_bytes())]
            if path.suffix == ".parquet":
                found += [f"the footer of {path}: {hit}" for hit in hits(_footer(path))]
    return found


def _footer(path: Path) -> str:
    """Return all metadata of a Parquet file as text, that of its fields included."""
    file = pq.ParquetFile(path)
    schema = file.schema_arrow
    texts = [str(file.metadata), str(file.metadata.metadata), str(schema.metadata)]
    texts += [f"{field} {field.metadata}" for field in schema]
    return "\n".join(texts)
