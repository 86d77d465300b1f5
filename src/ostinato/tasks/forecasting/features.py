"""The raw inputs of a model from a panel, and the layers that compute features of them.

Axes: N rows, I columns: seconds since the origin, the inputs, then what is known in advance at some steps ahead.
"""

import math

import numpy as np
import torch
from torch import Tensor

from ...core import SequenceLayer, numbers
from ...data.calendar import HOLIDAY
from ...data.panel import Panel
from ...errors import ConfigError, DataError
from ...layers import (
    BarShape,
    Calendar,
    Chain,
    Columns,
    LevelFeatures,
    Parallel,
    RunningScale,
    ToNetwork,
    TradeFeatures,
)
from .recipe import Recipe

SMALLEST_VOLUME = 1e-8  # keeps the logarithm of a bar without trades finite
BAR_COLUMNS = ("open", "high", "low", "close", "volume")
VOLUME_HALFLIVES = (12.0, 168.0)  # in bars
LONGEST_SEASON = 400  # rows; a longer one is too far back to keep


def raw_rows(recipe: Recipe, panel: Panel) -> Tensor:
    """The raw inputs of a model: (N, I) float64.

    Where what is known in advance ends, its last value stands; ``forecastable`` is False at those rows, for which no
    forecast is made. Holidays go on beyond the last row.

    Raises:
        DataError: the panel lacks a column.
    """
    columns = [panel.time - recipe.origin, *(panel.column(name) for name in recipe.inputs)]
    for name in recipe.known_inputs:
        after = _after(recipe, panel, name)
        columns += [_later(panel, panel.column(name), steps, after) for steps in recipe.known_ahead]
    return torch.from_numpy(np.stack(columns, axis=1))


def forecastable(recipe: Recipe, panel: Panel) -> np.ndarray:
    """Whether all that must be known in advance at a row is known, (N,) bool; False at the end of most series."""
    reach = max(recipe.known_ahead, default=0) if columns_ending(recipe, panel) else 0
    return np.arange(len(panel)) + reach < panel.row_stops


def columns_ending(recipe: Recipe, panel: Panel) -> tuple[str, ...]:
    """Known-in-advance columns that end with the rows of the panel; holidays continue where the step is regular."""
    return tuple(name for name in recipe.known_inputs if not _continues(recipe, panel, name))


def _continues(recipe: Recipe, panel: Panel, name: str) -> bool:
    return name == HOLIDAY and bool(recipe.holidays) and panel.holidays is not None


def _after(recipe: Recipe, panel: Panel, name: str) -> np.ndarray | None:
    """The column after the last row of each series, (S, K); None where it ends there."""
    if not _continues(recipe, panel, name) or panel.holidays is None:
        return None
    return panel.holidays.after(max(recipe.known_ahead))


def input_size(recipe: Recipe) -> int:
    """Number of columns of the raw input, I."""
    return 1 + len(recipe.inputs) + len(recipe.known_inputs) * len(recipe.known_ahead)


def features_of(recipe: Recipe) -> SequenceLayer:
    """Layers from raw rows to features in the dtype of the network.

    Raises:
        ConfigError: nothing would be left to see.
    """
    if recipe.kind == "trades":
        return TradeFeatures(recipe.feature_windows)
    parts = _of_bars(recipe) if recipe.kind == "bars" else _of_table(recipe)
    size = input_size(recipe)
    if recipe.calendar:
        parts["calendar"] = Calendar(size, recipe.calendar, recipe.origin)
    ahead = range(1 + len(recipe.inputs), size)
    if len(ahead):
        parts["known"] = Columns(size, ahead)
    seen = Parallel(**parts)
    return Chain(seen=seen, cast=ToNetwork(numbers(seen.output_size or 0)))


def running_scale(recipe: Recipe) -> SequenceLayer:
    """The present scale of each forecast quantity, (B, T, C): the size of its changes from row to row."""
    size = input_size(recipe)
    if recipe.target == "return":
        price = 1 + recipe.inputs.index("price" if recipe.kind == "trades" else "close")
        return Chain(Columns(size, [price], log=True), RunningScale(1, recipe.scale_halflife))
    places = [1 + recipe.inputs.index(name) for name in recipe.targets]
    return Chain(Columns(size, places), RunningScale(len(places), math.inf))


