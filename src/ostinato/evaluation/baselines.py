"""What a network that forecasts the direction of the next price has to beat.

A baseline is fitted on the rows the model may use and then speaks of every row:

    BaseRate().fit(prices, train_rows).predict(prices)  ->  p (N,)

Row t stands for "price[t + 1] is strictly higher than price[t]". A forecast for row t reads prices up
to t only. The label that `fit` reads for row t reaches to price[t + 1], so `rows` must leave out the
purge gap, as the rows of a split do.
"""

from typing import Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ConfigError, DataError
from .columns import Floats, finite_numbers

MAX_ORDER = 12  # 3^12 cells are half a million; no data here fills a larger table

Integers = NDArray[np.int64]


class DirectionBaseline(Protocol):
    """What every baseline for direction can do.

    Shape:
        prices (N,) in row order, rows (R,) numbers within 0..N-2, p (N,).

    Raises:
        DataError: prices are not finite numbers, rows do not number rows that have a next price, or
            predict comes before fit.
    """

    def fit(self, prices: ArrayLike, rows: ArrayLike) -> Self: ...

    def predict(self, prices: ArrayLike) -> Floats: ...


class BaseRate:
    """The share of ups among the fitted rows, for every row.

    Laplace's rule of succession, (ups + 1) / (rows + 2), keeps it off 0 and 1.
    """

    def __init__(self) -> None:
        self.rate: float | None = None

    def fit(self, prices: ArrayLike, rows: ArrayLike) -> Self:
        up = _labels(finite_numbers("prices", prices), rows)[1]
        self.rate = _succession(up)
        return self

    def predict(self, prices: ArrayLike) -> Floats:
        if self.rate is None:
            raise DataError("this BaseRate has seen no rows yet. Call fit before predict.")
        return np.full(len(finite_numbers("prices", prices)), self.rate)


class SignTable:
    """The share of ups after each pattern of the last `order` tick signs.

    The sign at t is that of price[t] - price[t - 1]; before the first price has moved it is 0. Each of
    the 3^order patterns has a cell,

        p = (ups in the cell + base rate) / (rows in the cell + 1),

    that is, one row more than was seen, up as often as the base rate: a pattern never seen gives the
    base rate, and no p is 0 or 1.

    Args:
        order: how many signs make a pattern, 1 to 12.

    Raises:
        ConfigError: order is not within 1..12.
    """

    def __init__(self, order: int = 4) -> None:
        if not 1 <= order <= MAX_ORDER:
            raise ConfigError(f"order must be 1 to {MAX_ORDER} signs, got {order}.")
        self.order = order
        self.table: Floats | None = None  # (3^order,)

    def fit(self, prices: ArrayLike, rows: ArrayLike) -> Self:
        prices = finite_numbers("prices", prices)
        rows, up = _labels(prices, rows)
        cells = sign_patterns(prices, self.order)[rows]
        seen = np.bincount(cells, minlength=3**self.order)
        ups = np.bincount(cells, weights=up, minlength=3**self.order)
        self.table = (ups + _succession(up)) / (seen + 1)
        return self

    def predict(self, prices: ArrayLike) -> Floats:
        if self.table is None:
            raise DataError("this SignTable has seen no rows yet. Call fit before predict.")
        return self.table[sign_patterns(finite_numbers("prices", prices), self.order)]


DIRECTION_BASELINES: dict[str, type[DirectionBaseline]] = {"base_rate": BaseRate, "sign_table": SignTable}


def sign_patterns(prices: Floats, order: int) -> Integers:
    """Number of the pattern of the last `order` signs at each row (N,), newest sign in the last digit.

    Digits are in base 3: 0 down, 1 flat, 2 up.
    """
    digits = np.concatenate([np.ones(order), 1 + np.sign(np.diff(prices))]).astype(np.int64)
    windows = np.lib.stride_tricks.sliding_window_view(digits, order)
    return windows @ 3 ** np.arange(order)[::-1]


def _succession(up: NDArray[np.bool_]) -> float:
    return float((np.sum(up) + 1) / (len(up) + 2))


def _labels(prices: Floats, rows: ArrayLike) -> tuple[Integers, NDArray[np.bool_]]:
    """The rows as an array, and whether the price after each was higher."""
    array = np.asarray(rows)
    if array.ndim != 1 or len(array) == 0 or not np.issubdtype(array.dtype, np.integer):
        raise DataError(
            f"rows must be a list of at least one row number, got {array.dtype} of shape {array.shape}."
        )
    low, high = array.min(), array.max()
    if low < 0 or high > len(prices) - 2:
        raise DataError(
            f"rows must lie within 0 and {len(prices) - 2}, where a next price is known, got {low} to {high}."
        )
    return array.astype(np.int64), prices[array + 1] > prices[array]
