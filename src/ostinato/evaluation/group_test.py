"""Do two classifiers or models lose the same on rows that have no order in time: documents, clips, songs?

Rows of one group (a speaker, a problem, a song) are alike, so the group is the unit: the mean difference of each group
enters once. Where each row is a group of its own and only right or wrong matters, McNemar's exact test asks the same.

Axes: n rows, G groups.

Source:
    Fisher 1935, The Design of Experiments, section 21, for the test by signs that are flipped. Phipson and Smyth 2010,
    Statistical Applications in Genetics and Molecular Biology 9, 39, for (1 + hits) / (1 + draws).
    McNemar 1947, Psychometrika 12, 153-157; the exact form is the binomial test of the discordant rows.
"""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import ConfigError, DataError
from .columns import Floats, check_level, finite_numbers
from .mean_test import ROUNDING, MeanTest

FEWEST_GROUPS = 12
MOST_EXACT = 16  # groups whose 2^G flips are all tried
DRAWS = 99_999
DRAWN_AT_ONCE = 2_000_000


def group_test(
    differences: ArrayLike, groups: ArrayLike | None = None, *, scale: float = 0.0, level: float = 0.95
) -> MeanTest:
    """Test that the sign of each group's mean difference is a coin: paired permutation by sign flips, two-sided.

    The mean is the mean over groups, each weighing the same; the interval is Student's over groups.

    Args:
        differences: losses - baseline_losses (n,), or right - right of another classifier.
        groups: the group of each row (n,), of any type that compares; None: each row is its own.
        scale: size of the numbers that were subtracted; a spread that is rounding beside it counts as none.
        level: of the interval.

    Returns:
        The test; ``degrees`` is G - 1. No p under 12 groups, or where the groups do not vary.

    Raises:
        DataError: differences are not finite numbers, or groups are on other rows.
    """
    check_level(level)
    means = group_means(differences, groups)
    count, mean = len(means), float(np.mean(means))
    rounding = ROUNDING * max(scale, float(np.max(np.abs(means))))
    if count < FEWEST_GROUPS or float(np.ptp(means)) <= rounding:
        return MeanTest(mean, count - 1, None, None, None, None, count)
    from scipy.special import stdtrit  # late: no command needs SciPy to start

    error = float(np.std(means, ddof=1)) / count**0.5
    half = float(stdtrit(count - 1, (1 + level) / 2)) * error
    return MeanTest(mean, count - 1, mean / error, _flipped(means), mean - half, mean + half, count)


def group_means(values: ArrayLike, groups: ArrayLike | None) -> Floats:
    """The mean of the values (n,) in each group, in the order of the groups' names, (G,).

    Raises:
        DataError: the two are not on the same rows.
    """
    series = finite_numbers("differences", values)
    if groups is None:
        return series
    names: Any = np.asarray(groups)
    if names.shape != series.shape:
        raise DataError(
            f"groups must be one per row, (rows,), got shape {names.shape} for {len(series)} rows."
        )
    _, place = np.unique(names, return_inverse=True)
    return np.bincount(place, weights=series) / np.bincount(place)


def mcnemar(right: ArrayLike, baseline_right: ArrayLike) -> float:
    """Two-sided p of McNemar's exact test that two classifiers are right equally often on independent rows.

    Args:
        right, baseline_right: whether each is right, row by row (n,), as bool or 0 and 1.

    Raises:
        DataError: the two are not on the same rows.   ConfigError: a value is neither 0 nor 1.
    """
    ours, theirs = finite_numbers("right", right), finite_numbers("baseline_right", baseline_right)
    if len(ours) != len(theirs):
        raise DataError(f"both must be on the same rows, got {len(ours)} and {len(theirs)} rows.")
    for name, values in (("right", ours), ("baseline_right", theirs)):
        if not np.isin(values, (0.0, 1.0)).all():
            raise ConfigError(f"{name} must be 0 or 1 in each row.")
    wins, losses = int(np.sum(ours > theirs)), int(np.sum(ours < theirs))
    if wins + losses == 0:
        return 1.0
    from scipy.special import bdtr  # late: no command needs SciPy to start

    return min(1.0, 2 * float(bdtr(min(wins, losses), wins + losses, 0.5)))


def _flipped(means: Floats) -> float:
    """Share of sign flips whose absolute sum is at least the observed one: all of them if they are few."""
    observed = abs(float(np.sum(means)))
    enough = observed - ROUNDING * float(
        np.sum(np.abs(means))
    )  # a flip that gives the same sum, but for rounding
    count = len(means)
    if count <= MOST_EXACT:
        bits = (np.arange(2**count)[:, None] >> np.arange(count)) & 1
        return float(np.mean(np.abs((1 - 2 * bits) @ means) >= enough))
    draw, hits, left = np.random.default_rng(0), 0, DRAWS
    while left:
        size = min(left, max(1, DRAWN_AT_ONCE // count))
        signs = draw.integers(0, 2, (size, count), dtype=np.int8) * 2 - 1
        hits += int(np.sum(np.abs(signs @ means) >= enough))
        left -= size
    return (1 + hits) / (1 + DRAWS)
