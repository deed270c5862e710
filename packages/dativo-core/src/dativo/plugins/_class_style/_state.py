"""The state of a reader: a file while it reads, a checkpoint once all of it is yielded."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dativo.errors import ContractViolationError

__all__ = ["StateManager"]


class StateManager:
    """What ``extract`` gets in an increment: the methods of the style's own state manager.

    Its file lies in the run's folder for temporary files, because classes also write there by the
    style's own code. Nothing of it outlives the run but what :meth:`value` returns at the end.

    Args:
        path: The file that ``incremental.state_path`` names.
        value: What :meth:`value` returned in the run that was published last.
    """

    def __init__(self, path: Path, value: Mapping[str, Any]) -> None:
        self._path = path
        self._others: dict[str, Any] = dict(value.get("other_paths", {}))
        self._writes = 0
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if value.get("state") is None:
            path.unlink(missing_ok=True)
        else:
            path.write_text(json.dumps(value["state"]), encoding="utf-8")
        self._touched = self._stamp()

    @property
    def was_written(self) -> bool:
        """Whether the class has kept any state."""
        return self._writes > 0 or self._stamp() != self._touched

    def value(self) -> dict[str, Any]:
        """Return everything that was written so far, as JSON values.

        Raises:
            ContractViolationError: The class has written something else into its file.
        """
        found: dict[str, Any] = {}
        if self._path.exists():
            try:
                found["state"] = json.loads(self._path.read_text(encoding="utf-8"))
            except ValueError as error:
                msg = f"the class wrote a state that is no JSON: {error}"
                raise ContractViolationError(msg) from error
        if self._others:
            found["other_paths"] = dict(self._others)
        return found

    def read_state(self, state_path: Path | str) -> dict[str, Any]:
        """Return what was written for *state_path*, or nothing."""
        if Path(state_path) != self._path:
            return dict(json.loads(json.dumps(self._others.get(str(state_path), {}))))
        return dict(self.value().get("state", {}))

    def write_state(self, state_path: Path | str, state: Mapping[str, Any]) -> None:
        """Keep *state* for *state_path*.

        Raises:
            ContractViolationError: It does not consist of JSON values.
        """
        try:
            text = json.dumps(dict(state), allow_nan=False)
        except (TypeError, ValueError) as error:
            msg = f"a state must consist of JSON values: {error}"
            raise ContractViolationError(msg) from error
        self._writes += 1
        if Path(state_path) == self._path:
            self._path.write_text(text, encoding="utf-8")
        else:
            self._others[str(state_path)] = json.loads(text)

    def should_skip_file(
        self,
        file_id: str,
        current_modified_time: str,
        state_path: Path | str,
        lookback_days: int = 0,
    ) -> bool:
        """Say whether a file has not changed since it was read."""
        return self._is_old(f"file_{file_id}", current_modified_time, state_path, lookback_days)

    def update_file_state(self, file_id: str, modified_time: str, state_path: Path | str) -> None:
        """Note that a file was read."""
        about = {"last_modified": modified_time, "file_id": file_id}
        self._put(f"file_{file_id}", about, state_path)

    def should_skip_spreadsheet(
        self,
        spreadsheet_id: str,
        current_modified_time: str,
        state_path: Path | str,
        lookback_days: int = 0,
    ) -> bool:
        """Say whether a spreadsheet has not changed since it was read."""
        key = f"spreadsheet_{spreadsheet_id}"
        return self._is_old(key, current_modified_time, state_path, lookback_days)

    def update_spreadsheet_state(
        self, spreadsheet_id: str, modified_time: str, state_path: Path | str
    ) -> None:
        """Note that a spreadsheet was read."""
        about = {"last_modified": modified_time, "spreadsheet_id": spreadsheet_id}
        self._put(f"spreadsheet_{spreadsheet_id}", about, state_path)

    def _is_old(self, key: str, modified: str, path: Path | str, lookback_days: int) -> bool:
        last = self.read_state(path).get(key, {}).get("last_modified")
        return bool(last) and modified <= last and lookback_days == 0

    def _put(self, key: str, about: Mapping[str, Any], path: Path | str) -> None:
        self.write_state(path, {**self.read_state(path), key: about})

    def _stamp(self) -> int | None:
        return self._path.stat().st_mtime_ns if self._path.exists() else None
