"""What a move would have to be before acting on a forecast could pay: fees, the spread, and how large moves are.

Nothing here says that anything pays. A hit rate says nothing of it either: a forecast can be right about moves that
are smaller than what acting on them costs.
"""

import math
from dataclasses import dataclass

from ...errors import ConfigError, DataError
from .sums import Sum

FEWEST_PAIRS = 100  # of neighbouring changes


def break_even_move(fee: float, spread: float, slippage: float = 0.0) -> float:
    """The move that pays for going in and out again, as a fraction of the price: 2 fee + spread + 2 slippage.

    Each way costs a fee, half the spread and the slippage; their products, of the size of fee^2, are left out.

    Args:
        fee: of one trade, a fraction of its value: 0.001 is 0.1 %.
        spread: between best bid and ask, a fraction of the price.
        slippage: by which each trade is done beyond that, a fraction of the price.

    Raises:
        ConfigError: one of them is not within 0 and 1.

    >>> break_even_move(0.001, 0.0002)
    0.0022
    """
    for name, value in (("fee", fee), ("spread", spread), ("slippage", slippage)):
        if not 0 <= value < 1:
            raise ConfigError(
                f"{name} must be a fraction of the price, at least 0 and below 1 (0.001 is 0.1 %), got {value}."
            )
    return 2 * fee + spread + 2 * slippage


class RollSpread:
    """The effective spread from prices of trades alone, as a fraction of the price, in constant memory.

        spread = 2 sqrt(-c),   c the covariance of neighbouring changes of the logarithm of the price

    Trades that come at bid and ask in turn make changes that undo each other; the wider the spread, the more. Where
    the covariance is not negative there is no such number: where trades follow trends, or where aggregated trades hide
    the bounce. It takes buys and sells as equally likely and independent, and the value behind as a random walk.

    Source:
        Roll 1984, Journal of Finance 39, 1127-1139, equation 4, there for percentages.
    """

    def __init__(self) -> None:
        self.pairs = 0
        self._level: float | None = None
        self._change: float | None = None
        self._early = self._late = self._product = 0.0  # means, and the sum of products about them

    def add(self, price: float, gap: bool = False) -> None:
        """The next price; gap: trades before it were missed, so that no change is taken.

        Raises:
            DataError: it is not a finite number above 0.
        """
        if not 0 < price < math.inf:
            raise DataError(f"a price must be a finite number above 0, got {price}.")
        if gap:
            self._level = self._change = None
        level = math.log(price)
        if self._level is not None:
            change = level - self._level
            if self._change is not None:
                self.pairs += 1
                off = self._change - self._early
                self._early += off / self.pairs
                self._late += (change - self._late) / self.pairs
                self._product += off * (change - self._late)
            self._change = change
        self._level = level

    @property
    def covariance(self) -> float | None:
        """c; None below 100 pairs of changes."""
        return self._product / (self.pairs - 1) if self.pairs >= FEWEST_PAIRS else None

    @property
    def spread(self) -> float | None:
        """As a fraction of the price; None where the covariance is not known yet or not below 0."""
        found = self.covariance
        return 2 * math.sqrt(-found) if found is not None and found < 0 else None


@dataclass(frozen=True)
class MovesSummary:
    """Sizes of moves at the horizon, as fractions of the price. None is not known yet."""

    count: int
    mean: float | None  # of |move|
    break_even: float
    larger: float | None  # share of moves whose size is above the break-even move of their time


class OnlineMoves:
    """How large moves are at the horizon, beside what a move would have to be.

    Args:
        break_even: see `break_even_move`; may be set anew as the spread becomes known, for the moves after that.
    """

    def __init__(self, break_even: float) -> None:
        self.break_even = break_even
        self.count = self._larger = 0
        self._size = Sum()

    @property
    def break_even(self) -> float:
        """What a move is held against."""
        return self._break_even

    @break_even.setter
    def break_even(self, value: float) -> None:
        if not 0 <= value < math.inf:
            raise ConfigError(f"break_even must be a fraction of the price, at least 0, got {value}.")
        self._break_even = float(value)

    def add(self, move: float) -> None:
        """The move from a row to its horizon, a fraction of the price; its sign does not matter.

        Raises:
            DataError: it is not finite.
        """
        if not math.isfinite(move):
            raise DataError(f"a move must be a finite number, got {move}.")
        size = abs(move)
        self.count += 1
        self._size.add(size)
        self._larger += size > self._break_even

    def summary(self) -> MovesSummary:
        """All that is known so far."""
        if self.count == 0:
            return MovesSummary(0, None, self._break_even, None)
        return MovesSummary(
            self.count, self._size.value / self.count, self._break_even, self._larger / self.count
        )
