"""Arrow's compute functions, which come into being when pyarrow is imported.

Type checkers cannot see them, so they are handed on as what they are to them: anything.
"""

from __future__ import annotations

from typing import Any

import pyarrow.compute

__all__ = ["compute"]

compute: Any = pyarrow.compute
