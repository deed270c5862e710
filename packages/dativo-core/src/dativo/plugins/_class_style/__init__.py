"""The class style (contract major 0) as hooks; this package goes when that major ends."""

from dativo.plugins._class_style._hooks import hooks_of

__all__ = ["hooks_of"]
