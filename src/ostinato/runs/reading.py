"""Read untrusted files and JSON: with limits on size, and one clear error message."""

import json
import math
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any

from ..errors import BrokenRunError, RunError, shortened

MAX_JSON_BYTES = 1 << 20
MAX_LINES_BYTES = 1 << 28
MAX_LINE_BYTES = 1 << 20
MAX_NESTING = 20
# a list of empty lists takes three bytes for each, and 64 in memory
MAX_VALUES = 1 << 22

# a named pipe would otherwise be waited on for ever; Windows has neither flag
FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@contextmanager
def open_limited(path: Path | str, max_bytes: int) -> Iterator[tuple[BufferedReader, int]]:
    """The open file and its size in bytes.

    Raises:
        BrokenRunError: the path is missing, no regular file, or larger than max_bytes.
        RunError: the system does not let us read it.
    """
    try:
        with os.fdopen(_regular(path), "rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > max_bytes:
                raise BrokenRunError(f"{path} is {size:,} bytes, more than the {max_bytes:,} allowed here.")
            yield file, size
    except FileNotFoundError:
        raise BrokenRunError(f"{path} is missing.") from None
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror or error}.") from error


def _regular(path: Path | str) -> int:
    number = os.open(path, FLAGS)
    if not stat.S_ISREG(os.fstat(number).st_mode):
        os.close(number)
        raise BrokenRunError(f"{path} is not a file. A run holds plain files only.")
    return number


def read_bytes(path: Path | str, max_bytes: int) -> bytes:
    """The whole file. Raises what `open_limited` raises."""
    with open_limited(path, max_bytes) as (file, _):
        return file.read(max_bytes)


def read_json(path: Path | str, max_bytes: int = MAX_JSON_BYTES) -> Any:
    """The value in a JSON file. Raises what `open_limited` and `parse_json` raise."""
    return parse_json(read_bytes(path, max_bytes), str(path))


def read_lines(path: Path | str, max_bytes: int = MAX_LINES_BYTES) -> list[Any]:
    """The records of a file that `append_line` wrote, oldest first; none if it is missing.

    A last line without its end was cut off by a crash and is left out.

    Raises:
        BrokenRunError: a whole line is not JSON. RunError: the system does not let us read it.
    """
    if not os.path.lexists(path):
        return []
    found: list[Any] = []
    values = 0
    with open_limited(path, max_bytes) as (file, _):
        while (line := file.readline(MAX_LINE_BYTES + 1)).endswith(b"\n"):
            where = f"{path}, line {len(found) + 1}"
            values += _values(line)
            if values > MAX_VALUES:
                raise BrokenRunError(f"{where}: there are more than the {MAX_VALUES:,} values allowed.")
            found.append(parse_json(line[:-1], where))
    if len(line) > MAX_LINE_BYTES:
        raise BrokenRunError(
            f"{path}, line {len(found) + 1} is longer than the {MAX_LINE_BYTES:,} bytes allowed."
        )
    return found


def parse_json(data: bytes, where: str) -> Any:
    """The value in UTF-8 JSON, stricter than Python's reader.

    NaN, numbers beyond float64, a key given twice, half a surrogate pair and nesting beyond
    MAX_NESTING are refused, and so are more than MAX_VALUES values.

    Args:
        where: what to call the data in an error.

    Raises:
        BrokenRunError: data is not such JSON.
    """
    if _values(data) > MAX_VALUES:
        raise BrokenRunError(f"{where} has more than the {MAX_VALUES:,} values allowed.")
    try:
        value = json.loads(
            data.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite
        )
        _check(value, MAX_NESTING)
    except UnicodeError:
        raise BrokenRunError(f"{where} is not UTF-8 text.") from None
    except RecursionError:
        raise BrokenRunError(f"{where} is nested more than {MAX_NESTING} deep.") from None
    except ValueError as error:
        raise BrokenRunError(f"{where} is not usable JSON: {error}.") from None
    return value


def _values(data: bytes) -> int:
    """How many values there may be in JSON, from the signs between them; text may hold some too."""
    return 1 + sum(data.count(sign) for sign in (b",", b"[", b"{", b":"))


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key {shortened(key)} is given twice")
        found[key] = value
    return found


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not a JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{shortened(digits)} is too large a number")
    return number


def _check(value: Any, room: int) -> None:
    if isinstance(value, str):
        value.encode("utf-8")  # an escaped half of a surrogate pair cannot be printed later
    elif isinstance(value, (dict, list)):
        if room == 0:
            raise RecursionError
        for part in (*value, *value.values()) if isinstance(value, dict) else value:
            _check(part, room - 1)
