"""The linear path: what scikit-learn finds, as strong as validation asks, and nothing where nothing is to be found."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from ostinato.tasks.forecasting.targets import ridge as module
from ostinato.tasks.forecasting.targets.ridge import STRENGTHS, ridge


def market(seed: int = 0, rows: int = 2_000, noise: float = 1.0):
    random = np.random.default_rng(seed)
    x = random.standard_normal((rows, 5))
    z = x @ random.standard_normal((5, 3)) + noise * random.standard_normal((rows, 3)) + 2.0
    return x, z, 0.5 + random.random(rows)


TRAIN, VALIDATION = np.arange(1_500), np.arange(1_500, 2_000)


@pytest.mark.parametrize("strength", STRENGTHS[:-1])
def test_each_strength_is_the_ridge_of_scikit_learn(monkeypatch, strength):
    x, z, weight = market()
    monkeypatch.setattr(module, "STRENGTHS", (strength,))
    coefficients, constants = ridge(x, z, weight, TRAIN, VALIDATION, 1)
    weights = weight[TRAIN] / weight[TRAIN].mean()
    theirs = Ridge(alpha=strength * len(TRAIN)).fit(x[TRAIN], z[TRAIN], sample_weight=weights)
    np.testing.assert_allclose(coefficients, theirs.coef_, rtol=1e-8)
    mean = weights @ z[TRAIN] / weights.sum()
    np.testing.assert_allclose(constants + mean, theirs.intercept_, rtol=1e-8)


def test_what_is_there_is_found():
    x, z, weight = market(noise=0.5)
    coefficients, constants = ridge(x, z, weight, TRAIN, VALIDATION, 1)
    errors = (z - z[TRAIN].mean(axis=0) - x @ coefficients.T - constants)[VALIDATION]
    assert errors.var() < 0.3  # of 0.25 that no one can foresee; the labels have about 5


def test_where_there_is_nothing_nothing_is_claimed():
    random = np.random.default_rng(3)
    x, z = random.standard_normal((2_000, 5)), random.standard_normal((2_000, 3))
    coefficients, constants = ridge(x, z, np.ones(2_000), TRAIN, VALIDATION, 1)
    assert not coefficients.any()
    assert not constants.any()


def test_two_blocks_of_validation_prove_little():
    """The same gain on rows that overlap: a horizon of 200 leaves two blocks of 500 rows."""
    x, z, weight = market(seed=1, noise=3.0)
    near, far = (ridge(x, z, weight, TRAIN, VALIDATION, horizon)[0] for horizon in (1, 200))
    assert np.abs(far).sum() < np.abs(near).sum()


def test_rows_without_a_label_teach_nothing():
    x, z, weight = market()
    gaps = z.copy()
    gaps[::7, 1] = np.nan
    some = np.delete(np.arange(2_000), np.arange(0, 2_000, 7))
    ours = ridge(x, gaps, weight, TRAIN, VALIDATION, 1)
    theirs = ridge(x, z, weight, np.intersect1d(TRAIN, some), np.intersect1d(VALIDATION, some), 1)
    np.testing.assert_allclose(ours[0], theirs[0])


def test_few_rows_give_nothing():
    x, z, weight = market()
    assert not ridge(x, z, weight, TRAIN[:5], VALIDATION, 1)[0].any()
    assert not ridge(x, z, weight, TRAIN, VALIDATION[:10], 1)[0].any()
