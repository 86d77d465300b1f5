"""Online scores of quantile forecasts, in constant time and memory per row.

Axes: H horizons (of several columns: columns times horizons), Q levels, P central pairs of levels, B baselines.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...errors import ConfigError, DataError
from ..columns import Floats, quantile_levels
from ..losses import pinball, squared
from ..quantile_metrics import medians
from .skill import OnlineSkill, SkillSummary

WAITING_ROWS, WAITING_NUMBERS = 256, 100_000  # rows that are summed together, and their horizons times levels
MOST_CELLS = 1_000_000  # horizons times levels


@dataclass(frozen=True)
class QuantileScores:
    """How good one forecaster's quantiles were. None is not known yet.

    metrics: by the names and definitions of `quantile_metrics`: pinball, crps, mae, mse, rmse, and for each pair of
        levels a, 1 - a the coverage and width of the interval between, such as coverage_80 and width_80.
    by_horizon: the same for each horizon, (H,) each, without rmse.
    coverage: share of labels that were not above the quantile of each level, (Q,), as `calibration.coverage`.
    pit: share of labels between neighbouring quantiles, below the first and above the last, (Q + 1,). A label on a
        quantile lies below it; one that several quantiles share is spread between these, as their levels are.
    """

    metrics: dict[str, float | None]
    by_horizon: dict[str, list[float | None]]
    coverage: list[float] | None
    pit: list[float] | None


@dataclass(frozen=True)
class ValuesSummary:
    """The model, the baselines on the same rows, and the model against each. `dataclasses.asdict` of it is JSON.

    loss: mean over rows of the losses that were given.   pit_expected: what each share of `pit` should be.
    baselines: only those whose quantiles were given too.
    """

    count: int
    loss: float | None
    levels: list[float]
    pit_expected: list[float]
    model: QuantileScores
    baselines: dict[str, QuantileScores]
    skill: list[SkillSummary]


class OnlineValues:
    """Pinball loss, CRPS, coverage, widths, PIT and skill of forecast quantiles, row by row.

    Args:
        levels: of the quantiles, (Q,).
        baselines: their names.
        horizons: H.
        alpha: chance that an interval of skill is ever wrong, each.
        horizon: rows that the longest label looks ahead.

    Raises:
        ConfigError: an argument is out of range, or a name comes twice.
    """

    def __init__(
        self,
        levels: ArrayLike,
        baselines: Sequence[str],
        horizons: int = 1,
        alpha: float = 0.05,
        horizon: int = 1,
    ) -> None:
        self.levels = quantile_levels(levels)
        if horizons < 1 or horizons * len(self.levels) > MOST_CELLS:
            raise ConfigError(
                f"horizons must be at least 1, and times {len(self.levels)} levels at most {MOST_CELLS:,}, "
                f"got {horizons}."
            )
        self.baselines, self.horizons = tuple(baselines), horizons
        self._skill = OnlineSkill(baselines, alpha, horizon)
        self._measure = _Measure(self.levels)
        self._model = _Quantiles(horizons, self._measure)
        self._theirs = [_Quantiles(horizons, self._measure) for _ in baselines]

    @property
    def count(self) -> int:
        """Rows so far."""
        return self._skill.count

    def add(
        self,
        losses: Sequence[float],
        numbers: ArrayLike,
        actual: ArrayLike,
        baseline_numbers: Sequence[ArrayLike] = (),
    ) -> None:
        """One row that was resolved; refused as a whole or taken as a whole. One without any known label is left out.

        Args:
            losses: the model's and then each baseline's, (1 + B,), each the mean over horizons (`pinball_of`).
            numbers: the model's quantiles, ascending, (H, Q).
            actual: what happened, (H,); NaN where unknown: left out.
            baseline_numbers: quantiles of all baselines, (B, H, Q), or of none.

        Raises:
            DataError: shapes disagree, or quantiles of known labels or losses are not finite.
        """
        found = np.array(actual, dtype=np.float64).reshape(-1)
        if found.shape != (self.horizons,):
            raise DataError(f"actual must be ({self.horizons},), got {np.shape(actual)}.")
        known = np.isfinite(found)
        if not known.any():
            return
        if len(baseline_numbers) not in (0, len(self.baselines)):
            raise DataError(
                f"baseline_numbers must be those of all {len(self.baselines)} baselines or of none, got "
                f"{len(baseline_numbers)}."
            )
        every = [self._checked(one, known) for one in (numbers, *baseline_numbers)]
        self._skill.add(losses)
        for quantiles, one in zip((self._model, *self._theirs), every, strict=False):
            quantiles.add(one, found)

    def summary(self) -> ValuesSummary:
        """All that is known so far."""
        return ValuesSummary(
            count=self.count,
            loss=self._skill.mean(),
            levels=self.levels.tolist(),
            pit_expected=np.diff(np.r_[0.0, self.levels, 1.0]).tolist(),
            model=self._model.scores(),
            baselines={
                name: one.scores() for name, one in zip(self.baselines, self._theirs, strict=True) if one.rows
            },
            skill=self._skill.summary(),
        )

    def _checked(self, numbers: ArrayLike, known: NDArray[np.bool_]) -> Floats:
        array = np.asarray(numbers, dtype=np.float64)
        shape = (self.horizons, len(self.levels))
        if array.shape != shape:
            raise DataError(f"quantiles must be {shape}, horizons and levels, got {array.shape}.")
        if not np.isfinite(array[known]).all():
            raise DataError("quantiles must be finite, and some are NaN or infinite.")
        return array


def pinball_of(numbers: ArrayLike, levels: ArrayLike, actual: ArrayLike) -> float:
    """`quantile_metrics.pinball_losses` of one row: the mean over known horizons and levels; NaN without a label.

    Args:
        numbers: (H, Q).   levels: (Q,).   actual: (H,), NaN where unknown.
    """
    at, label = np.asarray(levels, np.float64), np.asarray(actual, np.float64).reshape(-1)
    known = np.isfinite(label)
    if not known.any():
        return math.nan
    error = label[known, None] - np.asarray(numbers, np.float64).reshape(len(label), len(at))[known]
    return float(pinball(error, at).mean())


class _Measure:
    """What depends on the levels alone."""

    def __init__(self, at: Floats) -> None:
        self.at = at
        ends = np.r_[0.0, at, 1.0]
        self.widths = np.diff(ends)  # of the bins of PIT, (Q + 1,)
        self.crps = ends[2:] - ends[:-2]  # the trapezoidal rule, times 2, with no loss at 0 and 1
        self.median = medians(np.eye(len(at))[None], at)[0]  # the median is this times the quantiles
        mirror = np.abs(at[:, None] + at[None, :] - 1) < 1e-9
        self.low, self.high = np.nonzero(np.triu(mirror, 1))
        shares: list[str] = []
        for width in at[self.high] - at[self.low]:
            share = f"{100 * width:.0f}"
            shares.append(share if share not in shares else f"{100 * width:.6g}")
        self.names = ["pinball", "crps", "mae", "mse"]
        self.names += [f"coverage_{share}" for share in shares] + [f"width_{share}" for share in shares]

    def cells(self, numbers: Floats, actual: Floats) -> tuple[Floats, NDArray[np.bool_]]:
        """What the metrics are means of, (..., names), and whether the label was not above each quantile, (..., Q).

        numbers (..., Q), actual (...), NaN where unknown.
        """
        error = actual[..., None] - numbers
        loss = pinball(error, self.at)
        off = actual - numbers @ self.median
        out = np.empty((*actual.shape, len(self.names)))
        out[..., 0], out[..., 1] = loss.mean(axis=-1), loss @ self.crps
        out[..., 2], out[..., 3] = np.abs(off), squared(off)
        below, pairs = error <= 0, len(self.low)
        if pairs:
            out[..., 4 : 4 + pairs] = (error[..., self.low] >= 0) & below[..., self.high]
            out[..., 4 + pairs :] = numbers[..., self.high] - numbers[..., self.low]
        return out, below

    def pit(self, numbers: Floats, actual: Floats, below: NDArray[np.bool_]) -> Floats:
        """How many labels (L,) lie between neighbouring quantiles (L, Q), (Q + 1,)."""
        first = len(self.at) - below.sum(axis=1)  # quantiles that are less
        after = (numbers <= actual[:, None]).sum(axis=1)
        shared = after > first + 1
        found = np.bincount(first[~shared], minlength=len(self.widths)).astype(np.float64)
        if shared.any():
            bins = np.arange(len(self.widths))
            between = (bins > first[shared, None]) & (bins < after[shared, None])
            weight = between * self.widths
            found += (weight / weight.sum(axis=1, keepdims=True)).sum(axis=0)
        return found


class _Quantiles:
    """What is summed of one forecaster. The last rows wait to be summed together, which is faster and more exact."""

    def __init__(self, horizons: int, measure: _Measure) -> None:
        self.measure, self.rows, self.waiting = measure, 0, 0
        size = max(1, min(WAITING_ROWS, WAITING_NUMBERS // (horizons * len(measure.at))))
        self.numbers = np.empty((size, horizons, len(measure.at)))
        self.actual = np.empty((size, horizons))
        self.known = np.zeros(horizons, np.int64)
        self.sums = np.zeros((horizons, len(measure.names)))
        self.below = np.zeros(len(measure.at), np.int64)
        self.pit = np.zeros(len(measure.at) + 1)

    def add(self, numbers: Floats, actual: Floats) -> None:
        self.numbers[self.waiting], self.actual[self.waiting] = numbers, actual
        self.waiting += 1
        self.rows += 1
        if self.waiting == len(self.actual):
            self.flush()

    def flush(self) -> None:
        numbers, actual = self.numbers[: self.waiting], self.actual[: self.waiting]
        known = np.isfinite(actual)
        cells, below = self.measure.cells(numbers, actual)
        self.known += known.sum(axis=0)
        self.sums += np.where(known[..., None], cells, 0.0).sum(axis=0)
        self.below += below[known].sum(axis=0)
        self.pit += self.measure.pit(numbers[known], actual[known], below[known])
        self.waiting = 0

    def scores(self) -> QuantileScores:
        if self.waiting:
            self.flush()
        sums, names = self.sums, self.measure.names
        cells = int(self.known.sum())
        if cells == 0:
            nothing: dict[str, float | None] = dict.fromkeys([*names, "rmse"])
            return QuantileScores(nothing, {}, None, None)
        metrics: dict[str, float | None] = dict(zip(names, (sums.sum(axis=0) / cells).tolist(), strict=True))
        metrics["rmse"] = math.sqrt(metrics["mse"] or 0.0)
        means = sums / np.maximum(self.known, 1)[:, None]
        by_horizon = {
            name: [float(value) if seen else None for value, seen in zip(column, self.known, strict=True)]
            for name, column in zip(names, means.T, strict=True)
        }
        return QuantileScores(metrics, by_horizon, (self.below / cells).tolist(), (self.pit / cells).tolist())
