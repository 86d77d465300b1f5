"""Read untrusted safetensors files.

    8 bytes     length of the header, little endian
    header      JSON: {"NAME": {"dtype", "shape", "data_offsets": [begin, end]}, "__metadata__": {text: text}}
    the rest    the tensors; offsets count from here

The names are only names: nothing is ever opened or made by them. The library `safetensors` writes;
reading is here, because its errors vary by version and it neither limits the size nor refuses NaN.
"""

import math
import struct
from collections.abc import Callable, Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from safetensors.numpy import save

from ..errors import BrokenRunError, RunError, shortened
from .reading import open_limited, parse_json
from .schema import STRICT, validated
from .writing import write_bytes

MAX_HEADER_BYTES = 16 << 20
MAX_FILE_BYTES = 4 << 30
MAX_AXES = 16
MAX_ELEMENTS = 1 << 40  # per tensor, empty axes counted as 1, or numpy's own arithmetic overflows

DTYPES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "C64": np.dtype("<c8"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("i1"),
    "U64": np.dtype("<u8"),
    "U32": np.dtype("<u4"),
    "U16": np.dtype("<u2"),
    "U8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}

Array = NDArray[Any]
Metadata = dict[str, str]
METADATA = TypeAdapter(Metadata)


class TensorInfo(BaseModel):
    """What the header says of one tensor."""

    model_config = STRICT

    dtype: str
    shape: list[int] = Field(max_length=MAX_AXES)
    data_offsets: list[int] = Field(min_length=2, max_length=2)

    @property
    def nbytes(self) -> int:
        """Bytes of the tensor."""
        return self.data_offsets[1] - self.data_offsets[0]


def read_tensors(
    path: Path | str,
    max_bytes: int = MAX_FILE_BYTES,
    finite: bool = False,
    check: Callable[[dict[str, TensorInfo]], None] | None = None,
) -> tuple[dict[str, Array], Metadata]:
    """The tensors of a safetensors file by name, and its metadata.

    Args:
        max_bytes: refuse a larger file before reading it.
        finite: refuse NaN and infinity.
        check: raises what it likes where the header is not the one expected, before any tensor is read: a sparse file
            of a few kilobytes may announce gigabytes.

    Returns:
        arrays that own their memory, in the order they lie in the file; {} if there is no metadata.

    Raises:
        BrokenRunError: the file is missing, too large, damaged or hostile.
        RunError: the system does not let us read it.
    """
    where = str(path)
    with open_limited(path, max_bytes) as (file, size):
        header, data_bytes = _header(file, size, where)
        metadata = _metadata(header.pop("__metadata__", {}), where)
        entries = _entries(header, data_bytes, where)
        if check is not None:
            check(entries)
        arrays = {name: _array(file, name, entry, where) for name, entry in entries.items()}
    if finite:
        _check_finite(arrays, where)
    return arrays, metadata


def write_tensors(path: Path | str, arrays: Mapping[str, Array], metadata: Metadata | None = None) -> None:
    """Replace a safetensors file.

    Raises:
        RunError: a tensor or the metadata cannot be held by such a file, or the system does not let
            us write there.
    """
    for name, array in arrays.items():
        if name == "__metadata__":
            raise RunError(f"cannot write {path}: __metadata__ is no name for a tensor.")
        if array.dtype.newbyteorder("<") not in DTYPES.values():
            raise RunError(f"cannot write {path}: the tensor {shortened(name)} cannot be {array.dtype}.")
    ready = {
        name: np.asarray(array, array.dtype.newbyteorder("<"), order="C") for name, array in arrays.items()
    }
    try:
        data = save(ready, metadata)
    except (TypeError, ValueError) as error:
        raise RunError(f"cannot write {path}: names and metadata must be text ({error}).") from error
    if _header_length(data[:8]) > MAX_HEADER_BYTES:
        raise RunError(
            f"cannot write {path}: names and metadata are more than the {MAX_HEADER_BYTES:,} bytes allowed."
        )
    write_bytes(path, data)


def _header_length(first_bytes: bytes) -> int:
    return int(struct.unpack("<Q", first_bytes)[0])


def _header(file: BufferedReader, size: int, where: str) -> tuple[dict[str, Any], int]:
    """The header, and how many bytes of tensors follow."""
    if size < 8:
        raise BrokenRunError(f"{where} is {size} bytes, too short for a safetensors file.")
    length, most = _header_length(_exactly(file, 8, where)), min(MAX_HEADER_BYTES, size - 8)
    if length > most:
        raise BrokenRunError(f"{where} announces a header of {length:,} bytes; {most:,} are possible.")
    header = parse_json(_exactly(file, length, where), f"the header of {where}")
    if not isinstance(header, dict):
        raise BrokenRunError(f"the header of {where} is {shortened(header)}, no table of tensors.")
    return header, size - 8 - length


def _metadata(value: Any, where: str) -> Metadata:
    try:
        return METADATA.validate_python(value, strict=True)
    except ValidationError:
        raise BrokenRunError(
            f"the header of {where}: __metadata__ must map text to text, got {shortened(value)}."
        ) from None


def _entries(header: dict[str, Any], data_bytes: int, where: str) -> dict[str, TensorInfo]:
    """The entries in file order, each byte of the data belonging to exactly one."""
    entries = {name: validated(TensorInfo, value, _naming(name, where)) for name, value in header.items()}
    ordered = dict(sorted(entries.items(), key=lambda item: item[1].data_offsets))
    position = 0
    for name, entry in ordered.items():
        begin, end = entry.data_offsets
        if begin != position or end > data_bytes:
            raise BrokenRunError(
                f"{_naming(name, where)}: it cannot lie at {shortened(entry.data_offsets)}; "
                f"the tensors before it end at {position:,} and the data at {data_bytes:,}."
            )
        _check_shape(entry, _naming(name, where))
        position = end
    if position != data_bytes:
        raise BrokenRunError(f"{where}: {data_bytes - position:,} bytes belong to no tensor.")
    return ordered


def _check_shape(entry: TensorInfo, where: str) -> None:
    if entry.dtype not in DTYPES:
        raise BrokenRunError(
            f"{where}: its dtype {shortened(entry.dtype)} is unknown. Known are {', '.join(DTYPES)}."
        )
    if min(entry.shape, default=0) < 0 or math.prod(max(axis, 1) for axis in entry.shape) > MAX_ELEMENTS:
        raise BrokenRunError(f"{where}: its shape {shortened(entry.shape)} is impossible.")
    needed = math.prod(entry.shape) * DTYPES[entry.dtype].itemsize
    begin, end = entry.data_offsets
    if end - begin != needed:
        raise BrokenRunError(
            f"{where}: {entry.dtype} of shape {shortened(entry.shape)} takes {needed:,} bytes, "
            f"not {end - begin:,}."
        )


def _array(file: BufferedReader, name: str, entry: TensorInfo, where: str) -> Array:
    begin, end = entry.data_offsets
    array = np.empty(end - begin, np.uint8)
    if file.readinto(array.data) != len(array):
        raise _shrunk(where)
    if entry.dtype == "BOOL" and np.any(array > 1):
        raise BrokenRunError(f"{_naming(name, where)}: it holds booleans that are neither 0 nor 1.")
    return array.view(DTYPES[entry.dtype]).reshape(entry.shape)


def _exactly(file: BufferedReader, count: int, where: str) -> bytes:
    data = file.read(count)
    if len(data) != count:
        raise _shrunk(where)
    return data


def _shrunk(where: str) -> BrokenRunError:
    return BrokenRunError(f"{where} became shorter while it was read.")


def _check_finite(arrays: dict[str, Array], where: str) -> None:
    for name, array in arrays.items():
        wrong = int(np.sum(~np.isfinite(array)))
        if wrong:
            raise BrokenRunError(f"{_naming(name, where)}: {wrong} of {array.size} numbers are not finite.")


def _naming(name: str, where: str) -> str:
    return f"the tensor {shortened(name)} in {where}"
