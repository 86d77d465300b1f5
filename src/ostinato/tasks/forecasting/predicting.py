"""Forecasts for every row of some trades."""

import numpy as np
import polars as pl

from ...data.trades import Trades
from . import direction
from .model import CHUNK, device_of, stream
from .opening import Run


def predict(run: Run, trades: Trades, chunk: int = CHUNK) -> pl.DataFrame:
    """Columns row, time (seconds since the Unix epoch), id, p_up: one line for each trade, foreseeing the next one.

    The trades are one stream from the first row on; ``chunk`` rows at a time give the same numbers, whatever it is.
    """
    return prediction_frame(trades, foresee(run, trades, chunk), np.arange(len(trades)))


def foresee(run: Run, trades: Trades, chunk: int = CHUNK) -> np.ndarray:
    """p_up (N,) for every row, streamed from row 0 on, so that the state is warm.

    Raises:
        DataError: the model gives something that is not a number.
    """
    y = stream(run.model, run.recipe.raw(trades).to(device_of(run.model)), chunk)
    return direction.probability(y.cpu())


def prediction_frame(trades: Trades, p_up: np.ndarray, rows: np.ndarray) -> pl.DataFrame:
    """Forecasts p_up (N,) of the rows that are asked for."""
    return pl.DataFrame(
        {
            "row": rows,
            "time": trades.time[rows],
            "id": rows if trades.id is None else trades.id[rows],
            "p_up": p_up[rows],
        }
    )
