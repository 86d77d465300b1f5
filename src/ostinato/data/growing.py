"""Arrays that grow block by block, and limits on how much of a source is kept.

Axes: N rows.
"""

import os
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import numpy as np
import polars as pl

MORE_ROWS = 2**20  # by which an array of numbers grows at least
MOST_CELL = 10_000  # bytes of a cell of text: no time, id or side is longer
MOST_TEXT = 2**30  # bytes of all text that is kept, beside the numbers
MOST_KEPT = 16 * 2**30  # bytes of numbers, if half of the memory of the machine is not less
_CONTROL_GROUP = Path("/sys/fs/cgroup/memory.max")


class TooMuchError(Exception):
    """A source takes more than may be kept; the text goes on from the name of the source, and ends with the remedy."""


class Growing:
    """Numbers that come in pieces, in one array that grows in its place: pieces and their sum are never both there."""

    def __init__(self) -> None:
        self.array = np.empty(0)
        self.length = 0

    def append(self, part: np.ndarray) -> None:
        """Add numbers at the end."""
        end = self.length + len(part)
        if end > len(self.array):
            self.array.resize(end + max(MORE_ROWS, end // 8), refcheck=False)
        self.array[self.length : end] = part
        self.length = end

    def whole(self) -> np.ndarray:
        """All of them, (N,)."""
        self.array.resize(self.length, refcheck=False)
        return self.array


class Chunks:
    """Columns that grow by blocks, (N,) each: of numbers as arrays, of anything else as series.

    Args:
        names: of the columns.
        most: bytes of numbers that may be kept; None: half of the machine's memory, at most MOST_KEPT.
    """

    def __init__(self, names: Collection[str], most: int | None = None) -> None:
        self.names = names
        self.most = most_kept() if most is None else most
        self.kept = self.text = 0
        self.numbers: dict[str, Growing] = {}
        self.others: dict[str, list[pl.Series]] = {}

    def append(self, name: str, part: np.ndarray | pl.Series) -> None:
        """Add the next rows of a column.

        Raises:
            TooMuchError: all of it is more than may be kept.
        """
        if isinstance(part, pl.Series):
            self._count_text(name, part)
            self.others.setdefault(name, []).append(part)
            return
        self.kept += part.nbytes
        if self.kept > self.most:
            raise too_much(self.kept, self.most, "more than ")
        try:
            self.numbers.setdefault(name, Growing()).append(part)
        except MemoryError:
            raise too_much(self.kept, self.kept, "more than ") from None

    def _count_text(self, name: str, part: pl.Series) -> None:
        if part.dtype != pl.String:
            self.kept += int(part.estimated_size())
            if self.kept > self.most:
                raise too_much(self.kept, self.most, "more than ")
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

    def joined(self, blank: int = 0) -> tuple[pl.DataFrame, dict[str, np.ndarray]]:
        """The columns as a frame, and those of numbers as arrays in the same memory; not the last ``blank`` rows."""
        for growing in self.numbers.values():
            growing.length -= blank
        arrays = {name: growing.whole() for name, growing in self.numbers.items()}
        columns = [pl.Series(name, array) for name, array in arrays.items()]
        for name, parts in self.others.items():
            column = pl.concat(parts).alias(name)
            columns.append(column.head(len(column) - blank))
        frame = (
            pl.DataFrame(columns) if columns else pl.DataFrame(schema=dict.fromkeys(self.names, pl.String))
        )
        return frame, arrays


def most_kept() -> int:
    """Bytes of numbers that may be kept of one source: half of what this process may have."""
    memory = [2 * MOST_KEPT]
    with suppress(AttributeError, ValueError, OSError):  # Windows does not say
        memory.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with suppress(ValueError, OSError):  # only in a container, and "max" is no number
        memory.append(int(_CONTROL_GROUP.read_text()))
    with suppress(ImportError, OSError):
        import resource

        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        memory += [limit] if limit != resource.RLIM_INFINITY else []
    return min(memory) // 2


def too_much(needed: int, most: int, about: str = "") -> TooMuchError:
    """The refusal of numbers that take so many bytes."""
    return TooMuchError(
        f" takes {about}{needed / 2**30:.3g} GiB as numbers; {most / 2**30:.3g} GiB, half of the memory that there is, "
        "may be read at once. Read fewer columns, cut it into parts by time, or make longer bars of it."
    )
