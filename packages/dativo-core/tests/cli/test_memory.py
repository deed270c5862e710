from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

_CODE = """
import ctypes
from dativo.cli._memory import return_large_buffers

class Info(ctypes.Structure):
    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_size_t) for name in names.split()]

libc = ctypes.CDLL(None)
libc.mallinfo2.restype = Info
if {is_called}:
    return_large_buffers()
bytes(16 << 20)  # once it is freed, what is smaller is no longer large
before = libc.mallinfo2().hblks
kept = [bytes(4 << 20) for _ in range(8)]  # no hole of the heap takes them
print(libc.mallinfo2().hblks - before)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="not glibc")
@pytest.mark.parametrize("is_called", [False, True])
def test_large_buffers_stay_apart_after_a_larger_one_was_freed(*, is_called: bool) -> None:
    words = [sys.executable, "-c", _CODE.replace("{is_called}", str(is_called))]

    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout

    assert int(said) == (8 if is_called else 0)
