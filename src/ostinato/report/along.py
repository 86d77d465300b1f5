"""The x axis of a series: times if every row has a distinct one, otherwise row numbers; and downsampling."""

from typing import Any, NamedTuple

import numpy as np

from .forecasts import ForecastPart
from .numbers import are_times, instants


class Along(NamedTuple):
    """Positions of points."""

    x: list[Any]
    axis: dict[str, Any]
    of_time: bool


def along(part: ForecastPart, kind: str, shift: np.ndarray | float = 0.0) -> Along:
    """The axis for the rows of a part, moved by ``shift`` seconds where it is one of time."""
    seconds = part.seconds + shift
    if are_times(seconds) and bool(np.all(np.diff(seconds) > 0)):
        return Along(instants(seconds), {"type": "date"}, True)
    return Along(part.row.tolist(), {"title": f"{kind} number", "tickformat": ",d"}, False)


def thinned(values: np.ndarray, bins: int, how: Any) -> np.ndarray:
    """Downsample to ``bins`` runs of rows by a reduction such as ``np.fmax.reduceat``."""
    return np.asarray(how(values, _starts(len(values), bins), axis=0))


def means(values: np.ndarray, bins: int) -> np.ndarray:
    """The mean of each of ``bins`` runs of rows."""
    starts = _starts(len(values), bins)
    sizes = np.diff(np.append(starts, len(values)))
    sums = np.add.reduceat(values, starts, axis=0)
    return np.asarray(sums / sizes.reshape(-1, *[1] * (values.ndim - 1)))


def middles(length: int, bins: int) -> np.ndarray:
    """A row in the middle of each of ``bins`` runs of rows."""
    starts = _starts(length, bins)
    return (starts + np.append(starts[1:], length)) // 2


def _starts(length: int, bins: int) -> np.ndarray:
    return np.arange(min(bins, length), dtype=np.int64) * length // min(bins, length)
