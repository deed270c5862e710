"""The command `dativo`, whose Postgres source sets a checkpoint after 2,000 rows, not millions.

So a table of a few megabytes has several epochs, each read by statements of its own.
"""

from __future__ import annotations

from dativo.cli import main
from dativo_connector_postgres import _steps

if __name__ == "__main__":
    _steps._ROWS_PER_STEP = 2_000  # pyright: ignore[reportPrivateUsage]
    main()
