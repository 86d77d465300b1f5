"""Steppers of the feature layers of trades, levels and bars. Float64 throughout.

Axes: B batch, C columns, K half-lives, M steps remembered, F features.
"""

import math
from bisect import bisect_left
from typing import Any

import numpy as np
import torch

from ...core import register_stepper
from ...core.stepper import Array, ArrayStepper, tensor, zeros
from ...core.stepper_registry import make_stepper
from ..features.levels import BarShape, LevelFeatures, Moving, RunningScale
from ..features.smoothing import decays
from ..features.trades import BASIS_POINT, SMALLEST_AMOUNT, TradeFeatures
from .sliding import Past


class Extremes:
    """The largest of the last n values, for any n up to ``memory``, without looking at all of them.

    Kept are the values that a later one has not reached, so they fall from first to last, and the largest of the last
    n is the first of those that are in the window. A maximum is exact: how it came about leaves no trace.
    """

    def __init__(self, memory: int) -> None:
        self.memory = memory
        self.values: list[float] = []
        self.positions: list[int] = []

    def clear(self) -> None:
        """Nothing seen."""
        self.values.clear()
        self.positions.clear()

    def push(self, position: int, value: float) -> None:
        """The value at ``position``, which counts up."""
        values, positions = self.values, self.positions
        while values and values[-1] <= value:
            values.pop()
            positions.pop()
        values.append(value)
        positions.append(position)
        if len(positions) > 2 * self.memory + 16:
            old = bisect_left(positions, position + 1 - self.memory)
            del values[:old], positions[:old]

    def largest(self, first: int) -> float:
        """Of the values from position ``first`` on."""
        return self.values[bisect_left(self.positions, first)]


class TradeRow:
    """One stream of trades: plain numbers, which at one trade cost less than any array."""

    def __init__(self, layer: TradeFeatures) -> None:
        self.windows = layer.windows
        self.unit, self.smallest = BASIS_POINT, SMALLEST_AMOUNT
        memory = max(layer.windows, default=1)
        self.high, self.low = Extremes(memory), Extremes(memory)
        self.begin()

    def begin(self) -> None:
        """Nothing seen."""
        self.position, self.time, self.price = -1, 0.0, 0.0
        self.high.clear()
        self.low.clear()

    def see(self, time: float, price: float) -> float:
        """Take a trade in; the logarithm of its price."""
        level = math.log(price) if price > 0 else 0.0
        self.position += 1
        self.time, self.price = time, level
        if self.windows:
            self.high.push(self.position, level)
            self.low.push(self.position, -level)
        return level

    def features(self, time: float, price: float, amount: float) -> list[float]:
        """One trade's, in the order of ``TradeFeatures``."""
        known, before, then = self.position >= 0, self.price, self.time
        now = self.see(time, price)
        change = (now - before) / self.unit if known else 0.0
        waited = max(time - then, 0.0) if known else 0.0
        size = math.log(max(amount, self.smallest))
        sign = float((change > 0) - (change < 0))
        found = [sign, math.asinh(change), math.log1p(waited), size, sign * size]
        for window in self.windows:
            first = self.position + 1 - window
            found.append(math.asinh((self.high.largest(first) - now) / self.unit))
            found.append(math.asinh((now + self.low.largest(first)) / self.unit))
        return found


@register_stepper(TradeFeatures)
class TradeStepper(ArrayStepper):
    """Of ``TradeFeatures``: a step costs the same for any window. The state is the trades alone, as the layer's is."""

    layer: TradeFeatures

    def build(self) -> None:
        """A row for each stream."""
        layer = self.layer
        self._rows = [TradeRow(layer) for _ in range(self.batch)]
        self._past = Past(layer.memory, self.batch, 3, torch.float64)
        self._y = zeros((self.batch, layer.output_size), layer.anchor.dtype)

    def advance(self, x: Array) -> Array:
        """Row by row."""
        self._past.push(x)
        self._y[...] = [row.features(*trade) for row, trade in zip(self._rows, x.tolist(), strict=True)]
        return self._y

    def load_state(self, state: Any) -> None:
        """What was seen is seen again: extremes and logarithms follow from it."""
        self._past.load(state.trades)
        for row, trades, seen in zip(self._rows, state.trades.tolist(), state.seen.tolist(), strict=True):
            row.begin()
            for time, price, _ in trades[len(trades) - seen :]:
                row.see(time, price)

    def export_state(self) -> Any:
        """The trades, and how many of them there are."""
        seen = [min(row.position + 1, self.layer.memory) for row in self._rows]
        return type(self.layer.initial_state(0))(self._past.export(), torch.tensor(seen))


