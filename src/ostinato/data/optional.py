"""Optional columns of trades: ids and sides.

Where such a column was only guessed by its name and makes no sense, it is left out and that is reported;
where the caller named it, it must make sense.
"""

import numpy as np
import polars as pl

from ..errors import ColumnError
from .table import Column

BUY, SELL = 1, -1
# true answers "was the buyer the maker?", so the trade was a sale into a waiting bid
SIDES = {
    **dict.fromkeys(("buy", "b", "bid", "1", "1.0", "+1", "false"), BUY),
    **dict.fromkeys(("sell", "s", "ask", "-1", "-1.0", "true"), SELL),
}


def read_id(column: Column) -> np.ndarray:
    """Trade ids, (N,): int64 where all are whole numbers, str objects otherwise.

    Raises:
        ColumnError: a cell is empty.
    """
    cells = column.cells
    text = column.text()
    if text.null_count():
        raise ColumnError(f"{column.at(text.is_null().arg_true()[0])}. Mend it, or choose {column.remedy()}.")
    numbers = cells if cells.dtype.is_integer() else text.str.strip_chars().cast(pl.Int64, strict=False)
    if numbers.null_count() == 0 and numbers.dtype != pl.UInt64:
        return numbers.cast(pl.Int64).to_numpy(writable=True)
    return text.to_numpy(writable=True)


def read_side(column: Column) -> np.ndarray:
    """Who took the initiative, (N,) int8: +1 the buyer, -1 the seller.

    Words (buy, sell, b, s), signs (1, -1) and the answers to "was the buyer the maker?" are understood.

    Raises:
        ColumnError: a cell is none of these.
    """
    words = column.text().str.strip_chars().str.to_lowercase()
    sides = words.replace_strict(SIDES, default=None, return_dtype=pl.Int8)
    wrong = sides.is_null().arg_true()
    if len(wrong):
        raise ColumnError(
            f"{column.at(wrong[0])}; it must be buy or sell, b or s, 1 or -1, or true or false for a maker "
            f"that bought. Choose {column.remedy()}."
        )
    return sides.to_numpy(writable=True)
