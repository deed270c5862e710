"""The connector for Sample System; its code is in `$module.py`."""
