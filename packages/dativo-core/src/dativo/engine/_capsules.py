"""Arrow's C stream interface, for streams whose batches come from Python code.

Who consumes a stream may pull it without the GIL, and may drop it at any moment: without the GIL,
inside a garbage collection, while an exception is on its way. Python code must not run then. So
only pulling runs Python code here, through ``ctypes``, which takes the GIL for itself; structs,
release callbacks and capsules are those of the native Arrow library, borrowed from empty objects.
See docs/adr/0002. The layout of the structs is that of the Arrow C data and stream interfaces.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
from collections.abc import Generator, Iterator
from ctypes import CFUNCTYPE, POINTER, PYFUNCTYPE, c_char_p, c_int, c_int64, c_void_p
from typing import Any, ClassVar

import arro3.core as arro3
import attrs

from dativo.contract import ArrowArray, ArrowStream

__all__ = ["ArrowStreamError", "Export", "export_stream", "import_batches"]

_ARRAY_NAME = ctypes.create_string_buffer(b"arrow_array")
_SCHEMA_NAME = ctypes.create_string_buffer(b"arrow_schema")
_STREAM_NAME = ctypes.create_string_buffer(b"arrow_array_stream")


class ArrowStreamError(Exception):
    """A native stream reported an error; the text is all that its interface gives."""


class _Array(ctypes.Structure):
    _fields_: ClassVar = [
        ("length", c_int64),
        ("null_count", c_int64),
        ("offset", c_int64),
        ("n_buffers", c_int64),
        ("n_children", c_int64),
        ("buffers", c_void_p),
        ("children", c_void_p),
        ("dictionary", c_void_p),
        ("release", c_void_p),
        ("private_data", c_void_p),
    ]


class _Schema(ctypes.Structure):
    _fields_: ClassVar = [
        ("format", c_void_p),
        ("name", c_void_p),
        ("metadata", c_void_p),
        ("flags", c_int64),
        ("n_children", c_int64),
        ("children", c_void_p),
        ("dictionary", c_void_p),
        ("release", c_void_p),
        ("private_data", c_void_p),
    ]


class _Stream(ctypes.Structure):
    _fields_: ClassVar = [
        ("get_schema", c_void_p),
        ("get_next", c_void_p),
        ("get_last_error", c_void_p),
        ("release", c_void_p),
        ("private_data", c_void_p),
    ]


_GET_SCHEMA = CFUNCTYPE(c_int, POINTER(_Stream), c_void_p)
_GET_NEXT = CFUNCTYPE(c_int, POINTER(_Stream), c_void_p)
_GET_LAST_ERROR = CFUNCTYPE(c_void_p, POINTER(_Stream))
_RELEASE = CFUNCTYPE(None, c_void_p)

_get_pointer = PYFUNCTYPE(c_void_p, ctypes.py_object, c_void_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi)
)


def _address(capsule: object, name: Any) -> int:
    return int(_get_pointer(capsule, ctypes.addressof(name)))


# --- Python to C --------------------------------------------------------------------------------


@attrs.define(eq=False)
class Export:
    """The Python side of a stream that was handed out.

    It lives until the stream ends, fails or is closed; a stream that was dropped half-way does
    not say so, which is why whoever exports one closes it.
    """

    batches: Generator[ArrowArray, None, None]
    key: int
    text: ctypes.Array[ctypes.c_char] | None = None

    def close(self) -> None:
        """Forget the stream and close what it reads from; a pull after that is an error.

        What fails in closing is dropped: nobody waits for these batches any more.
        """
        if _exports.get(self.key) is self:
            del _exports[self.key]
        with contextlib.suppress(Exception):
            self.batches.close()


_exports: dict[int, Export] = {}


def export_stream(
    schema: arro3.Schema, batches: Generator[ArrowArray, None, None]
) -> tuple[object, Export]:
    """Make a PyCapsule of a stream that pulls *batches* when its consumer pulls.

    An exception of *batches* reaches the consumer as an error code and a text.
    """
    capsule = schema.empty_table().__arrow_c_stream__()
    stream = _Stream.from_address(_address(capsule, _STREAM_NAME))
    # The library's own data stays in private_data for its release; the address names the stream.
    export = Export(batches, stream.private_data)
    _exports[export.key] = export
    stream.get_next = ctypes.cast(_GET_NEXT_CALLBACK, c_void_p).value
    stream.get_last_error = ctypes.cast(_GET_LAST_ERROR_CALLBACK, c_void_p).value
    return capsule, export


def _get_next(stream: Any, out: int) -> int:
    export = _exports.get(stream.contents.private_data)
    if export is None:
        return errno.EINVAL
    try:
        batch = next(export.batches, None)
        if batch is not None:
            _, array = batch.__arrow_c_array__()
            _move(_address(array, _ARRAY_NAME), out)
            return 0
    except BaseException as error:  # noqa: BLE001 - the caller is C
        text = f"{type(error).__name__}: {error}".encode("utf-8", "replace")
        export.text = ctypes.create_string_buffer(text.replace(b"\0", b"?"))
        return errno.EIO
    export.close()
    ctypes.memset(out, 0, ctypes.sizeof(_Array))
    return 0


def _get_last_error(stream: Any) -> int | None:
    export = _exports.get(stream.contents.private_data)
    if export is None or export.text is None:
        return None
    return ctypes.addressof(export.text)


_GET_NEXT_CALLBACK = _GET_NEXT(_get_next)
_GET_LAST_ERROR_CALLBACK = _GET_LAST_ERROR(_get_last_error)


def _move(source: int, out: int) -> None:
    """Move an array to where the consumer wants it; the source does not own it any more."""
    ctypes.memmove(out, source, ctypes.sizeof(_Array))
    _Array.from_address(source).release = None


# --- C to Python --------------------------------------------------------------------------------


def import_batches(data: ArrowStream) -> tuple[arro3.Schema, Iterator[arro3.RecordBatch]]:
    """Open a native stream; the GIL is free while it is pulled.

    Raises:
        ArrowStreamError: The stream reports an error, now or while it is iterated.
    """
    capsule = data.__arrow_c_stream__()
    stream = ctypes.cast(_address(capsule, _STREAM_NAME), POINTER(_Stream))
    schema = arro3.Schema.from_arrow_pycapsule(_schema_of(stream))
    return schema, _batches_of(capsule, schema)


def _batches_of(capsule: object, schema: arro3.Schema) -> Iterator[arro3.RecordBatch]:
    stream: Any = ctypes.cast(_address(capsule, _STREAM_NAME), POINTER(_Stream))
    get_next = _GET_NEXT(stream.contents.get_next)
    empty = arro3.Array([], arro3.DataType.int8())
    while True:
        _, array = empty.__arrow_c_array__()
        place = _vacate(_address(array, _ARRAY_NAME), _Array)
        _demand(get_next(stream, place), stream)
        if not _Array.from_address(place).release:
            return
        yield arro3.RecordBatch.from_arrow_pycapsule(schema.__arrow_c_schema__(), array)


def _schema_of(stream: Any) -> object:
    capsule = arro3.Schema([]).__arrow_c_schema__()
    place = _vacate(_address(capsule, _SCHEMA_NAME), _Schema)
    _demand(_GET_SCHEMA(stream.contents.get_schema)(stream, place), stream)
    return capsule


def _vacate(address: int, kind: type[_Array | _Schema]) -> int:
    """Release what is in a borrowed struct and return its address."""
    struct = kind.from_address(address)
    _RELEASE(struct.release)(address)
    ctypes.memset(address, 0, ctypes.sizeof(kind))
    return address


def _demand(code: int, stream: Any) -> None:
    if code == 0:
        return
    address = _GET_LAST_ERROR(stream.contents.get_last_error)(stream)
    text = c_char_p(address).value if address else None
    raise ArrowStreamError((text or b"no reason given").decode("utf-8", "replace"))