class MovingStepper(ArrayStepper):
    """What steppers on levels share: see ``Moving``."""

    layer: Moving

    def build(self) -> None:
        """Decays of the means, then of the scales; a scale counts changes, one fewer than levels."""
        layer, size = self.layer, self.layer.input_size
        self._cut = len(layer.means)
        halflives = (*layer.means, *layer.scales)
        self._decay = np.array(decays(halflives))
        self._less = np.maximum(1 - self._decay, np.finfo(np.float64).tiny)
        self._fewer = np.array([0.0] * self._cut + [1.0] * len(layer.scales))
        self._forever = np.flatnonzero(self._decay >= 1)
        self._past = Past(layer.memory, self.batch, size, torch.float64)
        self._sums = zeros((self.batch, size, len(halflives)), torch.float64)
        self._seen = zeros((self.batch, 1), torch.float64)

    def advance(self, x: Array) -> Array:
        """Sums and differences, then what the subclass makes of them."""
        cut, sums = self._cut, self._sums
        end = self._past.push(x)
        self._seen += 1
        change = self.difference(x, end, 1)
        sums *= self._decay
        if cut:
            sums[..., :cut] += x[..., None]
        sums[..., cut:] += (change * change)[..., None]
        count = self._seen - self._fewer  # (B, K)
        weight = (1 - self._decay**count) / self._less
        if len(self._forever):
            weight[:, self._forever] = count[:, self._forever]
        weight[weight == 0] = 1.0
        averages = sums / weight[:, None]
        variance = averages[..., cut:]
        variance[~(variance > 0)] = 0.0
        return self.look(x, end, averages[..., :cut], np.sqrt(variance))

    def look(self, x: Array, end: int, means: Array, scales: Array) -> Array:
        """y (B, O) from levels, means and scales (B, C, K)."""
        raise NotImplementedError(f"{type(self).__name__} does not define look().")

    def difference(self, x: Array, end: int, lag: int) -> Array:
        """x[t] - x[t - lag], (B, C), 0 where that lies before the beginning."""
        difference: Array = x - self._past.buffer[end - 1 - lag]
        difference[self._seen[:, 0] <= lag] = 0.0
        return difference

    def load_state(self, state: Any) -> None:
        """Levels, count and sums."""
        self._past.load(state.levels)
        self._seen[:, 0] = state.seen.numpy(force=True)
        self._sums[...] = state.sums.numpy(force=True)

    def export_state(self) -> Any:
        """As the layer has them."""
        kind = type(self.layer.initial_state(0))
        return kind(self._past.export(), tensor(self._seen[:, 0]).long(), tensor(self._sums))


@register_stepper(RunningScale)
class ScaleStepper(MovingStepper):
    """Of a ``RunningScale``."""

    def look(self, x: Array, end: int, means: Array, scales: Array) -> Array:
        """The scale itself."""
        return scales[..., 0]


@register_stepper(LevelFeatures)
class LevelStepper(MovingStepper):
    """Of ``LevelFeatures``."""

    layer: LevelFeatures

    def build(self) -> None:
        """Where each kind of feature stands in y."""
        super().build()
        layer, size = self.layer, self.layer.input_size
        self._roots = np.sqrt(np.array(layer.means))
        self._lag_roots = [math.sqrt(lag) for lag in layer.lags]
        self._y = zeros((self.batch, size, (layer.output_size) // size), torch.float64)
        lags, means = len(layer.lags), len(layer.means)
        self._changes = self._y[..., :lags]
        self._distances = self._y[..., lags : lags + means]
        self._volatilities = self._y[..., lags + means :]

    def look(self, x: Array, end: int, means: Array, scales: Array) -> Array:
        """All features of a column side by side."""
        scale = scales[..., :1]
        unknown = ~(scale > 0)
        safe = np.where(unknown, 1.0, scale)
        for index, (lag, root) in enumerate(zip(self.layer.lags, self._lag_roots, strict=True)):
            self._changes[..., index] = self.difference(x, end, lag) / root
        if self._lag_roots:
            self._changes /= safe
            np.arcsinh(self._changes, self._changes)
        if self._cut:
            self._distances[...] = np.arcsinh((x[..., None] - means) / (safe * self._roots))
        if scales.shape[-1] > 1:
            ratio = scales[..., 1:] / safe
            ratio[unknown | ~(scales[..., 1:] > 0)] = 1.0
            np.log(ratio, self._volatilities)
        return self._y.reshape(self.batch, -1)


@register_stepper(BarShape)
class BarStepper(ArrayStepper):
    """Of a ``BarShape``."""

    layer: BarShape

    def build(self) -> None:
        """The volatility, and the prices in order."""
        self._scale = make_stepper(self.layer.scale, self.batch, self.dtype)
        self._columns = list(self.layer.columns)
        self._prices = zeros((self.batch, 4), torch.float64)
        self._y = zeros((self.batch, 3), torch.float64)

    def advance(self, x: Array) -> Array:
        """Three numbers a bar."""
        prices, y = self._prices, self._y
        prices[...] = x[:, self._columns]
        prices[~(prices > 0)] = 1.0
        np.log(prices, prices)
        opened, high, low, close = prices.T
        scale = self._scale.advance(prices[:, 3:])
        assert scale is not None
        y[:, 0], y[:, 1], y[:, 2] = high - low, close - opened, 2 * close - high - low
        y[:, 2] /= np.where(y[:, 0] > 0, y[:, 0], 1.0)
        unknown = ~(scale > 0)
        y[:, :2] /= np.where(unknown, 1.0, scale)
        y[unknown[:, 0], :2] = 0.0
        np.arcsinh(y[:, :2], y[:, :2])
        return y

    def check(self, state: Any) -> None:
        """That of the volatility."""
        self._scale.check(state)

    def load_state(self, state: Any) -> None:
        """That of the volatility."""
        self._scale.load_state(state)

    def export_state(self) -> Any:
        """That of the volatility."""
        return self._scale.export_state()
