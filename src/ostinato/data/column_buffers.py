"""Columns that grow block by block, and limits on the memory of a source.

Axes: N rows.
"""

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import numpy as np
import polars as pl

MORE_ROWS = 2**20  # minimum by which an array of numbers grows
MOST_CELL = 10_000  # bytes of one cell of text: no time, id or side is longer
MOST_TEXT = 2**30  # bytes of all text that is kept, in addition to the numbers
MOST_KEPT = 16 * 2**30  # bytes of numbers, unless half of the machine's memory is less
_CONTROL_GROUP = Path("/sys/fs/cgroup/memory.max")


class TooMuchError(Exception):
    """A source needs more memory than allowed.

    The message is a predicate, " takes 20 GiB ...": the caller puts the name of the source before it.
    """


class GrowingArray:
    """One array that grows in place as numbers arrive.

    A list of parts and a final ``concatenate`` would hold all numbers twice. ``resize`` lets the allocator extend the
    block; on Linux that moves the pages of large arrays instead of copying their bytes.
    """

    def __init__(self) -> None:
        self.array = np.empty(0)
        self.length = 0

    def append(self, part: np.ndarray) -> None:
        """Append numbers (n,)."""
        end = self.length + len(part)
        if end > len(self.array):
            # grow by an eighth: the cost per number stays constant, and at most an eighth is unused;
            # refcheck would fail under a debugger, and nobody holds a view before to_array
            self.array.resize(end + max(MORE_ROWS, end // 8), refcheck=False)
        self.array[self.length : end] = part
        self.length = end

    def to_array(self) -> np.ndarray:
        """All numbers, (N,); the object is not used afterwards."""
        self.array.resize(self.length, refcheck=False)
        return self.array


class ColumnBuffers:
    """Columns (N,) that grow by blocks: numbers in arrays, everything else in polars series.

    Args:
        names: of the columns.
        most: limit on the bytes of numbers; None: half of the machine's memory, at most MOST_KEPT.
    """

    def __init__(self, names: Collection[str], most: int | None = None) -> None:
        self.names = names
        self.most = memory_limit() if most is None else most
        self.kept = self.text = 0
        self.numbers: dict[str, GrowingArray] = {}
        self.others: dict[str, list[pl.Series]] = {}

    def append(self, name: str, part: np.ndarray | pl.Series) -> None:
        """Append the next rows of a column.

        Raises:
            TooMuchError: all columns together exceed the limit.
        """
        if isinstance(part, pl.Series):
            self._count_text(name, part)
            self.others.setdefault(name, []).append(part)
            return
        self.kept += part.nbytes
        if self.kept > self.most:
            raise too_much_memory(self.kept, self.most, "more than ")
        try:
            self.numbers.setdefault(name, GrowingArray()).append(part)
        except MemoryError:
            raise too_much_memory(self.kept, self.kept, "more than ") from None

    def _count_text(self, name: str, part: pl.Series) -> None:
        if part.dtype != pl.String:
            self.kept += int(part.estimated_size())
            if self.kept > self.most:
                raise too_much_memory(self.kept, self.most, "more than ")
            return
        lengths = part.str.len_bytes()
        longest: int = lengths.max() or 0  # type: ignore[assignment]
        if longest > MOST_CELL:
            raise TooMuchError(
                f" has a text of {longest:,} bytes in the column {name!r}; {MOST_CELL:,} are allowed in a column "
                "that is read. Shorten it, or choose other columns."
            )
        self.text += int(lengths.sum()) + 16 * len(part)
        if self.text > MOST_TEXT:
            raise TooMuchError(
                f" holds more than {MOST_TEXT / 2**30:.3g} GiB of text in the columns to read. Save it as parquet with "
                "times as datetimes and numbers as numbers, or cut it into parts."
            )

    def to_frame(self, blank: int = 0) -> tuple[pl.DataFrame, dict[str, np.ndarray]]:
        """The columns as a frame, and numbers as arrays in the same memory; the last ``blank`` rows are left out."""
        for grown in self.numbers.values():
            grown.length -= blank
        arrays = {name: grown.to_array() for name, grown in self.numbers.items()}
        columns = [pl.Series(name, array) for name, array in arrays.items()]
        for name, parts in self.others.items():
            column = pl.concat(parts).alias(name)
            columns.append(column.head(len(column) - blank))
        frame = (
            pl.DataFrame(columns) if columns else pl.DataFrame(schema=dict.fromkeys(self.names, pl.String))
        )
        return frame, arrays


def memory_limit() -> int:
    """Limit on the bytes of numbers of one source: half of the memory that this process may use.

    The smallest of three limits holds: the machine's memory, the memory limit of the control group (containers) and
    the address space (``ulimit -v``). Only the first is visible in ``sysconf``, so a container would otherwise be
    killed instead of refused.
    """
    memory = [2 * MOST_KEPT]
    with suppress(AttributeError, ValueError, OSError):  # not available on Windows
        memory.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with suppress(ValueError, OSError):  # missing outside of containers; "max" means no limit
        memory.append(int(_CONTROL_GROUP.read_text()))
    with suppress(ImportError, OSError):
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        memory += [limit] if limit != resource.RLIM_INFINITY else []
    return min(memory) // 2


def too_much_memory(needed: int, most: int, about: str = "") -> TooMuchError:
    """The error for numbers that need ``needed`` bytes where ``most`` are allowed."""
    return TooMuchError(
        f" takes {about}{needed / 2**30:.3g} GiB as numbers; {most / 2**30:.3g} GiB, half of the memory that there is, "
        "may be read at once. Read fewer columns, cut it into parts by time, or make longer bars of it."
    )
