"""Sums against exact ones, Wilson's interval against statsmodels."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from ostinato.evaluation.online import Sum, wilson


@given(st.lists(st.floats(-1e12, 1e12), max_size=60))
def test_a_sum_is_the_exact_one(values):
    ours = Sum()
    for value in values:
        ours.add(value)
    assert ours.value == pytest.approx(math.fsum(values), rel=1e-15, abs=1e-15)


def test_a_million_terms_lose_nothing():
    ours, plain = Sum(), 0.0
    for _ in range(1_000_000):
        ours.add(0.1)
        plain += 0.1
    exact = math.fsum([0.1] * 1_000_000)
    assert ours.value == pytest.approx(exact, rel=1e-15)
    assert abs(plain - exact) > 1e-7  # what would be lost


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_wilson_is_statsmodels(level):
    rows = np.array([1, 1, 7, 100, 100_000])
    successes = np.array([0, 1, 3, 100, 51_234])
    low, high = proportion_confint(successes, rows, alpha=1 - level, method="wilson")
    np.testing.assert_allclose(wilson(successes, rows, level), [low, high], rtol=1e-12, atol=1e-15)
