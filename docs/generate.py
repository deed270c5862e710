"""Renew everything in docs/ that is made from the code: `uv run python docs/generate.py`.

With `--check` nothing is written; the exit code is 1 if a page is not current.
"""  # noqa: INP001 - a script

from __future__ import annotations

import sys
from pathlib import Path

import generate_cli
from _generate.blocks import pages

ROOT = Path(__file__).resolve().parents[1]


def main() -> int:
    """Write the pages that are not current, or only name them."""
    found = {**generate_cli.pages(), **pages()}
    stale = {page: text for page, text in found.items() if not _is_current(page, text)}
    for page, text in stale.items():
        sys.stdout.write(f"{page.resolve().relative_to(ROOT)}\n")
        if "--check" not in sys.argv:
            page.write_text(text, encoding="utf-8")
    return 1 if stale and "--check" in sys.argv else 0


def _is_current(page: Path, text: str) -> bool:
    return page.exists() and page.read_text(encoding="utf-8") == text


if __name__ == "__main__":
    sys.exit(main())
