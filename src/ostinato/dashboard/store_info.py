"""What a store forecasts, as the page needs it: the position of its price and the meaning of its numbers.

Axes: N events, P numbers of a prediction, H horizons, Q levels, K baselines.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .. import __version__
from ..evaluation.verdict import baseline_label
from ..runs.metric_table import loss_name
from ..store import Flag

if TYPE_CHECKING:
    from ..store import StoredPrediction, StoreHeader

PRICES = ("price", "close")


@dataclass(frozen=True)
class StoreInfo:
    """What one store forecasts.

    Attributes:
        kind: whether a prediction is the probability of a rise, or quantiles of values (or their points, one each).
        change: whether values are logarithmic changes of the price, to be put back on it.
        price: which column is drawn. Of several that are foreseen it is the first.
    """

    head: "StoreHeader"
    kind: Literal["direction", "values"]
    change: bool
    price: int

    @classmethod
    def of(cls, head: "StoreHeader") -> "StoreInfo":
        """From the header of a store."""
        kind: Literal["direction", "values"] = "direction" if head.target == "direction" else "values"
        first = head.target.partition(",")[0]
        price = next((head.columns.index(name) for name in (first, *PRICES) if name in head.columns), 0)
        return cls(head, kind, head.target == "return", price)

    @property
    def price_label(self) -> str:
        """Label of the plotted series."""
        return self.head.columns[self.price]

    @property
    def quantities(self) -> int:
        """Number of quantities plotted over time."""
        return 3 if self.kind == "values" else 1 + len(self.head.baselines)

    def shape(self) -> tuple[int, int]:
        """Quantities (columns times horizons) and levels of the numbers of values; points count as one level."""
        levels = max(1, len(self.head.levels))
        return max(1, len(self.head.outputs) // levels), levels

    @property
    def horizons(self) -> int:
        """How many of the quantities are of the first column."""
        return min(max(1, len(self.head.horizons)), self.shape()[0])

    @property
    def furthest(self) -> int:
        """Rows that the furthest forecast looks ahead."""
        return max(self.head.horizons, default=1)

    def followed(self, prices: np.ndarray, numbers: np.ndarray, baselines: np.ndarray) -> np.ndarray:
        """Quantities plotted over time, (N, quantities).

        p of ours and of each baseline; or low, middle and high of the change that is expected at the furthest horizon.

        Args:
            prices: (N,).   numbers: (N, P).   baselines: (N, any), flat.
        """
        if self.kind == "direction":
            beside = baselines[:, : len(self.head.baselines)]
            return np.concatenate([numbers[:, :1], beside], axis=1)
        last = numbers.reshape(len(numbers), *self.shape())[:, self.horizons - 1]
        chosen = last[:, [0, self.middle(), -1]]
        return chosen if self.change else chosen - prices[:, None]

    def middle(self) -> int:
        """Index of the level nearest to one half."""
        return int(np.argmin(np.abs(np.asarray(self.head.levels or (0.5,)) - 0.5)))

    def on_the_price(self, price: Any, values: np.ndarray) -> np.ndarray:
        """Values in the unit of what is drawn."""
        with np.errstate(over="ignore"):
            return price * np.exp(values) if self.change else values

    def interval(self) -> str:
        """Nominal coverage of the outermost levels; None if there is one level."""
        levels = self.head.levels
        return f"{100 * (levels[-1] - levels[0]):.4g} %" if len(levels) > 1 else ""

    def fan(self, time: float, price: float, numbers: np.ndarray) -> dict[str, list[float | None]] | None:
        """The forecast made now: times, and interval and middle at each horizon, beginning at the price."""
        step = self.head.step
        if self.kind == "direction" or step is None or not self.head.horizons:
            return None
        values = self.on_the_price(price, numbers.reshape(self.shape())[: self.horizons])
        times = [time, *(time + step * ahead for ahead in self.head.horizons)]
        columns = {"low": values[:, 0], "middle": values[:, self.middle()], "high": values[:, -1]}
        whole = {name: finite([price, *column]) for name, column in columns.items()}
        return {"t": [round(at, 3) for at in times], **whole}

    def about(self, ranges: list[tuple[str, str]], store: str) -> dict[str, Any]:
        """The constant texts of the page."""
        head = self.head
        direction, measure = self.kind == "direction", loss_name(head.measure)
        ahead = self.ahead()
        what = f"higher after {ahead}" if direction else f"{head.target}, {ahead} ahead"
        run = head.run.replace("\\", "/").rstrip("/").rpartition("/")[2] or head.digest[:12]
        return {
            "version": __version__,
            "kind": self.kind,
            "title": f"{head.feed}: {what}?" if direction else f"{head.feed}: {what}",
            "kicker": f"run {run} · model {head.digest[:12]} · {head.kind} of {head.feed} · store {store}",
            "price_label": self.price_label,
            "price_title": f"{self.price_label.capitalize()} and forecast",
            "stream_title": "Probability of a rise" if direction else f"Expected change, {ahead} ahead",
            "stream_label": "p(up)" if direction else "logarithm" if self.change else "change",
            "skill_title": f"Score against the baselines: {measure}",
            "calibration_title": "Reliability" if direction else "Coverage",
            "calibration_said": "forecast p(up)" if direction else "level of the quantile",
            "calibration_was": "share that went up" if direction else "share at or below it",
            "interval": self.interval(),
            "ahead": ahead,
            "change": self.change,
            "price_words": "Blue where a rise was held more likely than the base rate, orange where less."
            if direction
            else "The dotted forecast and its interval stand at the time that they were made for.",
            "stream_words": "Means within each point."
            if direction
            else "Of the forecast beside the value it was made at.",
            "skill_words": f"Mean {measure} of each baseline less ours: above 0 we are better. The bands hold "
            "95 % at all times at once, so that one may look whenever one likes.",
            "shift": (head.step or 0.0) * self.furthest,
            "quantities": self._quantities(),
            "baselines": [baseline_label(one) for one in head.baselines],
            "ranges": ranges,
        }

    def headline(self, row: "StoredPrediction") -> dict[str, Any]:
        """The newest forecast as text and numbers."""
        price = row.values[self.price]
        if self.kind == "direction":
            label, value = (
                f"probability of a higher {self.price_label} after {self.ahead()}",
                f"{row.numbers[0]:.3f}",
            )
            beside = zip(self.head.baselines, row.baselines, strict=False)
            note = ", ".join(f"{baseline_label(name)} {p:.3f}" for name, p in beside)
        else:
            values = self.on_the_price(price, row.numbers.reshape(self.shape())[self.horizons - 1])
            low, middle, high = (rounded(values[place]) for place in (0, self.middle(), -1))
            label = (
                f"{self.interval()} interval, {self.ahead()} ahead"
                if self.interval()
                else f"{self.ahead()} ahead"
            )
            value, note = (f"{low} to {high}", f"middle {middle}") if self.interval() else (middle, "")
        reasons = [one.name.lower().replace("_", " ") for one in Flag if one in row.flags and one.name]
        if reasons:
            note = f"not scored: {', '.join(reasons)}" + (f"; {note}" if note else "")
        return {
            "label": label,
            "value": value,
            "note": note,
            "price_label": f"{self.price_label}, {self.head.kind.rstrip('s')} {row.key:,}",
            "price": finite([price])[0],
            "time": row.time,
            "key": row.key,
            "numbers": finite(row.numbers),
        }

    def ahead(self) -> str:
        """How far the furthest forecast looks, in rows."""
        rows = self.furthest
        unit = {"trades": "trade", "bars": "bar", "table": "row"}[self.head.kind]
        return f"{rows:,} {unit}{'s' if rows != 1 else ''}"

    def _quantities(self) -> list[dict[str, Any]]:
        if self.kind == "values":
            return [{"name": name} for name in ("low", "middle", "high")]
        beside = [{"name": baseline_label(one), "base": one == "base_rate"} for one in self.head.baselines]
        return [{"name": "p(up)", "base": False}, *beside]


def rounded(value: float) -> str:
    """Six digits, for people.

    >>> rounded(63123.456), rounded(0.00123456), rounded(float("nan"))
    ('63,123.5', '0.00123456', 'nan')
    """
    return f"{value:,.6g}" if not 1e6 <= abs(value) < 1e15 else f"{value:,.0f}"


def finite(values: Any) -> list[float | None]:
    """Numbers that JSON knows, to eight digits; null for the others."""
    return [float(f"{value:.8g}") if np.isfinite(value) else None for value in values]
