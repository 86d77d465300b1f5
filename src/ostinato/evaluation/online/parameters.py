"""Fitted baselines as plain numbers that a run can carry, and online ones made of them.

Axes: C cells of a sign table, H horizons, Q levels of quantiles.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ...data.levels import Levels
from ...errors import ConfigError, DataError, did_you_mean, shortened
from ..baselines.direction import BaseRate, SignTable, sign_patterns
from ..baselines.series import row_numbers
from ..baselines.spread import ConstantQuantiles, EwmaQuantiles
from ..baselines.values import Naive, ValueBaseline
from ..columns import Floats, quantile_levels
from .baselines import OnlineBaseline
from .counting import OnlineBaseRate, OnlineSignTable
from .spreads import OnlineConstantQuantiles, OnlineEwmaQuantiles, OnlineNaive

ONLINE_BASELINES = ("base_rate", "sign_table", "naive", "constant_quantiles", "ewma_quantiles")
MOST_NUMBERS = 100_000  # horizons times levels

Parameters = dict[str, Any]  # JSON


def counts_of(baseline: BaseRate | SignTable, levels: Levels, rows: ArrayLike) -> Parameters:
    """What a fitted baseline for directions has counted.

    Args:
        levels, rows: what it was fitted on; a fitted one keeps shares, from which counts cannot be had.

    Raises:
        DataError: it was not fitted on these.
    """
    found = np.sort(row_numbers(levels, rows))
    label = replace(levels, horizons=levels.horizons[:1], relative=True).labels(found)[:, 0]
    known = np.isfinite(label)
    up, found, horizon = label[known] > 0, found[known], levels.horizons[0]
    if isinstance(baseline, BaseRate):
        ups, count = int(up.sum()), len(up)
        fits = baseline.rate is not None and baseline.rate == (ups + 1) / (count + 2)
        parameters: Parameters = {"ups": ups, "rows": count}
    else:
        cells = sign_patterns(levels, baseline.order)[found]
        seen = np.bincount(cells, minlength=3**baseline.order)
        rose = np.bincount(cells, weights=up, minlength=3**baseline.order).astype(np.int64)
        table = (rose + (up.sum() + 1) / (len(up) + 2)) / (seen + 1)
        fits = baseline.table is not None and np.array_equal(baseline.table, table)
        parameters = {
            "order": baseline.order,
            "seen": seen.tolist(),
            "ups": rose.tolist(),
            "horizon": horizon,
        }
    if not fits:
        raise DataError(
            f"this {type(baseline).__name__} was not fitted on these rows. Give those it was fitted on."
        )
    return parameters


def parameters_of(baseline: ValueBaseline, levels: Levels, at: ArrayLike, series: int = 0) -> Parameters:
    """What a fitted baseline for values says, for one series of those it was fitted on.

    Args:
        levels: what it was fitted on, or others of the same kind (horizons, relative).
        at: levels of the quantiles that are asked of it, (Q,).

    Raises:
        ConfigError: there is no online form of it.   DataError: it was not fitted, or on other horizons or series.
    """
    if type(baseline) not in (Naive, ConstantQuantiles, EwmaQuantiles):
        raise ConfigError(
            f"there is no online form of {type(baseline).__name__}; there is one of {', '.join(ONLINE_BASELINES)}."
        )
    if baseline.units is None or baseline.horizons != levels.horizons:
        raise DataError(f"this {type(baseline).__name__} was not fitted for horizons {levels.horizons}.")
    if not 0 <= series < len(baseline.units.change):
        raise DataError(f"series must be 0 to {len(baseline.units.change) - 1}, got {series}.")
    at = quantile_levels(at)
    errors = np.array([np.quantile(known, at) for known in baseline.errors])  # (H, Q)
    if isinstance(baseline, EwmaQuantiles):
        return {
            "half_life": float(baseline.half_life),
            "variance": float(baseline.start[series]),
            "quantiles": errors.tolist(),
            "horizons": list(baseline.horizons),
            "relative": levels.relative,
        }
    units = baseline.units
    if isinstance(baseline, ConstantQuantiles):
        quantiles = (
            units.change[series] * errors
            if levels.relative
            else units.spread[series] * errors + units.centre[series]
        )
        return {"quantiles": quantiles.tolist()}
    return {"quantiles": (units.change[series] * errors).tolist(), "relative": levels.relative}


def online_baseline(
    name: str, parameters: Mapping[str, Any] | None = None, learning: bool = True
) -> OnlineBaseline:
    """The online form of a baseline.

    Args:
        parameters: of `counts_of` or `parameters_of`, perhaps from a file; None begins with nothing, which only
            base_rate and sign_table can.
        learning: whether base_rate and sign_table count on.

    Raises:
        ConfigError: there is no such baseline, or the parameters are not its.
    """
    given = dict(parameters or {})
    if name == "base_rate":
        _only(name, given, "ups", "rows")
        return OnlineBaseRate(
            _whole(name, given, "ups", 0), _whole(name, given, "rows", 0), learning=learning
        )
    if name == "sign_table":
        _only(name, given, "order", "seen", "ups", "horizon")
        return OnlineSignTable(
            order=_whole(name, given, "order", 4),
            seen=_wholes(name, given, "seen"),
            ups=_wholes(name, given, "ups"),
            horizon=_whole(name, given, "horizon", 1),
            learning=learning,
        )
    if name == "naive":
        _only(name, given, "quantiles", "relative")
        return OnlineNaive(_grid(name, given), _truth(name, given, "relative"))
    if name == "constant_quantiles":
        _only(name, given, "quantiles")
        return OnlineConstantQuantiles(_grid(name, given))
    if name == "ewma_quantiles":
        _only(name, given, "half_life", "variance", "quantiles", "horizons", "relative")
        return OnlineEwmaQuantiles(
            half_life=_number(name, given, "half_life"),
            variance=_number(name, given, "variance"),
            quantiles=_grid(name, given),
            horizons=_wholes(name, given, "horizons") or [],
            relative=_truth(name, given, "relative"),
        )
    raise ConfigError(
        f"there is no online baseline {shortened(name)}; there are {', '.join(ONLINE_BASELINES)}."
        + did_you_mean(name, ONLINE_BASELINES)
    )


def _only(name: str, given: Mapping[str, Any], *known: str) -> None:
    for key in given:
        if key not in known:
            raise ConfigError(
                f"{name} has no parameter {shortened(key)}; it has {', '.join(known)}."
                + did_you_mean(str(key), known)
            )


def _wrong(name: str, key: str, wanted: str, value: Any) -> ConfigError:
    return ConfigError(f"{key} of {name} must be {wanted}, got {shortened(value)}.")


def _whole(name: str, given: Mapping[str, Any], key: str, missing: int) -> int:
    value = given.get(key, missing)
    if type(value) is not int:
        raise _wrong(name, key, "a whole number", value)
    return value


def _wholes(name: str, given: Mapping[str, Any], key: str) -> list[int] | None:
    values = given.get(key)
    if values is None:
        return None
    if (
        not isinstance(values, list)
        or len(values) > MOST_NUMBERS
        or any(type(one) is not int for one in values)
    ):
        raise _wrong(name, key, f"a list of at most {MOST_NUMBERS:,} whole numbers", values)
    return values


def _number(name: str, given: Mapping[str, Any], key: str) -> float:
    value = given.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(name, key, "a number", value)
    return float(value)


def _truth(name: str, given: Mapping[str, Any], key: str) -> bool:
    value = given.get(key)
    if not isinstance(value, bool):
        raise _wrong(name, key, "true or false", value)
    return value


def _grid(name: str, given: Mapping[str, Any]) -> Floats:
    """Quantiles (H, Q)."""
    rows = given.get("quantiles")
    wanted = f"lists of as many numbers each, at most {MOST_NUMBERS:,} in all"
    if not isinstance(rows, list) or not rows or not all(isinstance(row, list) for row in rows):
        raise _wrong(name, "quantiles", wanted, rows)
    width = len(rows[0])
    if width * len(rows) > MOST_NUMBERS or any(len(row) != width for row in rows):
        raise _wrong(name, "quantiles", wanted, rows)
    if any(isinstance(one, bool) or not isinstance(one, int | float) for row in rows for one in row):
        raise _wrong(name, "quantiles", wanted, rows)
    return np.array(rows, dtype=np.float64)
