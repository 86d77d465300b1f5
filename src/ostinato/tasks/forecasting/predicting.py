"""Predict: forecasts for rows of some data.

Axes: N rows, R rows asked for.
"""

from typing import Any

import numpy as np
import polars as pl
import torch

from ...core import device_of, numbers
from ...data.calendar import HOLIDAY
from ...data.panel import Panel
from ...data.report import counted
from ...errors import ConfigError, DataError
from ...experiment.task import Run
from .features import columns_ending, forecastable, raw_rows
from .reading import Data, frame_like, panel_of
from .recipe import Recipe
from .streaming import CHUNK, pieces_of
from .targets import target_of

MOST_NUMBERS = 200_000_000  # of a frame
MOST_LINES = 2_000_000  # of predictions.parquet


def predict(run: Run[Recipe], data: Data, chunk: int = CHUNK, last: int | None = None) -> Any:
    """One line for each row (and horizon, and column): row, time (seconds since the Unix epoch), id, and the forecast.

    A direction has p_up; values have q10 to q90, with ``horizon`` and ``column`` where there are several. ``actual`` is
    what happened, null where that is not known yet. Each series is one stream from its first row on; ``chunk`` rows at
    a time give the same numbers, whatever it is.

    Columns that are known in advance must be known as far ahead as the forecast reaches. Rows for which they are not,
    at the end of each series, are left out (``left_out`` says so); rows of the future, with the time and those columns
    filled and the target or the prices empty, bring them. Holidays are known for good where rows are regular.

    Args:
        data: as ``fit`` takes them. A data frame of pandas or arrow gives one of the same kind.
        last: forecasts of the last rows of each series only; None: of all.

    Raises:
        DataError: the data cannot be read, a forecast is not a number, or no row asked for can have one.
        ConfigError: more is asked for than memory holds.
    """
    panel = panel_of(data, run.recipe)
    rows = _asked(panel, last)
    kept = rows[forecastable(run.recipe, panel)[rows]]
    if len(rows) and not len(kept):
        raise DataError(
            f"{panel.report.source}: no row asked for can have a forecast: {_unknown(run.recipe, panel)}."
        )
    rows = kept
    target = target_of(run.recipe)
    check_numbers(
        len(rows),
        numbers(run.model.output_size or 1),
        "Ask for the last rows only, with --last (in Python last=).",
    )
    return frame_like(data, target.frame(panel, rows, forecast_rows(run, panel, rows, chunk)))


def left_out(recipe: Recipe, panel: Panel, last: int | None = None) -> str:
    """Note on the requested rows for which ``predict`` makes no forecast, and why; "" where there are none."""
    rows = _asked(panel, last)
    lost = int((~forecastable(recipe, panel)[rows]).sum())
    of = "" if len(panel.starts) == 1 else " of series"
    return f"{counted(lost, 'row')} at the end{of} left out: {_unknown(recipe, panel)}" if lost else ""


def _unknown(recipe: Recipe, panel: Panel) -> str:
    names = ", ".join(map(repr, columns_ending(recipe, panel)))
    empty = "prices" if panel.kind == "bars" else "target"
    filled = "the time" if set(columns_ending(recipe, panel)) == {HOLIDAY} else f"the time and {names}"
    ahead = counted(max(recipe.known_ahead), "row")
    return (
        f"{names} must be known {ahead} ahead. Rows of the future, with {filled} filled in and the {empty} empty, "
        "bring them"
    )


def test_frame(recipe: Recipe, panel: Panel, rows: np.ndarray, forecasts: np.ndarray) -> pl.DataFrame:
    """Every forecast of the test part, or of every k-th row where there are very many horizons."""
    known = forecastable(recipe, panel)[rows]
    known &= True if panel.observed is None else panel.observed[rows]
    every = -(-len(rows) * len(recipe.ahead) // MOST_LINES)
    kept = np.flatnonzero(known)[::every]
    return target_of(recipe).frame(panel, rows[kept], forecasts[kept])


def forecast_rows(run: Run[Recipe], panel: Panel, rows: np.ndarray, chunk: int = CHUNK) -> np.ndarray:
    """Forecasts for rows (R,), ascending, streamed from the first row of each series so that states are warm.

    Raises:
        DataError: the model gives something that is not a number.
    """
    _check_inputs(run, panel)
    check_numbers(len(rows), numbers(run.model.output_size or 1))
    raw = raw_rows(run.recipe, panel)[: int(rows.max(initial=-1)) + 1].to(device_of(run.model))
    place = np.full(len(panel), -1, np.int64)
    place[rows] = np.arange(len(rows))
    asked = torch.from_numpy(place).to(raw.device)
    y = torch.zeros(
        len(rows),
        numbers(run.model.output_size or 1),
        dtype=run.model.output_dtype(raw.dtype),
        device=raw.device,
    )
    if len(rows):
        for some, piece in pieces_of(run.model, raw, panel.starts, chunk):
            wanted = asked[some] >= 0
            y[asked[some][wanted]] = piece[wanted]
    return target_of(run.recipe).forecasts(y.cpu())


def check_numbers(rows: int, outputs: int, remedy: str = "Choose fewer horizons or quantiles.") -> None:
    """Refuse more forecasts than fit into memory.

    Raises:
        ConfigError: they would be too many.
    """
    if rows * outputs > MOST_NUMBERS:
        raise ConfigError(
            f"forecasts of {counted(rows, 'row')} would be {rows * outputs:,} numbers, at most {MOST_NUMBERS:,} are "
            f"made at once. {remedy}"
        )


def _asked(panel: Panel, last: int | None) -> np.ndarray:
    if last is not None and last < 1:
        raise ConfigError(f"last must be at least 1 row, got {last}.")
    rows = np.arange(len(panel)) if panel.observed is None else np.flatnonzero(panel.observed)
    if last is None:
        return rows
    series = panel.series[rows]
    stops = np.searchsorted(series, np.arange(len(panel.starts)), side="right")
    return rows[np.arange(len(rows)) >= stops[series] - min(last, len(panel))]


def _check_inputs(run: Run[Recipe], panel: Panel) -> None:
    recipe = run.recipe
    if panel.kind != recipe.kind:
        raise DataError(f"{run.folder.path} reads {recipe.kind}, {panel.report.source} holds {panel.kind}.")
    if recipe.step is not None and panel.step is not None and panel.step != recipe.step:
        raise DataError(
            f"{run.folder.path} was fitted on rows {recipe.step:g} seconds apart, those of {panel.report.source} are "
            f"{panel.step:g}. Bring rows of the same step."
        )
