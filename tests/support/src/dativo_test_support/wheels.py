"""Plugin wheels made in memory, to see what an inventory of well-made and broken plugins does."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import attrs

__all__ = ["PluginWheel", "install"]


@attrs.frozen(kw_only=True)
class PluginWheel:
    """A distribution that a test describes in a few words.

    `entry_points` maps a group to its names and values, `files` paths to their text (an entry such
    as `acme/__init__.py` makes the package), and `manifest` becomes `extra_metadata/dativo.json`.
    """

    name: str
    version: str = "1.0.0"
    files: Mapping[str, str] = attrs.field(factory=dict)
    entry_points: Mapping[str, Mapping[str, str]] = attrs.field(factory=dict)
    requires: tuple[str, ...] = ()
    manifest: str | None = None

    @classmethod
    def of_connector(
        cls,
        entry: str,
        code: str = "",
        *,
        distribution: str | None = None,
        module: str | None = None,
        manifest: str | None = None,
        requires: tuple[str, ...] = (),
        group: str = "dativo.connectors.v1",
    ) -> PluginWheel:
        """Describe a connector of one module that is registered under the name *entry*."""
        module = module or f"acme_{entry.replace('-', '_')}"
        return cls(
            name=distribution or f"acme-{entry}",
            files={f"{module}/__init__.py": code},
            entry_points={group: {entry: module}},
            requires=requires,
            manifest=manifest,
        )

    @property
    def filename(self) -> str:
        """The name of the wheel file."""
        return f"{self._stem}-py3-none-any.whl"

    def build(self) -> bytes:
        """Return the wheel's content; equal descriptions give equal bytes."""
        contents = {path: text.encode() for path, text in self._contents().items()}
        record = f"{self._info}/RECORD"
        lines = [_record_line(path, data) for path, data in contents.items()]
        contents[record] = "".join((*lines, f"{record},,\n")).encode()
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for path, data in contents.items():
                archive.writestr(zipfile.ZipInfo(path), data)
        return buffer.getvalue()

    def write(self, folder: Path) -> Path:
        """Write the wheel file into *folder*, for installers."""
        path = folder / self.filename
        path.write_bytes(self.build())
        return path

    @property
    def _stem(self) -> str:
        return f"{self.name.replace('-', '_').replace('.', '_').lower()}-{self.version}"

    @property
    def _info(self) -> str:
        return f"{self._stem}.dist-info"

    def _contents(self) -> dict[str, str]:
        metadata = ["Metadata-Version: 2.4", f"Name: {self.name}", f"Version: {self.version}"]
        metadata += [f"Requires-Dist: {requirement}" for requirement in self.requires]
        wheel = ["Wheel-Version: 1.0", "Generator: dativo-test-support"]
        wheel += ["Root-Is-Purelib: true", "Tag: py3-none-any"]
        contents = dict(self.files)
        contents[f"{self._info}/METADATA"] = _text(metadata)
        contents[f"{self._info}/WHEEL"] = _text(wheel)
        if self.entry_points:
            contents[f"{self._info}/entry_points.txt"] = _text(self._entry_lines())
        if self.manifest is not None:
            contents[f"{self._info}/extra_metadata/dativo.json"] = self.manifest
        return contents

    def _entry_lines(self) -> list[str]:
        lines: list[str] = []
        for group, entries in self.entry_points.items():
            lines.append(f"[{group}]")
            lines += [f"{name} = {value}" for name, value in entries.items()]
        return lines


def install(folder: Path, *wheels: PluginWheel) -> Path:
    """Unpack *wheels* into *folder*, which then serves on `sys.path` or PYTHONPATH."""
    folder.mkdir(parents=True, exist_ok=True)
    for wheel in wheels:
        with zipfile.ZipFile(io.BytesIO(wheel.build())) as archive:
            archive.extractall(folder)
    return folder


def _text(lines: list[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _record_line(path: str, data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(data)}\n"