def location_of(recipe: Recipe) -> SequenceLayer | None:
    """The present value of each forecast column, (B, T, C); None for a return, which is itself a change."""
    if recipe.target == "return":
        return None
    return Columns(input_size(recipe), [1 + recipe.inputs.index(name) for name in recipe.targets])


def _of_bars(recipe: Recipe) -> dict[str, SequenceLayer]:
    size, inputs = input_size(recipe), recipe.inputs
    lags, halflives, volatilities = _lookback(recipe)
    reference = recipe.scale_halflife
    close = LevelFeatures(1, lags, halflives, volatilities, scale=reference)
    volume = LevelFeatures(1, (1,), VOLUME_HALFLIVES)
    parts: dict[str, SequenceLayer] = {
        "close": Chain(Columns(size, [1 + inputs.index("close")], log=True), close),
        "volume": Chain(Columns(size, [1 + inputs.index("volume")], log=True, floor=SMALLEST_VOLUME), volume),
        "shape": BarShape(size, [1 + inputs.index(name) for name in BAR_COLUMNS[:4]], reference),
    }
    further = [place for place in _observed(recipe) if inputs[place - 1] not in BAR_COLUMNS]
    if further:
        parts["further"] = Chain(Columns(size, further), LevelFeatures(len(further), (1,), VOLUME_HALFLIVES))
    return parts


def _observed(recipe: Recipe) -> list[int]:
    """Positions of the inputs that are observed with their row, not known in advance."""
    return [1 + place for place, name in enumerate(recipe.inputs) if name not in recipe.known_inputs]


def _of_table(recipe: Recipe) -> dict[str, SequenceLayer]:
    size = input_size(recipe)
    lags, halflives, volatilities = _lookback(recipe)
    observed = _observed(recipe)
    if not observed:
        raise ConfigError("there is nothing to forecast from: every column is known in advance.")
    levels = LevelFeatures(len(observed), lags, halflives, volatilities)
    return {"levels": Chain(Columns(size, observed), levels)}


def _lookback(recipe: Recipe) -> tuple[tuple[int, ...], tuple[float, ...], tuple[float, ...]]:
    """Lags, half-lives of means and of volatilities: those of the recipe, or defaults that fit the season.

    The size of a return can be forecast, its sign hardly: it gets volatilities, and no more than the last change of
    where the price came from. On validation the rest gains nothing (``benchmarks/results``).
    """
    season = recipe.season or 32
    seasons = {season, 7 * season} if season <= LONGEST_SEASON else set()
    lags: tuple[int, ...] = tuple(sorted({1, 2, 3} | seasons))
    halflives: tuple[float, ...] = (4.0, 12.0, 48.0, 168.0, 720.0)
    volatilities: tuple[float, ...] = (12.0, 96.0)
    if recipe.kind == "bars":
        volatilities = (6.0, 24.0, 96.0, 720.0)
    if recipe.kind == "bars" and recipe.target == "return":
        lags, halflives = (1,), ()
    return (
        lags if recipe.lags is None else recipe.lags,
        halflives if recipe.halflives is None else recipe.halflives,
        volatilities if recipe.volatilities is None else recipe.volatilities,
    )


def _later(panel: Panel, column: np.ndarray, steps: int, after: np.ndarray | None) -> np.ndarray:
    """A column ``steps`` later, (N,); beyond the end of a series the values ``after`` it (S, K), or the last value.

    Raises:
        DataError: the column has gaps.
    """
    later = np.arange(len(panel)) + steps
    beyond = later - panel.row_stops
    found = column[np.where(beyond < 0, later, later - beyond - 1)]
    if after is not None:
        over = np.flatnonzero(beyond >= 0)
        found[over] = after[panel.series[over], beyond[over]]
    if not np.isfinite(found).all():
        raise DataError(f"{panel.report.source}: a column that is known in advance has gaps.")
    return found
