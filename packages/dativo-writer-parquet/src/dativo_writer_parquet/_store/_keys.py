"""Where the objects of one stream lie below the prefix.

::

    public.orders/data/00000000000000000012/…parquet           what the session of claim 12 wrote
    .dativo/parquet/public.orders/log/00000000000000000012.json   a claim or a commit
    .dativo/parquet/public.orders/newest                        a hint where the log ends
    .dativo/parquet/jobs/orders_to_lake.lock                    the lease of a job
"""

from __future__ import annotations

import re

import attrs

from dativo_writer_parquet._layout import stream_folder

__all__ = ["PROBES", "Keys", "lease_key"]

_DIGITS = 20
_CONTROL = ".dativo/parquet"
PROBES = f"{_CONTROL}/probes"
_ENTRY = re.compile(rf"([0-9]{{{_DIGITS}}})\.json")


@attrs.frozen
class Keys:
    """The keys of one stream."""

    stream: str

    @property
    def data(self) -> str:
        """What all data files begin with."""
        return f"{stream_folder(self.stream)}/data"

    @property
    def log(self) -> str:
        """What all entries begin with."""
        return f"{_CONTROL}/{stream_folder(self.stream)}/log"

    @property
    def hint(self) -> str:
        """The object that says where to look first; never trusted."""
        return f"{_CONTROL}/{stream_folder(self.stream)}/newest"

    def entry(self, sequence: int) -> str:
        """Return the key of the entry number *sequence*; keys sort as their numbers."""
        return f"{self.log}/{sequence:0{_DIGITS}d}.json"

    def session(self, claim: int) -> str:
        """Return what the data files begin with that the session of a claim writes."""
        return f"{self.data}/{claim:0{_DIGITS}d}"

    def sequence_of(self, key: str) -> int | None:
        """Return the number of the entry at *key*, ``None`` if it is none."""
        match = _ENTRY.fullmatch(key.removeprefix(f"{self.log}/"))
        return int(match[1]) if match else None

    def claim_of(self, key: str) -> int | None:
        """Return the claim whose session wrote the data file at *key*, ``None`` if nobody's."""
        name, _, rest = key.removeprefix(f"{self.data}/").partition("/")
        return int(name) if rest and len(name) == _DIGITS and name.isdecimal() else None


def lease_key(job_id: str) -> str:
    """Return the key of the lease of a job; two jobs never share one."""
    return f"{_CONTROL}/jobs/{stream_folder(job_id)}.lock"
