"""Validation of arrays with one value per row."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import ConfigError, DataError

Floats = NDArray[np.float64]


def numbers(name: str, values: ArrayLike) -> Floats:
    """`values` as float64 (rows,), with at least one row. NaN may be among them."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(f"{name} must be numbers, one per row, got {type(values).__name__}.") from None
    if array.ndim != 1 or len(array) == 0:
        raise DataError(f"{name} must be (rows,) with at least one row, got shape {array.shape}.")
    return array


def finite_numbers(name: str, values: ArrayLike) -> Floats:
    """`numbers` without NaN or infinity."""
    array = numbers(name, values)
    if not np.all(np.isfinite(array)):
        wrong = int(np.argmin(np.isfinite(array)))
        raise DataError(f"{name} must be finite, got {array[wrong]} in row {wrong}.")
    return array


def check_level(level: float) -> None:
    """Refuse a level of an interval that is not within 0 and 1. Raises ConfigError."""
    if not 0 < level < 1:
        raise ConfigError(f"level must be above 0 and below 1, got {level}.")


def quantile_levels(at: ArrayLike) -> Floats:
    """Levels of quantiles as float64 (Q,), ascending, each within 0 and 1 and neither of them.

    Raises:
        ConfigError: they are not.
    """
    array = np.atleast_1d(np.asarray(at, dtype=np.float64))
    if (
        array.ndim != 1
        or len(array) == 0
        or not np.all((array > 0) & (array < 1))
        or np.any(np.diff(array) <= 0)
    ):
        raise ConfigError(
            f"levels of quantiles must be ascending and above 0 and below 1, got {array.tolist()}."
        )
    return array
