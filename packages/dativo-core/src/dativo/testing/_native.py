"""Which native code can open no sockets and files of its own, as far as is known."""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["unknown_native"]

_HARMLESS = frozenset(
    {
        # They compute, parse, compress or encrypt what they are given.
        "_argon2_cffi_bindings",
        "_brotli",
        "_ruamel_yaml",
        "_yaml",
        "aiohttp",  # parsers; its sockets are Python's
        "arro3",
        "bcrypt",
        "blake3",
        "brotli",
        "charset_normalizer",
        "coverage",
        "cryptography",
        "dateutil",
        "frozenlist",
        "google_crc32c",
        "greenlet",
        "httptools",
        "jiter",
        "lazy_object_proxy",
        "lz4",
        "markupsafe",
        "msgpack",
        "msgspec",
        "multidict",
        "nacl",
        "numpy",
        "orjson",
        "propcache",
        "pyarrow",
        "pydantic_core",
        "regex",
        "rpds",
        "simplejson",
        "snappy",
        "sqlalchemy",
        "tiktoken",
        "ujson",
        "websockets",
        "wrapt",
        "xxhash",
        "yarl",
        "zope",
        "zstandard",
    }
)
"""Top-level modules."""

_REACHING = (
    "pyarrow._azurefs",
    "pyarrow._dataset",
    "pyarrow._flight",
    "pyarrow._fs",
    "pyarrow._gcsfs",
    "pyarrow._hdfs",
    "pyarrow._s3fs",
)
"""Modules of harmless packages that open files or sockets by themselves."""


def unknown_native(modules: Iterable[str]) -> list[str]:
    """Return those of *modules* that may reach out without Python seeing it."""
    return sorted(
        {
            name
            for name in modules
            if name.startswith(_REACHING) or name.partition(".")[0] not in _HARMLESS
        }
    )
