"""Manifests: read without an import, written and compared by their makers."""

from __future__ import annotations

import difflib
import importlib.util
import json
from pathlib import Path
from urllib.parse import unquote, urlsplit

import attrs

from dativo.contract import MANIFEST_FILE, Manifest
from dativo.errors import MissingConfigError
from dativo.plugins._scan import Distribution

__all__ = ["ManifestFile", "compare_manifest", "manifest_path", "read_manifest", "write_manifest"]

NO_MANIFEST = "none"
_EMPTY = ("", "{}")  # a file that waits for its first `dativo plugins manifest NAME --write`


@attrs.frozen
class ManifestFile:
    """A manifest file next to its source; *diff* is empty where file and code agree."""

    path: Path
    diff: str

    @property
    def is_current(self) -> bool:
        """Whether the file says what the code says."""
        return not self.diff


def read_manifest(
    distribution: Distribution, name: str, module: str
) -> tuple[Manifest | None, str]:
    """Return the manifest of the plugin *name*, or ``None`` and why: ``"none"`` or the damage.

    A wheel's metadata is looked at first, then the folder of the top-level package. A distribution
    with several plugins ships one ``dativo-NAME.json`` for each.
    """
    problem = NO_MANIFEST
    for file in (f"dativo-{name}.json", MANIFEST_FILE):
        try:
            text = distribution.read_text(f"extra_metadata/{file}")
            text = text if text is not None else _package_data(distribution, module, file)
            if text is None or text.strip() in _EMPTY:
                continue
            manifest = Manifest.from_json(text)
        except (ValueError, OSError, RecursionError) as error:
            return None, f"{file} is damaged: {_one_line(error)}"
        if manifest.name == name:
            return manifest, ""
        problem = f"{file} is the manifest of {manifest.name!r}"
    return None, problem


def manifest_path(distribution: Distribution) -> Path:
    """Return where the manifest belongs: beside the ``pyproject.toml`` of an editable install.

    Raises:
        MissingConfigError: The distribution is not installed from a folder.
    """
    folder = _source_folder(distribution)
    if folder is None:
        msg = f"{distribution.name} is not installed in editable mode, so its source is not known"
        fix = "Pass --path FILE, or install it with `pip install -e FOLDER`."
        raise MissingConfigError(msg, fix=fix)
    return folder / MANIFEST_FILE


def compare_manifest(manifest: Manifest, path: Path) -> ManifestFile:
    """Compare the file at *path* with what the code says."""
    try:
        old = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        old = ""
    lines = (old.splitlines(keepends=True), manifest.to_json().splitlines(keepends=True))
    diff = difflib.unified_diff(*lines, fromfile=str(path), tofile="code")
    return ManifestFile(path, "".join(diff))


def write_manifest(manifest: Manifest, path: Path) -> ManifestFile:
    """Write the file at *path* if it differs, and return what was different."""
    compared = compare_manifest(manifest, path)
    if not compared.is_current:
        path.write_text(manifest.to_json(), encoding="utf-8")
    return compared


def _source_folder(distribution: Distribution) -> Path | None:
    try:
        document = json.loads(distribution.read_text("direct_url.json") or "{}")
        url, is_editable = urlsplit(document["url"]), document["dir_info"]["editable"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return Path(unquote(url.path)) if url.scheme == "file" and is_editable is True else None


def _package_data(distribution: Distribution, module: str, file: str) -> str | None:
    """Read a file beside the ``__init__`` of the top-level package.

    The specification of a top-level module is found without executing it; that of a submodule
    would import its parents.
    """
    top = module.partition(".")[0]
    folders = [distribution.location / top]
    if not folders[0].is_dir():
        folders = _package_folders(top)
    for folder in folders:
        path = folder / file
        if path.is_file():
            return path.read_text(encoding="utf-8")
    return None


def _package_folders(top: str) -> list[Path]:
    try:
        spec = importlib.util.find_spec(top)
    except Exception:  # noqa: BLE001 - an import hook of somebody else
        return []
    locations = spec.submodule_search_locations if spec is not None else None
    return [Path(location) for location in locations or ()]


def _one_line(error: BaseException) -> str:
    return " ".join(f"{error}".split())[:200]
