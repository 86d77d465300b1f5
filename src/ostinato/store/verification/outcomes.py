"""Outcomes and losses recomputed from levels alone, independently of the engine's code.

Axes: N predictions, C columns that are forecast, H horizons, J = C H quantities, Q levels of quantiles, K baselines,
P = J Q numbers of a prediction.
"""

from typing import NamedTuple

import numpy as np

from ..header import StoreHeader
from ..rows import Numbers

SMALLEST_PROBABILITY = 1e-12  # as evaluation.metrics has it, which lies above the store
LEAST_KNOWN = 0.5  # of the outcomes of a prediction that is judged
PRICE = {"trades": "price", "bars": "close"}


class PredictionLayout(NamedTuple):
    """The structure of a store's predictions.

    target: "direction", "return" or "columns". places: of the feed's columns that are forecast, (C,).
    levels: of the quantiles, (Q,). units: what losses of each column are measured in, (C,).
    squared: whether the loss is the squared error of the one number; otherwise the pinball loss.
    """

    target: str
    places: tuple[int, ...]
    horizons: tuple[int, ...]
    levels: Numbers
    units: Numbers
    squared: bool

    @property
    def quantities(self) -> int:
        """J."""
        return len(self.places) * len(self.horizons)


def prediction_layout(head: StoreHeader) -> PredictionLayout | str:
    """The layout of the predictions, or the reason why the header does not determine it."""
    target = head.target if head.target in ("direction", "return") else "columns"
    names = _names(head, target)
    lost = next((name for name in names if name not in head.columns), None)
    if lost is not None:
        return f"{head.target!r} is forecast, and the feed has no column {lost!r}"
    measures = {"direction": ("log_loss",)}.get(target, ("pinball", "mse"))
    if head.measure not in measures:
        return f"the measure {head.measure!r} of {head.target!r} is not known here"
    horizons = head.horizons
    if not horizons or list(horizons) != sorted(set(horizons)) or horizons[0] < 1:
        return f"the horizons {horizons} make no sense"
    levels = (0.5,) if target == "direction" else head.levels
    if len(head.outputs) != len(names) * len(horizons) * len(levels) or (
        target == "direction" and len(horizons) > 1
    ):
        return f"{len(head.outputs)} numbers do not fit {len(horizons)} horizons and {len(levels)} levels"
    units = np.array(head.units) if len(names) > 1 and head.units else np.ones(len(names))
    if len(units) != len(names) or not (np.isfinite(units) & (units > 0)).all():
        return f"the units {head.units} do not fit {len(names)} columns"
    places = tuple(head.columns.index(name) for name in names)
    return PredictionLayout(
        target, places, horizons, np.array(levels, dtype=float), units, head.measure == "mse"
    )


def _names(head: StoreHeader, target: str) -> tuple[str, ...]:
    if target != "columns":
        return (PRICE.get(head.kind, "price"),)
    whole = head.target.strip()  # a name may have commas within
    return (whole,) if whole in head.columns else tuple(part.strip() for part in whole.split(","))


def outcomes(question: PredictionLayout, then: Numbers, ahead: Numbers) -> Numbers:
    """Outcomes (N, J) from the levels at the forecast (N, C) and ahead (N, H, C); NaN was not observed."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if question.target == "direction":
            return np.where(np.isnan(ahead[:, 0]), np.nan, (ahead[:, 0] > then).astype(float))
        if question.target == "return":
            return (np.log(ahead) - np.log(then)[:, None])[:, :, 0]
    return ahead.transpose(0, 2, 1).reshape(len(ahead), -1)


def losses(question: PredictionLayout, numbers: Numbers, actual: Numbers) -> Numbers:
    """Losses of numbers (N, ..., P) for outcomes (N, J), as (N, ...); NaN if too little was observed."""
    while actual.ndim < numbers.ndim:
        actual = actual[:, None]
    if question.target == "direction":
        p = np.clip(numbers[..., 0], SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
        up = actual[..., 0]
        return np.where(np.isnan(up), np.nan, np.where(up > 0, -np.log(p), -np.log1p(-p)))
    known = np.isfinite(actual)
    error = actual[..., None] - numbers.reshape(*numbers.shape[:-1], question.quantities, -1)
    each = error[..., 0] ** 2 if question.squared else _pinball(error, question.levels)
    by_column = (*each.shape[:-1], len(question.places), len(question.horizons))
    seen = np.broadcast_to(known, each.shape).reshape(by_column)
    count = seen.sum(axis=-1)
    total = np.where(seen, each.reshape(by_column), 0.0).sum(axis=-1)
    unit = question.units**2 if question.squared else question.units
    with np.errstate(divide="ignore", invalid="ignore"):
        of_column = total / count / unit
        mean = np.where(count > 0, of_column, 0.0).sum(axis=-1) / (count > 0).sum(axis=-1)
    return np.where(seen.mean(axis=(-2, -1)) < LEAST_KNOWN, np.nan, mean)


def _pinball(error: Numbers, levels: Numbers) -> Numbers:
    """Mean pinball loss over quantiles, of errors (..., Q)."""
    return np.where(error >= 0, levels * error, (levels - 1) * error).mean(axis=-1)
