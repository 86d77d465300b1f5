"""How large a move would have to be before acting on a forecast could pay, beside how large moves are."""

import math
from collections import deque
from typing import TYPE_CHECKING, Any

from ..evaluation.online import OnlineMoves, RollSpread, break_even_move
from .question import PRICES

if TYPE_CHECKING:
    from ..store import StoredPrediction
    from .question import Question

FEE = 0.001  # of one trade: what exchanges ask of those who have no discount


class Costs:
    """Moves of one store's price at the horizon, held against fees and spread; memory is constant.

    Args:
        fee: of one trade, a fraction of its value.

    Raises:
        ConfigError: the fee is not within 0 and 1.
    """

    def __init__(self, question: "Question", fee: float = FEE) -> None:
        self.fee = fee
        self.priced = question.price_label.lower() in PRICES
        self.ahead = question.ahead()
        # a bar's close tells nothing of bid and ask
        self._roll = RollSpread() if question.head.kind == "trades" else None
        self._moves = OnlineMoves(break_even_move(fee, 0.0))
        horizon = max(question.head.horizons, default=1)
        self._prices: deque[tuple[int, float]] = deque(maxlen=horizon)
        self._column = question.price

    def add(self, rows: "list[StoredPrediction]") -> None:
        """Take up events in the order of their keys."""
        if not self.priced:
            return
        for row in rows:
            price = row.values[self._column]
            if not 0 < price < math.inf:
                continue
            hole = bool(self._prices) and row.key != self._prices[-1][0] + 1
            if hole:
                self._prices.clear()
            if self._roll is not None:
                self._roll.add(price, hole)
            if len(self._prices) == self._prices.maxlen:
                self._moves.add(price / self._prices[0][1] - 1)
            self._prices.append((row.key, price))
        if self._roll is not None and self._roll.spread is not None:
            self._moves.break_even = break_even_move(self.fee, min(self._roll.spread, 0.5))

    def section(self) -> dict[str, Any] | None:
        """Numbers and words; None where there is no price."""
        if not self.priced:
            return None
        found, spread = self._moves.summary(), self._roll.spread if self._roll else None
        words = (
            f"Break-even: a move of {_percent(found.break_even)}, for a fee of {_percent(self.fee)} each way "
        )
        words += (
            "and no spread, which is not known" if spread is None else f"and a spread of {_percent(spread)}"
        )
        words += " (Roll's estimate from the trades)." if spread is not None else "."
        if found.mean is not None:
            words += f" The price moved by {_percent(found.mean)} on average within {self.ahead}"
            words += f"; {100 * (found.larger or 0.0):.2g} % of moves were larger than break-even."
        words += " A hit rate says nothing about that."
        return {
            "break_even": found.break_even,
            "fee": self.fee,
            "spread": spread,
            "mean_move": found.mean,
            "larger": found.larger,
            "words": words,
        }


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
