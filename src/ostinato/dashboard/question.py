"""What a store is about, as the page needs it: where its price is, and what its numbers mean.

Axes: N events, P numbers of a prediction, H horizons, Q levels, K baselines.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .. import __version__
from ..store import Flag

if TYPE_CHECKING:
    from ..store import Head, StoredPrediction

PRICES = ("price", "close")


@dataclass(frozen=True)
class Question:
    """The question of one store.

    Attributes:
        kind: whether a prediction is the probability of a rise, or quantiles of values.
        change: whether values are logarithmic changes of the price, to be put back on it.
    """

    head: "Head"
    kind: Literal["direction", "values"]
    change: bool
    price: int  # which column is drawn

    @classmethod
    def of(cls, head: "Head") -> "Question":
        """As a head says it."""
        names = [name.lower() for name in head.columns]
        wanted = [head.target.lower(), *PRICES] if head.levels else list(PRICES)
        price = next((names.index(name) for name in wanted if name in names), 0)
        kind: Literal["direction", "values"] = "values" if head.levels else "direction"
        return cls(head, kind, kind == "values" and head.target not in head.columns, price)

    @property
    def price_label(self) -> str:
        """What is drawn."""
        return self.head.columns[self.price]

    @property
    def quantities(self) -> int:
        """How many numbers are followed over time."""
        return 3 if self.kind == "values" else 1 + len(self.head.baselines)

    def shape(self) -> tuple[int, int]:
        """(H, Q) of the numbers of values."""
        return max(1, len(self.head.horizons)), len(self.head.levels)

    def followed(self, prices: np.ndarray, numbers: np.ndarray, baselines: np.ndarray) -> np.ndarray:
        """What is drawn over time, (N, quantities): p of ours and of each baseline, or interval and middle.

        Args:
            prices: (N,).   numbers: (N, P).   baselines: (N, any), flat.
        """
        if self.kind == "direction":
            beside = baselines[:, : len(self.head.baselines)]
            return np.concatenate([numbers[:, :1], beside], axis=1)
        horizons, levels = self.shape()
        last = numbers.reshape(len(numbers), horizons, levels)[:, -1]
        return self.on_the_price(prices[:, None], last[:, [0, self.middle(), -1]])

    def middle(self) -> int:
        """Which level is nearest to one half."""
        return int(np.argmin(np.abs(np.asarray(self.head.levels) - 0.5)))

    def on_the_price(self, price: Any, values: np.ndarray) -> np.ndarray:
        """Values in the unit of what is drawn."""
        with np.errstate(over="ignore"):
            return price * np.exp(values) if self.change else values

    def interval(self) -> str:
        """The share that the outermost levels hold between them.

        >>> f"{100 * (0.9 - 0.1):.4g} %"
        '80 %'
        """
        levels = self.head.levels
        return f"{100 * (levels[-1] - levels[0]):.4g} %" if len(levels) > 1 else "0 %"

    def fan(self, time: float, price: float, numbers: np.ndarray) -> dict[str, list[float | None]] | None:
        """The forecast made now: times, and interval and middle at each horizon, beginning at the price."""
        step = self.head.step
        if self.kind == "direction" or step is None or not self.head.horizons:
            return None
        values = self.on_the_price(price, numbers.reshape(self.shape()))
        times = [time, *(time + step * ahead for ahead in self.head.horizons)]
        columns = {"low": values[:, 0], "middle": values[:, self.middle()], "high": values[:, -1]}
        whole = {name: finite([price, *column]) for name, column in columns.items()}
        return {"t": [round(at, 3) for at in times], **whole}

    def about(self, ranges: list[tuple[str, str]], store: str) -> dict[str, Any]:
        """The words of the page that stay."""
        head = self.head
        direction = self.kind == "direction"
        ahead = self.ahead()
        what = f"up within {ahead}" if direction else f"{head.target}, {ahead} ahead"
        name = "p(up)" if direction else "forecast"
        run = head.run.replace("\\", "/").rstrip("/").rpartition("/")[2] or head.digest[:12]
        return {
            "version": __version__,
            "kind": self.kind,
            "title": f"{head.feed}: {what}?" if direction else f"{head.feed}: {what}",
            "kicker": f"run {run} · model {head.digest[:12]} · {head.kind} of {head.feed} · store {store}",
            "price_label": self.price_label,
            "price_title": f"{self.price_label.capitalize()} and forecast",
            "stream_title": "Probability of a rise" if direction else "Forecast over time",
            "stream_label": "p(up)" if direction else head.target,
            "skill_title": f"{head.measure.replace('_', '-')} against the baselines",
            "skill_label": "better than the baseline by",
            "calibration_title": "Reliability" if direction else "Coverage",
            "calibration_said": "forecast p(up)" if direction else "level of the quantile",
            "calibration_was": "share that went up" if direction else "share at or below it",
            "interval": self.interval(),
            "ahead": ahead,
            "shift": (head.step or 0.0) * (head.horizons[-1] if head.horizons else 0),
            "middle": 0.5,
            "quantities": self._quantities(name),
            "baselines": [words(one) for one in head.baselines],
            "ranges": ranges,
        }

    def headline(self, row: "StoredPrediction") -> dict[str, Any]:
        """The newest forecast in words and numbers."""
        price = row.values[self.price]
        numbers = np.asarray(row.numbers)
        if self.kind == "direction":
            label, value = f"probability of a rise within {self.ahead()}", f"{numbers[0]:.3f}"
            beside = zip(self.head.baselines, row.baselines, strict=False)
            note = ", ".join(f"{words(name)} {p:.3f}" for name, p in beside)
        else:
            values = self.on_the_price(price, numbers.reshape(self.shape()))[-1]
            label = f"{self.interval()} interval, {self.ahead()} ahead"
            value = f"{rounded(values[0])} to {rounded(values[-1])}"
            note = f"middle {rounded(values[self.middle()])}"
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
            "numbers": finite(numbers),
        }

    def ahead(self) -> str:
        """How far the furthest forecast looks, in rows."""
        rows = self.head.horizons[-1] if self.head.horizons else 1
        unit = {"trades": "trade", "bars": "bar", "table": "row"}[self.head.kind]
        return f"{rows:,} {unit}{'s' if rows != 1 else ''}"

    def _quantities(self, name: str) -> list[dict[str, Any]]:
        if self.kind == "direction":
            beside = [{"name": words(one), "place": k + 1} for k, one in enumerate(self.head.baselines)]
            return [{"name": name, "place": 0}, *beside]
        low, high = f"{100 * self.head.levels[0]:g} %", f"{100 * self.head.levels[-1]:g} %"
        return [{"name": low, "place": 1}, {"name": name, "place": 0}, {"name": high, "place": 2}]


def words(baseline: str) -> str:
    """A baseline's name for people.

    >>> words("sign_table")
    'sign table'
    """
    return baseline.replace("_", " ")


def rounded(value: float) -> str:
    """Six digits, for people.

    >>> rounded(63123.456), rounded(0.00123456), rounded(float("nan"))
    ('63,123.5', '0.00123456', 'nan')
    """
    return f"{value:,.6g}" if not 1e6 <= abs(value) < 1e15 else f"{value:,.0f}"


def finite(values: Any) -> list[float | None]:
    """Numbers that JSON knows, to eight digits; null for the others."""
    return [float(f"{value:.8g}") if np.isfinite(value) else None for value in values]
