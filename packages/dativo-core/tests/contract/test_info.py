from __future__ import annotations

import pytest

from dativo.contract import ConnectorInfo, ErrorInfo, ExtensionInfo, ExtensionKind
from dativo.errors import catalog

(NETWORK,) = (
    ErrorInfo(code=entry.code, cause=entry.summary, fix=entry.fix)
    for entry in catalog()
    if entry.code == "NETWORK"
)


def test_a_code_alone_has_cause_and_fix_of_the_catalogue() -> None:
    own = ErrorInfo(code="STATE", cause="The account is another one.")

    connector = ConnectorInfo(title="Acme", errors=("NETWORK", own))
    extension = ExtensionInfo(title="Mask", kind=ExtensionKind.TRANSFORMER, errors=["NETWORK"])

    assert connector.errors == (NETWORK, own)
    assert extension.errors == (NETWORK,)


def test_a_code_that_nobody_knows_is_an_error() -> None:
    with pytest.raises(ValueError, match="no error with the code 'NETWROK'"):
        ConnectorInfo(title="Acme", errors=("NETWROK",))
