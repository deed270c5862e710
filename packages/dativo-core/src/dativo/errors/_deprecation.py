"""What is going to be removed, told in time."""

from __future__ import annotations

__all__ = ["DativoDeprecationWarning"]


class DativoDeprecationWarning(DeprecationWarning):
    """Something works today, and a release that is named here removes it.

    Python hides it from operators, who are told once per run; a vendor's tests can turn it into an
    error with the filter ``error::dativo.errors.DativoDeprecationWarning``.

    Args:
        what: What is deprecated, as the beginning of a sentence.
        removed_in: The release that removes it, such as ``dativo-core 1.0``.
        instead: What to do now, as an imperative sentence.
    """

    def __init__(self, what: str, *, removed_in: str, instead: str) -> None:
        super().__init__(f"{what} is deprecated and ends with {removed_in}. {instead}")
        self.what = what
        self.removed_in = removed_in
        self.instead = instead
