from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from doc_pages import DOCS, blocks, page

import dativo
from dativo import errors
from dativo.cli._app import make_app
from dativo.config import ProblemList, job_schema, load_job, structure
from dativo.contract import Role
from dativo.plugins import build_manifest
from dativo_connector_postgres import PostgresConfig, PostgresOptions
from dativo_connector_stripe._config import StripeConfig
from dativo_test_support.unmeasured import unmeasured
from dativo_writer_parquet import ParquetConfig, StreamOptions


def test_what_is_made_from_the_code_is_current() -> None:
    script = [sys.executable, str(DOCS / "generate.py"), "--check"]

    done = subprocess.run(script, capture_output=True, text=True, check=False, env=unmeasured())

    assert (done.returncode, done.stdout) == (0, ""), f"run docs/generate.py: {done}"


def test_public_names_are_documented() -> None:
    library = page("reference/library.md")

    assert [name for name in errors.__all__ if f"| `{name}` |" not in library] == []
    assert [name for name in dativo.__all__ if f"`dativo.{name}`" not in library] == []


def test_errors_are_in_the_catalogue_and_in_the_guide() -> None:
    shown, guide = page("reference/errors.md"), page("errors-and-exit-codes.md")

    codes = [entry.code for entry in errors.catalog()]

    assert [code for code in codes if f"`{code}`" not in shown] == []
    assert [code for code in codes if f"`{code}`" not in guide] == []


def test_vendors_are_told_which_error_is_theirs() -> None:
    guide = page("errors-and-retries.md")

    assert [entry.name for entry in errors.catalog() if f"`{entry.name}`" not in guide] == []


def test_keys_of_an_error_are_documented() -> None:
    guide = page("errors-and-exit-codes.md")

    keys = errors.NetworkError("lost").to_dict()

    assert [key for key in keys if f"`{key}`" not in guide] == []


@pytest.mark.parametrize("section", ["", "source", "writer", "run", "streams", "extensions"])
def test_keys_of_a_job_are_documented(section: str) -> None:
    schema = job_schema({})
    about = schema["properties"][section] if section else schema
    about = about.get("items", about)
    shown = page("job-file.md").partition(f"\n## {section or 'The whole file'}\n")[2]

    assert [key for key in about["properties"] if f"| `{key}` |" not in shown] == []


@pytest.mark.parametrize(("name", "role"), [("postgres", Role.SOURCE), ("parquet", Role.WRITER)])
def test_settings_of_a_connector_are_documented(name: str, role: Role) -> None:
    about = build_manifest(name).roles[role]
    shown = page("reference/connectors.md").partition(f"\n## {name}\n")[2]

    keys = {*about["config"]["properties"], *about["options"]["properties"]}

    assert [key for key in sorted(keys) if f"| `{key}` |" not in shown] == []


def test_commands_and_options_are_documented() -> None:
    shown = page("reference/cli.md")

    words = _words(make_app(["--help"], styled=False), "dativo")

    assert [word for word in words if word not in shown] == []


def _words(command: Any, path: str) -> Iterator[str]:
    yield f"`{path}`"
    for parameter in command.params:
        if parameter.param_type_name == "option":
            yield max(parameter.opts, key=len)
    for name, inner in getattr(command, "commands", {}).items():
        yield from _words(inner, f"{path} {name}")


def test_index_names_every_page() -> None:
    index = page("index.md")
    files = [file for file in DOCS.rglob("*.md") if file.parent.name != "adr"]

    names = {str(file.relative_to(DOCS)) for file in files} - {"index.md"}

    assert [name for name in sorted(names) if f"({name})" not in index] == []


@pytest.mark.parametrize(
    "name",
    ["extensions.md", "job-file.md", "stripe.md", "reference/types.md", "reference/connectors.md"],
)
def test_examples_of_job_files_are_right(name: str, folder: Path) -> None:
    for block in blocks(name):
        if block.language == "yaml" and not block.title:
            problems = _problems(folder, block.text)

            assert problems == ()


def _problems(folder: Path, text: str) -> tuple[errors.Problem, ...]:
    """Read an example, completed where it shows only a part, as a run would."""
    file = folder / "job.yaml"
    file.write_text(text if text.startswith("name:") else _REST + text)
    job = load_job(file, environ={"SHOP_PASSWORD": "secret", "STRIPE_API_KEY": "sk_test_1"})
    found = ProblemList()
    structure(job.source.config, _CONFIGS[job.source.connector], collect=found)
    structure(job.writer.config, ParquetConfig, collect=found)
    for stream in job.streams:
        if stream.options is not None:
            structure(stream.options, PostgresOptions, collect=found)
        if stream.writer_options is not None:
            structure(stream.writer_options, StreamOptions, collect=found)
    return found.problems


_CONFIGS = {"postgres": PostgresConfig, "stripe": StripeConfig}

_REST = """
name: example
source: {connector: postgres, config: {database: shop, user: reader}}
writer: {connector: parquet, config: {path: lake}}
"""
