"""Online scores of direction forecasts, in constant time and memory per row.

Axes: K bins of p, B baselines.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import ConfigError, DataError
from ..columns import Floats
from ..losses import brier_losses, hits, log_loss_of_row
from .skill import OnlineSkill, SkillSummary
from .sums import Sum, wilson

BINS = 4096  # of p, equally wide: what AUC and reliability are made from
MOST_BASELINES = 64


@dataclass(frozen=True)
class OnlineReliability:
    """As `calibration.reliability`, of forecasts that were put into 4,096 bins first; by ascending p."""

    p: list[float]  # mean forecast
    up: list[float]  # share that went up
    rows: list[int]
    low: list[float]  # Wilson's interval, 95 %, of independent rows at one look
    high: list[float]


@dataclass(frozen=True)
class ForecastScores:
    """How good one forecaster's p were; the definitions are those of `metrics`. None is not known yet.

    accuracy_low, accuracy_high: Wilson's interval, 95 %; of independent rows at one look.
    auc: of p put into 4,096 bins, ties one half. auc_error: it is at most this far from the AUC of p itself, half the
        share of pairs that share a bin.
    """

    log_loss: float | None
    brier: float | None
    accuracy: float | None
    accuracy_low: float | None
    accuracy_high: float | None
    auc: float | None
    auc_error: float | None
    reliability: OnlineReliability


@dataclass(frozen=True)
class DirectionSummary:
    """The model, the baselines on the same rows, and the model against each. `dataclasses.asdict` of it is JSON."""

    count: int
    base_rate: float | None  # share of ups
    model: ForecastScores
    baselines: dict[str, ForecastScores]
    skill: list[SkillSummary]


class OnlineDirection:
    """log-loss, Brier score, accuracy, AUC, reliability and skill of a probability of up, row by row.

    Args:
        baselines: their names, at most 64.
        calibration_bins: of the table of reliability, about equally full.
        alpha: chance that an interval of skill is ever wrong, each.
        horizon: rows that a label looks ahead.

    Raises:
        ConfigError: an argument is out of range, or a name comes twice.
    """

    def __init__(
        self, baselines: Sequence[str], calibration_bins: int = 10, alpha: float = 0.05, horizon: int = 1
    ) -> None:
        if not 1 <= calibration_bins <= BINS:
            raise ConfigError(f"calibration_bins must be 1 to {BINS:,}, got {calibration_bins}.")
        if len(baselines) > MOST_BASELINES:
            raise ConfigError(f"there may be {MOST_BASELINES} baselines, got {len(baselines)}.")
        self.baselines = tuple(baselines)
        self.calibration_bins = calibration_bins
        self._skill = OnlineSkill(baselines, alpha, horizon)
        self._forecasts = [_Forecasts() for _ in range(len(baselines) + 1)]

    @property
    def count(self) -> int:
        """Rows so far."""
        return self._skill.count

    def add(
        self, p: float, up: bool | float, losses: Sequence[float], baseline_p: Sequence[float] = ()
    ) -> None:
        """One row that was resolved; refused as a whole or taken as a whole.

        Args:
            p: the model's probability of up.   up: True or 1, False or 0.
            losses: log-losses (`log_loss_of`), the model's and then each baseline's, (1 + B,).
            baseline_p: each baseline's probability of up, (B,).

        Raises:
            DataError: p is not within 0 and 1, up is not 0 or 1, or there is not one number for each forecaster.
        """
        every = (p, *baseline_p)
        if len(every) != len(self._forecasts):
            raise DataError(f"baseline_p must be {len(self.baselines)} probabilities, got {len(every) - 1}.")
        for one in every:
            _check(one, up)
        self._skill.add(losses)
        rose = up == 1
        for forecasts, one in zip(self._forecasts, every, strict=True):
            forecasts.add(float(one), rose)

    def add_many(self, p: Floats, up: Floats, losses: Floats, baseline_p: Floats) -> None:
        """Rows in their order: as `add` of each, but for rounding; refused or taken as a whole.

        Args:
            p: (N,).   up: 1 or 0, (N,).   losses: (N, 1 + B).   baseline_p: (N, B).

        Raises:
            DataError: as `add`.
        """
        if baseline_p.shape != (len(p), len(self.baselines)) or not len(p) == len(up) == len(losses):
            raise DataError(f"baseline_p must be (rows, {len(self.baselines)}), got {baseline_p.shape}.")
        every = np.column_stack([p, baseline_p])
        if not ((every >= 0) & (every <= 1)).all():  # NaN too
            raise DataError("p must lie within 0 and 1.")
        rose = up == 1
        if not (rose | (up == 0)).all():
            raise DataError("up must be True or False (or 1 and 0).")
        self._skill.add_many(losses)
        for forecasts, column in zip(self._forecasts, every.T, strict=True):
            forecasts.add_many(column, rose)

    def summary(self) -> DirectionSummary:
        """All that is known so far."""
        scores = [
            one.scores(self._skill.mean(place), self.calibration_bins)
            for place, one in enumerate(self._forecasts)
        ]
        ours = self._forecasts[0]
        return DirectionSummary(
            count=self.count,
            base_rate=ours.ups / ours.count if ours.count else None,
            model=scores[0],
            baselines=dict(zip(self.baselines, scores[1:], strict=True)),
            skill=self._skill.summary(),
        )


def log_loss_of(p: float, up: bool | float) -> float:
    """`metrics.log_losses` of one row, without arrays.

    Raises:
        DataError: p is not within 0 and 1, or up is not 0 or 1.
    """
    _check(p, up)
    return log_loss_of_row(p, up)


def _check(p: float, up: bool | float) -> None:
    if not 0 <= p <= 1:  # NaN too
        raise DataError(f"p must lie within 0 and 1, got {p}.")
    if up != 0 and up != 1:
        raise DataError(f"up must be True or False (or 1 and 0), got {up}.")


class _Forecasts:
    """What is counted of one forecaster."""

    def __init__(self) -> None:
        self.count = self.ups = self.hits = 0
        self.brier = Sum()
        self.rows_in = array("q", bytes(8 * BINS))  # (K,)
        self.ups_in = array("q", bytes(8 * BINS))
        self.p_in = array("d", bytes(8 * BINS))  # sum of p

    def add(self, p: float, up: bool) -> None:
        self.count += 1
        place = min(int(p * BINS), BINS - 1)
        self.rows_in[place] += 1
        self.p_in[place] += p
        if up:
            self.ups += 1
            self.ups_in[place] += 1
        self.hits += bool(hits(p, up))
        self.brier.add(brier_losses(p, up))

    def add_many(self, p: Floats, up: np.ndarray) -> None:
        self.count += len(p)
        self.ups += int(up.sum())
        self.hits += int(hits(p, up).sum())
        self.brier.add_many(brier_losses(p, up))
        place = np.minimum((p * BINS).astype(np.int64), BINS - 1)
        np.add.at(np.frombuffer(self.rows_in, np.int64), place, 1)
        np.add.at(np.frombuffer(self.ups_in, np.int64), place[up], 1)
        np.add.at(np.frombuffer(self.p_in, np.float64), place, p)

    def scores(self, loss: float | None, bins: int) -> ForecastScores:
        if self.count == 0:
            empty = OnlineReliability([], [], [], [], [])
            return ForecastScores(None, None, None, None, None, None, None, empty)
        low, high = wilson(self.hits, self.count)
        auc, error = self._auc()
        return ForecastScores(
            log_loss=loss,
            brier=self.brier.value / self.count,
            accuracy=self.hits / self.count,
            accuracy_low=float(low),
            accuracy_high=float(high),
            auc=auc,
            auc_error=error,
            reliability=self._reliability(bins),
        )

    def _auc(self) -> tuple[float | None, float | None]:
        ups = np.frombuffer(self.ups_in, np.int64)
        flats = np.frombuffer(self.rows_in, np.int64) - ups
        pairs = self.ups * (self.count - self.ups)
        if pairs == 0:
            return None, None
        ties = float(ups @ flats.astype(np.float64))
        wins = float(ups @ (np.cumsum(flats) - flats).astype(np.float64))
        return (wins + 0.5 * ties) / pairs, 0.5 * ties / pairs

    def _reliability(self, bins: int) -> OnlineReliability:
        """The bins of p joined to about equally full ones, by the rule of `calibration.reliability`."""
        every = np.frombuffer(self.rows_in, np.int64)
        held = np.flatnonzero(every)
        rows = every[held]
        rank = np.cumsum(rows) - (rows - 1) / 2  # in the middle of those that share a bin
        place = ((rank - 0.5) / self.count * bins).astype(np.int64)
        count = np.bincount(place, weights=rows)
        kept = count > 0
        ups = np.bincount(place, weights=np.frombuffer(self.ups_in, np.int64)[held])[kept]
        total = np.bincount(place, weights=np.frombuffer(self.p_in, np.float64)[held])[kept]
        count = count[kept]
        low, high = wilson(ups, count)
        return OnlineReliability(
            (total / count).tolist(),
            (ups / count).tolist(),
            count.astype(np.int64).tolist(),
            low.tolist(),
            high.tolist(),
        )
