from __future__ import annotations

import base64
import html
import json
import os
import random
import re
import secrets
import shlex
import string
import threading
from urllib.parse import quote, quote_plus

import pytest

from dativo.config import MASK, RedactingWriter, Redactor
from dativo.config._search import Search

SEED = os.environ.get("DATIVO_TEST_SEED", "1")

TRICKY = "pä@:/%+\"\n'\\x9f3Kq"
HEX = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
PEM = """-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj
MzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SC6dVMvDuictGeurT8jNbvJZHtCSuYEvu
NMoSfm76oqFvAp8Gy0iz5sxjZmSnXyCdPEovGhLa0VzMaQ8s+CLOyS56YyCFGeJZ
-----END PRIVATE KEY-----
"""
CANARIES = {"tricky": TRICKY, "hex": HEX, "pem": PEM}


def forms(secret: str) -> dict[str, str]:
    raw = secret.encode()
    encoded: dict[str, str] = {}
    for offset in range(3):
        for name in ("standard", "urlsafe"):
            encode = {"standard": base64.b64encode, "urlsafe": base64.urlsafe_b64encode}[name]
            text = encode(b"\0" * offset + raw).decode()
            inner = text[(0, 2, 3)[offset] : (offset + len(raw)) * 8 // 6]
            encoded |= {f"base64 {name} at {offset}": text}
            encoded |= {f"base64 {name} at {offset} inner": inner}
    return {
        "raw": secret,
        "quote": quote(secret),
        "quote all": quote(secret, safe=""),
        "quote plus": quote_plus(secret),
        "quote as browsers": quote(secret, safe="!'()*"),
        "quote as user information": quote(secret, safe="$&+,;="),
        "quote lower": re.sub("%..", lambda match: match[0].lower(), quote(secret, safe="")),
        "hex": raw.hex(),
        "HEX": raw.hex().upper(),
        "json": json.dumps(secret),
        "json utf-8": json.dumps(secret, ensure_ascii=False),
        "json twice": json.dumps(json.dumps(secret)),
        "json slashes": json.dumps(secret).replace("/", "\\/"),
        "repr": repr(secret),
        "repr bytes": repr(raw),
        "html": html.escape(secret),
        "sql": secret.replace("'", "''"),
        "reversed": secret.strip()[::-1],
        "windows": secret.replace("\n", "\r\n"),
        "one line": " ".join(secret.split()),
        **encoded,
    }


def gives_away(shown: str, secret: str) -> list[str]:
    """Return the forms of *secret* that *shown* holds, and its lines and halves."""
    found = [name for name, form in forms(secret).items() if form.strip() in shown]
    lines = [line for line in secret.splitlines() if len(line) >= 12 and "---" not in line]
    found += [line for line in lines if line in shown]
    half = len(secret) // 2
    if half >= 12 and "\n" not in secret:
        found += [part for part in (secret[:half], secret[half:]) if part in shown]
    return found


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize("form", forms(""))
def test_a_canary_is_hidden_in_every_form(canary: str, form: str) -> None:
    secret = CANARIES[canary]
    redactor = Redactor(CANARIES.values())

    shown = redactor.redact(f"before {forms(secret)[form]} after")

    assert gives_away(shown, secret) == []
    assert shown.startswith("before ")
    assert shown.endswith(" after")


@pytest.mark.parametrize("canary", CANARIES)
def test_a_canary_is_hidden_inside_what_is_encoded_as_a_whole(canary: str) -> None:
    secret = CANARIES[canary]
    redactor = Redactor(CANARIES.values())

    for before in ("u:", "user:", "postgres://u:", "x" * 31):
        whole = f"{before}{secret}@host".encode()
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            text = encode(whole).decode()
            shown = redactor.redact(f"Authorization: Basic {text}")
            assert MASK in shown
            assert len(shown) < len(text) / 2 + 40


def test_each_line_of_a_long_secret_is_hidden() -> None:
    redactor = Redactor([PEM])

    for line in PEM.splitlines()[1:-1]:
        assert redactor.redact(f"> {line} <") == "> **** <"
    assert redactor.redact("-----BEGIN PRIVATE KEY-----") == "-----BEGIN PRIVATE KEY-----"


def test_a_text_that_was_cut_off_is_hidden() -> None:
    assert HEX[:32] not in Redactor([HEX]).redact(f"token {HEX[:40]}...")


def test_a_secret_in_shell_quotes_is_hidden() -> None:
    assert "hunter2" not in Redactor(["hunter2 x"]).redact(shlex.quote("hunter2 x"))


def test_nothing_to_search_for_is_no_search() -> None:
    assert Search.of((), ()) is None


def test_text_without_secrets_is_the_same_text() -> None:
    text = "nothing to see"

    assert Redactor().redact(text) is text
    assert Redactor([TRICKY]).redact(text) is text


def test_white_space_around_a_secret_makes_no_difference() -> None:
    redactor = Redactor(["  hunter22\n", "   ", ""])

    assert redactor.redact("x hunter22 y") == "x **** y"
    assert redactor.weak == 0


def test_a_short_secret_is_hidden_as_a_word_and_counted() -> None:
    redactor = Redactor(["abc"])

    assert redactor.weak == 1
    assert redactor.redact("abc: abc, cabc abcd 'abc'") == "****: ****, cabc abcd '****'"


def test_the_longest_secret_wins() -> None:
    assert Redactor(["hunter22", "hunter22-long"]).redact("hunter22-long") == "****"


def test_a_secret_that_is_added_later_is_hidden_from_then_on() -> None:
    redactor = Redactor()
    assert redactor.redact("hunter22") == "hunter22"

    redactor.add("hunter22")
    redactor.add("hunter22")

    assert redactor.redact("hunter22") == "****"


def test_odd_characters_do_no_harm() -> None:
    redactor = Redactor(["a\udcffbcdefg", "(.*)[x]+$^"])

    assert redactor.redact("x a\udcffbcdefg (.*)[x]+$^ y") == "x **** **** y"


def random_secret(rng: random.Random) -> str:
    alphabets = [
        string.ascii_letters,
        string.digits,
        string.printable,
        string.punctuation,
        "äöü€🦆" + string.ascii_lowercase,
        "ab",
        ".*+?()[]{}|\\^$",
    ]
    alphabet = rng.choice(alphabets)
    length = rng.choice([1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 20, 32, 40, 64, 200])
    return "".join(rng.choice(alphabet) for _ in range(length))


@pytest.mark.parametrize("hundred", range(10))
def test_a_thousand_random_secrets_do_not_leak(hundred: int) -> None:
    for number in range(100):
        rng = random.Random(f"{SEED}/{hundred}/{number}")
        secret = random_secret(rng)
        redactor = Redactor([secret])
        if len(secret.strip()) < 6:
            assert redactor.weak or not secret.strip()
            continue
        for name, form in forms(secret).items():
            shown = redactor.redact(f"<{form}>")
            assert secret.strip() not in shown, (SEED, hundred, number, name)
            assert not form.strip() or form.strip() not in shown, (SEED, hundred, number, name)


def written(redactor: Redactor, *pieces: str) -> str:
    shown: list[str] = []
    writer = RedactingWriter(shown.append, redactor)
    for piece in pieces:
        assert writer.write(piece) == len(piece)
        writer.flush()
    writer.close()
    assert all(shown)
    return "".join(shown)


@pytest.mark.parametrize("canary", CANARIES)
@pytest.mark.parametrize("form", ["raw", "quote", "json", "hex", "base64 standard at 1"])
def test_a_secret_that_is_split_over_two_writes_is_hidden(canary: str, form: str) -> None:
    secret = CANARIES[canary]
    redactor = Redactor(CANARIES.values())
    text = f"before {forms(secret)[form]} after"

    for at in range(len(text)):
        shown = written(redactor, text[:at], text[at:])
        assert gives_away(shown, secret) == [], at
        assert shown.startswith("before "), at
        assert shown.endswith("after"), at


def test_a_secret_that_is_written_letter_by_letter_is_hidden() -> None:
    text = f"a {HEX} b {TRICKY} c"

    assert written(Redactor([HEX, TRICKY]), *text) == "a **** b **** c"


def test_a_secret_in_three_writes_with_another_inside_is_hidden() -> None:
    redactor = Redactor(["abcabcx", "bcabcy"])

    for text in ("-abcabcx-", "-abcabcy-", "-abcabc-", "-bcabcabcx-"):
        for first in range(len(text)):
            for second in range(first, len(text)):
                pieces = (text[:first], text[first:second], text[second:])
                assert written(redactor, *pieces) == redactor.redact(text)


def test_a_short_secret_is_a_word_across_writes() -> None:
    redactor = Redactor(["abc"])

    for text in ("x abc y", "xabc y", "x abcy", "abc", "abcabc"):
        for at in range(len(text) + 1):
            assert written(redactor, text[:at], text[at:]) == redactor.redact(text)


def test_the_end_of_the_text_hides_what_may_have_been_a_secret() -> None:
    assert written(Redactor(["hunter22-long"]), "password hunter22-l") == "password ****"
    assert written(Redactor(["hunter22-long"]), "password hu") == "password hu"


def test_lines_are_not_held_back() -> None:
    shown: list[str] = []
    writer = RedactingWriter(shown.append, Redactor(CANARIES.values()))

    writer.write("a line\n")

    assert shown == ["a line\n"]


def test_without_secrets_nothing_is_held_back() -> None:
    assert written(Redactor(), "a", "", "b") == "ab"


def test_random_texts_in_random_pieces_come_out_as_in_one() -> None:
    for number in range(300):
        rng = random.Random(f"{SEED}/{number}")
        known = ["".join(rng.choices("ab", k=rng.randint(6, 12))) for _ in range(3)]
        redactor = Redactor(known)
        text = "".join(rng.choices("ab ", weights=(5, 5, 1), k=120)) + "\n"
        cuts = sorted(rng.choices(range(len(text)), k=rng.randint(1, 20)))
        pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]

        shown = written(redactor, *pieces)

        assert shown == redactor.redact(text), (SEED, number)


def test_several_threads_may_add_and_redact() -> None:
    redactor = Redactor()
    leaks: list[str] = []

    def work() -> None:
        for _ in range(5):
            secret = secrets.token_hex(8)
            redactor.add(secret)
            if secret in redactor.redact(f"x {secret}"):
                leaks.append(secret)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert leaks == []
