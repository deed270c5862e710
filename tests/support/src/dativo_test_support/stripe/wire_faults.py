"""Right answers that get lost on the way: refused, reset, cut, corrupt, slow or never sent."""

from __future__ import annotations

from collections.abc import Callable

from dativo_test_support.stripe.exchange import Answer, Line, Request
from dativo_test_support.stripe.script import Answers, Fault

__all__ = [
    "chunks_cut",
    "corrupt_gzip",
    "dripping",
    "never",
    "refused",
    "reset",
    "truncated_json",
    "wrong_length",
]

_FOREVER_SECONDS = 86_400.0


def refused(seconds: float) -> Fault:
    """Reset the connection, and let nobody connect for so long."""

    def deliver(answer: Answer, line: Line) -> None:
        line.refuse(seconds)
        line.reset()

    return _delivered(deliver)


def reset(share: float | None = 0.5) -> Fault:
    """Reset the connection after a share of the body; ``None`` is before anything was sent."""

    def deliver(answer: Answer, line: Line) -> None:
        if share is not None:
            head, body = _parts(answer)
            line.send(head + body[: int(len(body) * share)])
            # What has been sent may be thrown away by an RST that comes at once.
            line.wait(0.01)
        line.reset()

    return _delivered(deliver)


def truncated_json(share: float = 0.5) -> Fault:
    """Send a share of the JSON as if it were all."""

    def fault(request: Request, answers: Answers) -> Answer:
        answer = answers(request)
        answer.body = answer.body[: int(len(answer.body) * share)]
        return answer

    return fault


def wrong_length(extra: int = 100) -> Fault:
    """Announce *extra* bytes more than there are, or fewer, and close."""

    def deliver(answer: Answer, line: Line) -> None:
        answer.pack()
        answer.headers["Content-Length"] = str(max(0, len(answer.body) + extra))
        line.send(answer.head() + answer.body)
        line.end()

    return _delivered(deliver)


def chunks_cut(share: float = 0.5, pieces: int = 4) -> Fault:
    """Send the body in chunks, and close before the last of them."""

    def deliver(answer: Answer, line: Line) -> None:
        answer.pack()
        answer.headers["Transfer-Encoding"] = "chunked"
        line.send(answer.head())
        body = answer.body[: int(len(answer.body) * share)]
        size = max(1, len(body) // pieces)
        for start in range(0, len(body), size):
            piece = body[start : start + size]
            line.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        line.end()

    return _delivered(deliver)


def corrupt_gzip() -> Fault:
    """Compress the body and change bytes in the midst of it."""

    def fault(request: Request, answers: Answers) -> Answer:
        answer = answers(request)
        answer.headers["Content-Encoding"] = "gzip"
        answer.pack()
        middle = len(answer.body) // 2
        changed = bytes(byte ^ 0xFF for byte in answer.body[middle : middle + 8])
        answer.body = answer.body[:middle] + changed + answer.body[middle + 8 :]
        return answer

    return fault


def dripping(bytes_per_second: float = 1.0, *, head: bool = False) -> Fault:
    """Send a byte at a time; *head* drips the headers, too."""

    def deliver(answer: Answer, line: Line) -> None:
        first, rest = _parts(answer)
        if head:
            first, rest = b"", first + rest
        line.send(first)
        for byte in rest:
            line.wait(1 / bytes_per_second)
            line.send(bytes([byte]))

    return _delivered(deliver)


def never() -> Fault:
    """Never answer, and keep the connection open."""
    return _delivered(lambda answer, line: line.wait(_FOREVER_SECONDS))


def _parts(answer: Answer) -> tuple[bytes, bytes]:
    answer.pack()
    answer.headers["Content-Length"] = str(len(answer.body))
    return answer.head(), answer.body


def _delivered(deliver: Callable[[Answer, Line], None]) -> Fault:
    def fault(request: Request, answers: Answers) -> Answer:
        answer = answers(request)
        answer.deliver = deliver
        return answer

    return fault
