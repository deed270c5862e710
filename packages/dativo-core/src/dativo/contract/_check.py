"""What ``check_connection`` answers: one verdict per scope, and an honest sum of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum

import attrs

from dativo.errors import DativoError, wrap_exception

__all__ = ["CheckItem", "ConnectionTestResult", "Verdict"]


class Verdict(StrEnum):
    """The outcome of one check; only ``ok`` is a pass."""

    OK = "ok"
    FAILED = "failed"
    PARTIAL = "partial"
    NOT_IMPLEMENTED = "not_implemented"
    SKIPPED = "skipped"


@attrs.frozen
class CheckItem:
    """One scope that was checked: ``host``, ``tls``, ``login``, ``stream public.orders``, ..."""

    scope: str
    verdict: Verdict
    message: str = ""
    error: DativoError | None = None

    @property
    def fix(self) -> str:
        """What to do about it; empty where nothing is wrong."""
        return self.error.fix if self.error is not None else ""

    @classmethod
    def ok(cls, scope: str, message: str = "") -> CheckItem:
        """Report that *scope* works; *message* says what was found."""
        return cls(scope, Verdict.OK, message)

    @classmethod
    def failed(cls, scope: str, error: DativoError) -> CheckItem:
        """Report that *scope* does not work, and as *error* why."""
        return cls(scope, Verdict.FAILED, error.message, error)

    @classmethod
    def trying(cls, scope: str, call: Callable[[], object]) -> CheckItem:
        """Do *call* and report whether *scope* works; a text that it returns says what was found.

        What it raises becomes the error of the item, by ``wrap_exception``. Only a
        ``NotImplementedError`` passes through: what was not tried has not failed.
        """
        try:
            found = call()
        except NotImplementedError:
            raise
        except Exception as error:  # noqa: BLE001 - all that may happen is the verdict
            return cls.failed(scope, wrap_exception(error))
        return cls.ok(scope, found if isinstance(found, str) else "")

    @classmethod
    def skipped(cls, scope: str, message: str) -> CheckItem:
        """Report that *scope* was not checked, and as *message* why."""
        return cls(scope, Verdict.SKIPPED, message)


def _as_tuple(items: Iterable[CheckItem]) -> tuple[CheckItem, ...]:
    return tuple(items)


@attrs.frozen
class ConnectionTestResult:
    """The items of one check; the verdict follows from them."""

    items: tuple[CheckItem, ...] = attrs.field(converter=_as_tuple)

    @property
    def verdict(self) -> Verdict:
        """``ok`` only if something passed and nothing else happened than passes and skips."""
        verdicts = {item.verdict for item in self.items}
        if Verdict.OK not in verdicts:
            return Verdict.FAILED if Verdict.FAILED in verdicts else Verdict.NOT_IMPLEMENTED
        if verdicts & {Verdict.FAILED, Verdict.PARTIAL, Verdict.NOT_IMPLEMENTED}:
            return Verdict.PARTIAL
        return Verdict.OK

    @property
    def is_ok(self) -> bool:
        """Whether everything that was checked works, and anything was."""
        return self.verdict is Verdict.OK
