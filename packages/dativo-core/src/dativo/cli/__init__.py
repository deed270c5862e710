"""The command line: it reads options, calls the library and shows what came of it."""

from dativo.cli._main import main

__all__ = ["main"]
