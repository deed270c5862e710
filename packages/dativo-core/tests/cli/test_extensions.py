"""Extensions on the command line: listed, shown, checked and described without surprises."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Inline = Callable[..., Any]


def answer(inline: Inline, *words: str) -> Any:
    done = inline(*words, "--json")
    assert done.exit_code == 0
    return done.document


def test_an_extension_is_shown_like_a_connector(inline: Inline) -> None:
    shown = answer(inline, "plugins", "show", "changer")

    assert (shown["kind"], shown["roles"], shown["usable"]) == ("extension", [], True)
    assert shown["group"] == "dativo.extensions.v1"


def test_its_manifest_is_made_from_its_code(inline: Inline, tmp_path: Path) -> None:
    file = tmp_path / "dativo.json"

    made = answer(inline, "plugins", "manifest", "changer")
    written = answer(inline, "plugins", "manifest", "changer", "--write", "--path", str(file))

    assert made["manifest"]["extension"]["kind"] == "transformer"
    assert json.loads(file.read_text()) == written["manifest"] == made["manifest"]


def test_check_shows_an_item_for_each_extension(cli: Any, inline: Inline) -> None:
    file = cli.project.job(extensions=[{"extension": "changer"}])

    done = inline("check", "-c", str(file))

    assert done.exit_code == 0
    assert "extension changer  settings  transformer: Changes labels" in done.stdout


def test_what_an_observer_misses_is_told_as_a_warning(cli: Any, inline: Inline) -> None:
    watcher = {"path": str(cli.project.folder / "told"), "fail_begin": True}
    file = cli.project.job(extensions=[{"extension": "watcher", "config": watcher}])

    done = inline("run", "-c", str(file))

    assert done.exit_code == 0
    assert "warning: watcher: the observer 'watcher' does not observe this run" in done.stderr


def test_the_schema_of_job_files_knows_installed_extensions(cli: Any, inline: Inline) -> None:
    about = answer(inline, "schema", "job")["schema"]["properties"]["extensions"]

    assert about["items"]["required"] == ["extension"]
