"""The rule about memory: it depends on the size of batches, not on that of the stream."""

from __future__ import annotations

from pathlib import Path

from dativo.contract import Role
from dativo.testing._child import in_child
from dativo.testing._memory import LIMITS
from dativo.testing._rules import Evidence, NotVerified, rule
from dativo.testing._subject import SourceSubject, given

__all__ = ["RULES"]

_SECONDS = 300.0
# Code that is loaded late, connections and pools are there whatever the size is.
_BOUND = LIMITS["memory_bytes"] + (8 << 20)
_LEAST = 2 * LIMITS["memory_bytes"]
_MIB = 1 << 20

# Freed memory goes back to the system at once, so that the resident set is what is in use.
_ENVIRON = {
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_TRIM_THRESHOLD_": "131072",
    "MALLOC_MMAP_THRESHOLD_": "131072",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
}


@rule("memory.bounded", Role.SOURCE, seconds=_SECONDS)
def bounded(subject: SourceSubject, evidence: Evidence) -> None:
    """Reading a large stream takes no more memory than the run allows."""
    if subject.cases.large is None:
        raise NotVerified(f"name a stream of at least {_LEAST / _MIB:g} MB in cases.large")
    name = given(subject.cases.large)
    if not Path("/proc/self/clear_refs").exists():
        raise NotVerified("the peak of memory is only told by /proc, which is not here")
    others = [stream.name for stream, _ in subject.readable() if stream.name != name]
    request = {
        "connector": subject.connector,
        "settings": dict(subject.cases.good),
        "stream": name,
        "other": others[0] if others else None,
        "selection": dict(subject.cases.selections.get(name, {})),
    }
    end = in_child("_memory:peak", request, seconds=_SECONDS - 30, environ=_ENVIRON)
    if not end.has_ended:
        evidence.problem(f"stream {name}: reading it in a process of its own: {end.reason}")
        return
    told = end.answer
    size = told["bytes"] / _MIB
    figures = {
        "memory of the process": told["resident"] / _MIB,
        "Python objects": told["traced"] / _MIB,
    }
    evidence.looked(
        f"stream {name}: {size:.0f} MB read; "
        + ", ".join(f"{what} +{most:.0f} MB" for what, most in figures.items())
    )
    for what, most in figures.items():
        if most > _BOUND / _MIB:
            evidence.problem(
                f"stream {name}: while {size:.0f} MB were read the {what} rose by {most:.0f} MB; "
                f"{_BOUND / _MIB:g} MB are allowed, whatever the stream's size"
            )
    if told["bytes"] < _LEAST:
        evidence.gap(f"stream {name} has {size:.1f} MB; {_LEAST / _MIB:g} MB are needed")


RULES = (bounded,)
