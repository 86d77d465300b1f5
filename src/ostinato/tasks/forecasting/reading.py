"""Read data as the panel that a recipe needs, and return frames of the same library as the input."""

from dataclasses import replace
from os import PathLike
from typing import Any

import narwhals as nw
import polars as pl

from ...data.layout import Layout
from ...data.panel import Panel
from ...data.reading import read_panel
from ...data.trades import Trades
from ...errors import DataError
from ...files.forking import use_threads
from .recipe import Recipe

Data = Panel | Trades | PathLike[str] | str | Any  # or a data frame of pandas, polars or arrow


def panel_of(data: Data, recipe: Recipe) -> Panel:
    """The panel of a recipe, read by the layout of its run where it has one.

    Raises:
        DataError: the data cannot be used.   ConfigError: the recipe says something that cannot be.
        ForkError: this process was forked from one that had read before.
    """
    use_threads()
    if isinstance(data, Panel):
        check_layout(data, recipe)
        if data.bars == recipe.bars:
            return data
    panel = _read(data, recipe)
    return panel if recipe.layout is None else replace(panel, layout=recipe.layout)


def check_layout(panel: Panel, recipe: Recipe) -> None:
    """Refuse a panel whose layout differs from that of a run; trades that will become bars may differ.

    Raises:
        DataError: it was.
    """
    ours, theirs = recipe.layout, panel.layout
    if ours is None or ours == theirs or recipe.bars or panel.kind != recipe.kind:
        return
    steps = panel.step is None if recipe.step else bool(panel.step and ours.pauses)
    if steps or (theirs is not None and not (ours.spaced_like(theirs) and _same_volume(ours, theirs))):
        raise DataError(
            f"{panel.report.source} was read in another way than the data that the run was fitted on. Give the file or "
            "the frame itself, or read it by read_panel with layout=run.recipe.layout."
        )


def _same_volume(ours: Layout, theirs: Layout) -> bool:
    """Whether two layouts treat volume in the same way, as far as they read the same columns."""
    ours_read = ours.columns.get("volume", ""), ours.money
    theirs_read = theirs.columns.get("volume", ""), theirs.money
    return ours_read == theirs_read or bool(theirs_read[0] and theirs_read[0] not in ours_read)


def _read(data: Data, recipe: Recipe) -> Panel:
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
        layout=recipe.layout,
    )


def frame_like(data: Data, frame: pl.DataFrame) -> Any:
    """A frame of the library that the data came in: pandas or arrow; otherwise polars."""
    if isinstance(data, Panel | Trades | str | PathLike):
        return frame
    kind = nw.from_native(data, eager_only=True).implementation
    if kind.is_pandas():
        return frame.to_pandas()
    return frame.to_arrow() if kind.is_pyarrow() else frame
