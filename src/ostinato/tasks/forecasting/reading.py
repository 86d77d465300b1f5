"""Whatever holds data, as a panel that a recipe can use, and answers in the manner of the question."""

from os import PathLike
from typing import Any

import narwhals as nw
import polars as pl

from ...data.panel import Panel
from ...data.reading import read_panel
from ...data.trades import Trades
from ...files.forking import use_threads
from .recipe import Recipe

Data = Panel | Trades | PathLike[str] | str | Any  # or a data frame of pandas, polars or arrow


def panel_of(data: Data, recipe: Recipe) -> Panel:
    """The panel that the recipe asks for.

    Raises:
        DataError: the data cannot be used.   ConfigError: the recipe says something that cannot be.
        ForkError: this process was forked from one that had read before.
    """
    use_threads()
    if isinstance(data, Panel) and data.bars == recipe.bars:
        return data
    return read_panel(
        data,
        target=recipe.target,
        bars=recipe.bars,
        id=recipe.id,
        known=recipe.known,
        covariates=recipe.covariates,
        columns=dict(recipe.columns) or None,
        time_unit=recipe.time_unit,
        time_zone=recipe.time_zone or None,
        holidays=recipe.holidays,
    )


def like(data: Data, frame: pl.DataFrame) -> Any:
    """A frame of the kind that the data came in: pandas or arrow; polars for all else."""
    if isinstance(data, Panel | Trades | str | PathLike):
        return frame
    kind = nw.from_native(data, eager_only=True).implementation
    if kind.is_pandas():
        return frame.to_pandas()
    return frame.to_arrow() if kind.is_pyarrow() else frame
