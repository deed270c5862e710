from __future__ import annotations

import warnings

import pytest

from dativo.errors import DativoDeprecationWarning

NOTICE = DativoDeprecationWarning("The thing", removed_in="dativo-core 9.0", instead="Use that.")


def test_it_names_the_release_that_removes_the_thing() -> None:
    assert str(NOTICE) == "The thing is deprecated and ends with dativo-core 9.0. Use that."
    assert (NOTICE.what, NOTICE.removed_in) == ("The thing", "dativo-core 9.0")
    assert NOTICE.instead == "Use that."


def test_a_filter_makes_it_an_error() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", DativoDeprecationWarning)
        with pytest.raises(DativoDeprecationWarning):
            warnings.warn(NOTICE, stacklevel=1)
