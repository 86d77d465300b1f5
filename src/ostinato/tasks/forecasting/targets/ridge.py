"""Ridge regression of the labels on the features, from which the training of values starts.

A regression that shrinks too little follows the training rows wherever they went. So the strength is chosen on the
validation rows, and of all strengths that are not worse than the best one beyond chance the largest is taken, up to one
that is infinite: where nothing can be forecast linearly, the linear path is zero.

Axes: N rows, R rows asked for, F features, H horizons.

Source:
    Hoerl & Kennard 1970, Technometrics 12, 55-67. The simplest model that is not significantly worse: after the rule of
    one standard error of Breiman et al. 1984, Classification and Regression Trees, section 3.4.3; here by a t test on
    blocks that do not overlap, since a long horizon leaves few of them.
"""

import numpy as np

STRENGTHS = (1e-3, 1e-2, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, np.inf)  # times the rows
CHANCE = 0.05
FEWEST = 30  # validation rows needed to choose


def ridge(
    x: np.ndarray,
    z: np.ndarray,
    weight: np.ndarray,
    train: np.ndarray,
    validation: np.ndarray,
    horizon: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients (H, F) and constants (H,) of the strength that validation chooses. On the training rows the answers
    have mean 0.

    Args:
        x: features (N, F).   z: labels (N, H), NaN where there is none.
        weight: of each row's squared error, (N,).
        train, validation: rows to fit on, and to choose by.
        horizon: rows by which a label looks ahead.
    """
    fit, choose = (rows[np.isfinite(z[rows]).all(axis=1)] for rows in (train, validation))
    nothing = np.zeros((z.shape[1], x.shape[1]))
    if len(fit) <= x.shape[1] or len(choose) < FEWEST:
        return nothing, np.zeros(z.shape[1])
    middle, mean = _means(x, z, weight, fit)
    found = _path(x[fit] - middle, z[fit] - mean, weight[fit])
    losses = [_losses(x[choose] - middle, z[choose] - mean, weight[choose], one) for one in found]
    chosen = found[_simplest(losses, horizon)]
    return chosen, -chosen @ middle


def _means(
    x: np.ndarray, z: np.ndarray, weight: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    share = weight[rows] / weight[rows].sum()
    return share @ x[rows], share @ z[rows]


def _path(x: np.ndarray, z: np.ndarray, weight: np.ndarray) -> list[np.ndarray]:
    """Coefficients (H, F) for every strength, from one decomposition."""
    weighted = x * (weight / weight.mean())[:, None]
    values, vectors = np.linalg.eigh(weighted.T @ x)
    turned = vectors.T @ (weighted.T @ z)
    return [
        (vectors @ (turned / (np.maximum(values, 0.0) + strength * len(x))[:, None])).T
        for strength in STRENGTHS
    ]


def _losses(x: np.ndarray, z: np.ndarray, weight: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    return ((z - x @ coefficients.T) ** 2).mean(axis=1) * weight


def _simplest(losses: list[np.ndarray], horizon: int) -> int:
    """The largest strength that is not worse than the best one beyond chance."""
    best = min(range(len(losses)), key=lambda place: float(losses[place].mean()))
    for place in range(len(losses) - 1, best, -1):
        if not _worse(losses[place] - losses[best], horizon):
            return place
    return best


def _worse(difference: np.ndarray, horizon: int) -> bool:
    """Whether a mean difference (R,) is above 0, one-sided, by the means of blocks as long as labels overlap."""
    count = len(difference) // max(horizon, 1)
    if count < 2:
        return False
    from scipy.stats import t as student  # imported late: it takes half as long to load as torch

    blocks = np.array([block.mean() for block in np.array_split(difference, count)])
    error = np.std(blocks, ddof=1) / np.sqrt(count)
    return bool(blocks.mean() > student.ppf(1 - CHANCE, count - 1) * error)
