from __future__ import annotations

from pathlib import Path

import pytest

import dativo
from dativo.engine import Event, Message
from dativo.errors import DativoDeprecationWarning

STYLE = """
class Numbers:
    def __init__(self, source_config): pass
    def extract(self, state_manager=None): yield [{"id": 1}]

class Lines:
    def __init__(self, asset_definition, target_config, output_base): pass
    def write_batch(self, records, file_counter): return []
"""
JOB = """
name: old
source: {connector: ./old.py:Numbers}
streams: [{name: numbers}]
writer: {connector: ./old.py:Lines, mode: append, config: {output_base: out}}
"""


@pytest.fixture
def job(tmp_path: Path) -> Path:
    (tmp_path / "old.py").write_text(STYLE)
    file = tmp_path / "job.yaml"
    file.write_text(JOB)
    return file


@pytest.mark.parametrize("operation", [dativo.run, dativo.check, dativo.plan])
def test_each_side_that_is_deprecated_is_told_once(job: Path, operation: object) -> None:
    told: list[Event] = []

    with pytest.warns(DativoDeprecationWarning) as warned:
        operation(job, observer=told.append)  # type: ignore[operator]

    messages = [event for event in told if isinstance(event, Message)]
    assert [(message.level, message.connector) for message in messages] == [
        ("warning", "./old.py:Numbers"),
        ("warning", "./old.py:Lines"),
    ]
    assert all("ends with dativo-core 1.0" in message.text for message in messages)
    assert {str(one.message) for one in warned} == {message.text for message in messages}


def test_a_preview_tells_of_the_source_alone(job: Path) -> None:
    told: list[Event] = []

    with pytest.warns(DativoDeprecationWarning):
        dativo.preview(job, observer=told.append)

    assert len([event for event in told if isinstance(event, Message)]) == 1
