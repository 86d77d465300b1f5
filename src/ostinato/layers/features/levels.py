"""Stationary features of levels: prices (their logarithms), temperatures, loads.

Axes: B batch, T time steps, C columns, K half-lives, M steps remembered.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ...errors import ConfigError, shortened
from ..history import join_steps, keep_last
from ..options import is_number
from ..sizes import at_least_one, sequence, whole_numbers
from .raw import Raw
from .smoothing import at_lengths, decays, total_weight, weighted_sums


class LevelState(NamedTuple):
    """The last levels, how many were seen, and the weighted sums."""

    levels: Tensor  # (B, M, C) float64
    seen: Tensor  # (B,) int64
    sums: Tensor  # (B, C, K) float64


class Moving(Raw):
    """What layers on levels share: the last levels, and exponentially weighted means of levels and squared changes."""

    input_size: int
    output_size: int

    def __init__(self, input_size: int, memory: int, means: Sequence[float], scales: Sequence[float]) -> None:
        super().__init__()
        at_least_one(input_size=input_size)
        odd = [halflife for halflife in (*means, *scales) if not is_number(halflife) or not halflife > 0]
        if odd:
            raise ConfigError(f"half-lives must be above 0 steps, got {shortened(odd[0])}.")
        self.input_size, self.memory = input_size, memory
        self.receptive_field = math.inf
        self.means, self.scales = tuple(means), tuple(scales)

    def initial_state(
        self, batch: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> LevelState:
        """Nothing seen. ``dtype`` does not matter: levels are kept as float64."""
        size, sums = self.input_size, len(self.means) + len(self.scales)
        return LevelState(
            torch.zeros(batch, self.memory, size, dtype=torch.float64, device=device),
            torch.zeros(batch, dtype=torch.int64, device=device),
            torch.zeros(batch, size, sums, dtype=torch.float64, device=device),
        )

    def run(self, x: Tensor, state: LevelState, lengths: Tensor | None) -> tuple[Tensor, LevelState]:
        """Sums and differences, then what the subclass makes of them."""
        buffer = join_steps(state.levels, x)
        steps = x.shape[1]
        count = state.seen[:, None] + torch.arange(1, steps + 1, device=x.device)  # (B, T), with this one
        change = self.difference(buffer, count, 1)
        sums = self._sums(x, change, state.sums)
        arrived = steps if lengths is None else lengths
        after = LevelState(
            keep_last(buffer, self.memory, lengths),
            state.seen + arrived,
            at_lengths(sums, state.sums, lengths),
        )
        means, scales = self._averages(sums, count)
        return self.look(x, buffer, count, means, scales), after

    def look(self, x: Tensor, buffer: Tensor, count: Tensor, means: Tensor, scales: Tensor) -> Tensor:
        """y (B, T, O) from levels, the means (B, T, C, K) and the root mean squares of their changes (B, T, C, K)."""
        raise NotImplementedError(f"{type(self).__name__} does not define look().")

    def difference(self, buffer: Tensor, count: Tensor, lag: int) -> Tensor:
        """x[t] - x[t - lag], (B, T, C), 0 where that lies before the beginning."""
        now = buffer[:, self.memory :]
        then = buffer[:, self.memory - lag : buffer.shape[1] - lag]
        return torch.where((count > lag)[..., None], now - then, 0.0)

    def _sums(self, x: Tensor, change: Tensor, before: Tensor) -> Tensor:
        cut = len(self.means)
        parts = [
            weighted_sums(values, before[..., place], x.new_tensor(decays(halflives)))
            for values, place, halflives in (
                (x, slice(0, cut), self.means),
                (change.square(), slice(cut, None), self.scales),
            )
            if halflives
        ]
        return torch.cat(parts, dim=-1)

    def _averages(self, sums: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
        cut = len(self.means)
        levels = total_weight(count, sums.new_tensor(decays(self.means)))[:, :, None]
        changes = total_weight(count - 1, sums.new_tensor(decays(self.scales)))[
            :, :, None
        ]  # the first has none
        variance = sums[..., cut:] / torch.where(changes > 0, changes, 1.0)
        moved = variance > 0
        scales = torch.where(moved, torch.where(moved, variance, 1.0).sqrt(), 0.0)  # no gradient of sqrt at 0
        return sums[..., :cut] / levels, scales


class RunningScale(Moving):
    """The root mean square of the changes from step to step, exponentially weighted: a volatility.

    Args:
        input_size: columns of levels, C.
        halflife: in steps; ``math.inf`` weighs the whole past alike.

    Shape:
        x (B, T, C) float64, y (B, T, C) float64, 0 until the first change.

    Raises:
        ConfigError: the half-life is not above 0.

    Source:
        J.P. Morgan/Reuters 1996, RiskMetrics Technical Document, section 5.2.1, weights normalised as soon as the
        stream begins.
    """

    def __init__(self, input_size: int, halflife: float = 96.0) -> None:
        super().__init__(input_size, 1, (), (halflife,))
        self.output_size = input_size

    def look(self, x: Tensor, buffer: Tensor, count: Tensor, means: Tensor, scales: Tensor) -> Tensor:
        """The scale itself."""
        return scales[..., 0]


class LevelFeatures(Moving):
    """How levels changed, how far they are from where they were, and how restless they have been.

    For each column, with s the root mean square change at ``scale``:

        arcsinh((x[t] - x[t - lag]) / (s sqrt(lag)))        for each lag
        arcsinh((x[t] - mean) / (s sqrt(half-life)))        for the mean of each half-life
        log(root mean square change / s)                    for each half-life of ``volatilities``

    All are 0 where nothing is known yet.

    Args:
        input_size: columns of levels, C.
        lags: in steps.
        halflives: of the means, in steps.
        volatilities: half-lives, in steps.
        scale: half-life of s, in steps; ``math.inf`` weighs the whole past alike.

    Shape:
        x (B, T, C) float64, y (B, T, C * (lags + halflives + volatilities)) float64.

    Raises:
        ConfigError: a lag or a half-life is out of range.

    Source:
        Ours. Volatilities at several horizons: Corsi 2009, Journal of Financial Econometrics 7, 174-196.
    """

    def __init__(
        self,
        input_size: int,
        lags: Sequence[int] = (1,),
        halflives: Sequence[float] = (4, 16, 64),
        volatilities: Sequence[float] = (),
        scale: float = math.inf,
    ) -> None:
        halflives = sequence("halflives", halflives, "numbers of steps")
        volatilities = sequence("volatilities", volatilities, "numbers of steps")
        lags = sequence("lags", lags, "whole numbers of steps")
        wrong = [lag for lag in lags if type(lag) is not int or lag < 1]
        if wrong:
            raise ConfigError(f"lags must be whole numbers of steps from 1 on, got {shortened(wrong[0])}.")
        super().__init__(input_size, max((1, *lags)), halflives, (scale, *volatilities))
        self.lags = tuple(lags)
        self.output_size = input_size * (len(lags) + len(halflives) + len(volatilities))

    def look(self, x: Tensor, buffer: Tensor, count: Tensor, means: Tensor, scales: Tensor) -> Tensor:
        """All features of a column side by side."""
        scale = scales[..., :1]
        safe = torch.where(scale > 0, scale, 1.0)
        changes = [self.difference(buffer, count, lag) / math.sqrt(lag) for lag in self.lags]
        roots = x.new_tensor([math.sqrt(halflife) for halflife in self.means])
        parts = [((x[..., None] - means) / (safe * roots)).asinh()] if self.means else []
        if changes:
            parts.insert(0, (torch.stack(changes, dim=-1) / safe).asinh())
        if scales.shape[-1] > 1:
            known = (scale > 0) & (scales[..., 1:] > 0)
            ratio = torch.where(known, scales[..., 1:], 1.0) / torch.where(known, safe, 1.0)
            parts.append(ratio.log())
        return torch.cat(parts, dim=-1).flatten(2)


class BarShape(Raw):
    """The shape of a bar against the usual size of its changes: its range, its body, and where it closed.

    Args:
        input_size: columns in, I.
        columns: which of them are open, high, low and close; prices above 0.
        halflife: of the usual size, in bars.

    Shape:
        x (B, T, I) float64, y (B, T, 3) float64: arcsinh of the range and of the body over the volatility, and
        where between low and high the bar closed, -1 to 1.

    Raises:
        ConfigError: there is no such column.

    Source:
        Parkinson 1980, Journal of Business 53, 61-65: the range tells more of a volatility than the close does.
    """

    def __init__(
        self, input_size: int, columns: Sequence[int] = (1, 2, 3, 4), halflife: float = 96.0
    ) -> None:
        super().__init__()
        at_least_one(input_size=input_size)
        columns = whole_numbers("columns", columns)
        wrong = next((column for column in columns if not 0 <= column < input_size), None)
        if wrong is not None or len(columns) != 4:
            raise ConfigError(f"a bar has four columns within 0 and {input_size - 1}, got {tuple(columns)}.")
        self.input_size, self.output_size = input_size, 3
        self.columns = tuple(columns)
        self.scale = RunningScale(1, halflife)
        self.receptive_field = self.scale.receptive_field

    def initial_state(
        self, batch: int, dtype: torch.dtype | None = None, device: torch.device | str | None = None
    ) -> LevelState:
        """That of the volatility."""
        return self.scale.initial_state(batch, dtype, device)

    def run(self, x: Tensor, state: LevelState, lengths: Tensor | None) -> tuple[Tensor, LevelState]:
        """Three numbers a bar."""
        prices = x[..., list(self.columns)]
        opened, high, low, close = torch.where(prices > 0, prices, 1.0).log().unbind(-1)  # padding is 0
        scale, after = self.scale(close[..., None], state, lengths)
        safe = torch.where(scale > 0, scale, 1.0)[..., 0]
        known = (scale > 0)[..., 0]
        size = high - low
        place = (2 * close - high - low) / torch.where(size > 0, size, 1.0)
        size, body = ((torch.where(known, part, 0.0) / safe).asinh() for part in (size, close - opened))
        return torch.stack([size, body, place], dim=-1), after
