"""The break-even move: how large a move must be before a trade on the forecast could pay."""

import math
from collections import deque
from typing import TYPE_CHECKING, Any

from ..evaluation.online import OnlineMoves, RollSpread, break_even_move
from .store_info import PRICES

if TYPE_CHECKING:
    from ..store import StoredPrediction
    from .store_info import StoreInfo

MOST_AHEAD = 100_000  # rows of prices that are kept
FEE = 0.001  # of one trade: what exchanges ask of those who have no discount


class Costs:
    """Moves of a store's price at the horizon, compared with fees and spread; memory is constant.

    Args:
        fee: of one trade, a fraction of its value.
        spread: between best bid and ask, a fraction of the price; None to estimate it from the trades.

    Raises:
        ConfigError: one of them is not within 0 and 1.
    """

    def __init__(self, question: "StoreInfo", fee: float = FEE, spread: float | None = None) -> None:
        self.fee, self.given = fee, spread
        self.priced = question.price_label.lower() in PRICES
        self.ahead = question.ahead()
        # a bar's close tells nothing of bid and ask
        self._roll = RollSpread() if spread is None and question.head.kind == "trades" else None
        self._moves = OnlineMoves(break_even_move(fee, spread or 0.0))
        self._prices: deque[float] = deque(maxlen=min(question.furthest, MOST_AHEAD))
        self._column, self._key = question.price, 0

    @property
    def spread(self) -> float | None:
        """As given, or as estimated; None where it is not known."""
        return self.given if self._roll is None else self._roll.spread

    def add(self, rows: "list[StoredPrediction]") -> None:
        """Add events in the order of their keys."""
        if not self.priced:
            return
        for row in rows:
            price = row.values[self._column]
            if not 0 < price < math.inf:
                continue
            if self._roll is not None:
                self._roll.add(price, row.key != self._key + 1)
            if len(self._prices) == self._prices.maxlen:
                move = price / self._prices[0] - 1
                if math.isfinite(move):  # prices may be valid, and too far apart for a float
                    self._moves.add(move)
            self._prices.append(price)
            self._key = row.key
        if self._roll is not None and self.spread is not None:
            self._moves.break_even = break_even_move(self.fee, min(self.spread, 0.5))

    def section(self) -> dict[str, Any] | None:
        """Numbers and words; None where there is no price."""
        if not self.priced:
            return None
        found, spread = self._moves.summary(), self.spread
        mean = found.mean if found.mean is not None and math.isfinite(found.mean) else None
        words = (
            f"Break-even: a move of {_percent(found.break_even)}, for a fee of {_percent(self.fee)} each way "
        )
        words += (
            "and no spread, which is not known" if spread is None else f"and a spread of {_percent(spread)}"
        )
        words += (
            " (Roll's estimate from the trades)." if self._roll is not None and spread is not None else "."
        )
        if mean is not None:
            words += f" The price moved by {_percent(mean)} on average within {self.ahead}"
            words += f"; {100 * (found.larger or 0.0):.2g} % of moves were larger than break-even."
        words += " A hit rate says nothing about that."
        return {
            "break_even": found.break_even,
            "fee": self.fee,
            "spread": spread,
            "mean_move": mean,
            "larger": found.larger,
            "words": words,
        }


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
