from __future__ import annotations

from typing import Any

import pytest

from dativo.contract import v0
from dativo.errors import DativoDeprecationWarning


def test_a_class_of_the_style_warns_where_it_is_defined() -> None:
    with pytest.warns(DativoDeprecationWarning, match=r"Reads.*dativo-core 1\.0") as told:

        class Reads(v0.BaseReader):
            pass

    assert told[0].filename == __file__
    with pytest.warns(DativoDeprecationWarning, match="Writes"):

        class Writes(v0.BaseWriter):
            pass

    writer = Writes("asset", "config", "base")
    assert (writer.asset_definition, writer.target_config, writer.output_base) == (
        "asset",
        "config",
        "base",
    )
    assert Reads("config").source_config == "config"


def test_what_must_be_written_is_not_there() -> None:
    reader: Any = v0.BaseReader("config")
    writer: Any = v0.BaseWriter("asset", "config", "base")

    with pytest.raises(NotImplementedError):
        reader.extract()
    with pytest.raises(NotImplementedError):
        writer.write_batch([], 0)
    assert not hasattr(reader, "check_connection")
    assert not hasattr(reader, "discover")


def test_results_hold_what_they_are_given() -> None:
    result = v0.ConnectionTestResult(False, "no", "AUTH_FAILED", {"a": 1})
    found = v0.DiscoveryResult([{"name": "a"}])

    assert (result.success, result.message, result.error_code) == (False, "no", "AUTH_FAILED")
    assert (result.details, found.objects, found.metadata) == ({"a": 1}, [{"name": "a"}], {})
