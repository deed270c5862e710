"""Three counts of the same records, by source, engine and writer, that must agree."""

from __future__ import annotations

import attrs

from dativo.contract import Batch
from dativo.errors import ContractViolationError, DataValidationError, WriteFailedError

__all__ = ["Counting"]

_FIX = "Run again; if it happens again, report it to the publisher of the connector."


@attrs.frozen(kw_only=True)
class Counting:
    """Compares what was counted of each batch of one stream.

    Attributes:
        source: The source's address.
        writer: The writer's address.
        stream: The stream.
        is_required: Whether the source must give a count of its own.
    """

    source: str
    writer: str
    stream: str
    is_required: bool

    def require_given(self, batch: Batch) -> None:
        """Refuse a batch without a count of the source if there has to be one.

        Raises:
            ContractViolationError: There is none.
        """
        if batch.rows is None and self.is_required:
            msg = "a source that promises exact replay must count each batch itself (Batch.rows)"
            raise ContractViolationError(
                msg, connector=self.source, stream=self.stream, phase="extract"
            )

    def require_read(self, batch: Batch, read: int) -> None:
        """Compare the source's count of a drained *batch* with the rows that arrived.

        Raises:
            DataValidationError: They differ; reading anew may help.
        """
        self._require_told(_told(batch), read, f"{read} arrived")

    def require_staged(self, batch: Batch, *, read: int, staged: int) -> None:
        """Compare all three counts of a drained *batch*.

        Raises:
            WriteFailedError: The writer staged another number than it was given.
            DataValidationError: The source counted another number than arrived.
        """
        told = _told(batch)
        figures = f"{read} arrived and {staged} were staged"
        if staged != read:
            counted = "gives no count" if told is None else f"counts {told} rows"
            raise WriteFailedError(
                f"rows were lost or doubled on their way: the source {counted}, {figures}",
                connector=self.writer,
                stream=self.stream,
                phase="stage",
                details={"source": told, "read": read, "staged": staged},
            )
        self._require_told(told, read, figures)

    def _require_told(self, told: int | None, read: int, figures: str) -> None:
        if told is not None and told != read:
            raise DataValidationError(
                f"rows were lost or doubled on their way: the source counts {told} rows, {figures}",
                fix=_FIX,
                retryable=True,
                connector=self.source,
                stream=self.stream,
                phase="extract",
                details={"source": told, "read": read},
            )


def _told(batch: Batch) -> int | None:
    return batch.rows() if callable(batch.rows) else batch.rows
