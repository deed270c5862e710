"""The command `dativo`, which loads everything, then waits until the file `GATE` appears.

So several of them begin at the same moment.
"""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

from dativo import engine
from dativo.cli import main

if __name__ == "__main__":
    logging.getLogger(engine.__name__)  # it is loaded for its own sake
    gate = Path(os.environ["GATE"])
    gate.with_name(f"{gate.name}.{os.getpid()}").touch()
    while not gate.exists():
        time.sleep(0.0005)
    main()
