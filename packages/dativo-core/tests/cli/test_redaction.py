from __future__ import annotations

import math
from pathlib import Path

from dativo.cli._redaction import Redaction
from dativo.config import Redactor

SECRET = "correct-horse-battery"


def test_texts_and_values_lose_the_secrets_of_all_redactors(redaction: Redaction) -> None:
    redaction.add(Redactor([SECRET]))
    redaction.add(Redactor(["another-secret"]))

    value = redaction.value(
        {
            f"key {SECRET}": [1, True, None, 1.5, math.nan, (SECRET,)],
            "path": Path("x/another-secret"),
            "set": {SECRET},
        }
    )

    assert value == {
        "key ****": [1, True, None, 1.5, "nan", ["****"]],
        "path": "x/****",
        "set": ["****"],
    }


def test_the_beginning_of_a_secret_is_held(redaction: Redaction) -> None:
    assert redaction.held(SECRET[:10]) == 0

    redaction.add(Redactor([SECRET]))

    assert redaction.held(f"text {SECRET[:10]}") == 10
    assert redaction.held("text") == 0
