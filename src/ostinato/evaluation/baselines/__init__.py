"""Baselines: simple forecasters, fitted on train and validation rows, that a model has to beat.

    direction.py   the base rate, the table of signs, logistic regression: a probability of "up"
    values.py      the form of a baseline for values, and the random walks: naive, seasonal naive, drift
    spread.py      the constant quantiles, and those scaled by a volatility
    smoothing.py   exponential smoothing
    linear.py      linear regression on the last values
    series.py      rows, changes and windows that stay within their series

All read `data.levels.Levels`.
"""

from ...data.levels import Levels
from .direction import BaseRate, DirectionBaseline, LogisticRegression, SignTable
from .linear import LinearRegression
from .smoothing import ExponentialSmoothing
from .spread import ConstantQuantiles, EwmaQuantiles
from .values import Drift, Naive, SeasonalNaive, ValueBaseline

DIRECTION_BASELINES: dict[str, type[DirectionBaseline]] = {
    "base_rate": BaseRate,
    "sign_table": SignTable,
    "logistic": LogisticRegression,
}

VALUE_BASELINES: dict[str, type[ValueBaseline]] = {
    "naive": Naive,
    "seasonal_naive": SeasonalNaive,
    "drift": Drift,
    "exponential_smoothing": ExponentialSmoothing,
    "linear": LinearRegression,
    "constant_quantiles": ConstantQuantiles,
    "ewma_quantiles": EwmaQuantiles,
}


def value_baselines(levels: Levels) -> dict[str, type[ValueBaseline]]:
    """Those that suit the levels: all but the seasonal ones where there is no season."""
    return {
        name: kind
        for name, kind in VALUE_BASELINES.items()
        if not (kind.needs_season and levels.season is None)
    }


__all__ = [
    "DIRECTION_BASELINES",
    "VALUE_BASELINES",
    "BaseRate",
    "ConstantQuantiles",
    "DirectionBaseline",
    "Drift",
    "EwmaQuantiles",
    "ExponentialSmoothing",
    "LinearRegression",
    "LogisticRegression",
    "Naive",
    "SeasonalNaive",
    "SignTable",
    "ValueBaseline",
    "value_baselines",
]
