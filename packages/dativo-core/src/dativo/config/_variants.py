"""The forms in which a secret turns up: encoded, escaped, cut into lines."""

from __future__ import annotations

import base64
import html
import json
import re
from urllib.parse import quote, quote_plus

__all__ = ["SHORT", "variants"]

SHORT = 6
"""A secret with fewer characters is common text; it is only hidden where it stands alone."""

_LINE = 8
_HALF = 12
_ARMOR = re.compile("-----[A-Z0-9 ]+-----")
_KEPT_IN_URLS = ("/", "", "!'()*", "$&+,;=", "!$&'()*+,;=", "!$&'()*+,;=:@/?")
_PERCENT = re.compile("%[0-9A-F]{2}")


def variants(secret: str) -> frozenset[str]:
    """Return every text that gives *secret* away: encodings, escapes, lines and halves."""
    found = _escaped(secret)
    if len(secret) >= SHORT:
        found |= _encoded(secret.encode("utf-8", "surrogatepass"))
        found.add(secret.strip()[::-1])
    lines = [line.strip() for line in secret.splitlines() if line.strip() != secret]
    for line in lines:
        if len(line) >= _LINE and not _ARMOR.fullmatch(line):
            found |= _escaped(line)
    for half in _halves(secret):
        found |= _escaped(half)
    return frozenset(text for text in found if text)


def _escaped(text: str) -> set[str]:
    """Return *text* as URLs, JSON, Python, SQL, connection strings and HTML write it."""
    in_json = json.dumps(text)[1:-1]
    in_unicode_json = json.dumps(text, ensure_ascii=False)[1:-1]
    found = {
        text,
        in_json,
        in_unicode_json,
        in_json.replace("/", "\\/"),
        json.dumps(in_json)[1:-1],
        repr(text)[1:-1],
        repr(text.encode("utf-8", "surrogatepass"))[2:-1],
        text.replace("\\", "\\\\").replace("'", "\\'"),
        text.replace("'", "''"),
        text.replace('"', '""'),
        text.replace("\n", "\r\n"),
        " ".join(text.split()),
        html.escape(text),
    }
    raw = text.encode("utf-8", "surrogatepass")
    for encoded in (quote_plus(raw), *(quote(raw, safe=kept) for kept in _KEPT_IN_URLS)):
        found |= {encoded, _PERCENT.sub(lambda match: match[0].lower(), encoded)}
    return found


def _encoded(raw: bytes) -> set[str]:
    """Return *raw* in hex and in base64, wherever it starts in a longer encoded text."""
    found = {raw.hex(), raw.hex().upper()}
    for offset, damaged in ((0, 0), (1, 2), (2, 3)):
        text = base64.b64encode(b"\0" * offset + raw).decode()
        whole = (offset + len(raw)) * 8 // 6
        inner = text[damaged:whole]
        found |= {inner, inner.replace("+", "-").replace("/", "_"), quote(inner, safe="")}
    return {text for text in found if len(text) >= SHORT}


def _halves(secret: str) -> set[str]:
    """Return both halves of a long secret, for texts that were cut off."""
    middle = len(secret) // 2
    return {secret[:middle], secret[middle:]} if middle >= _HALF else set()
