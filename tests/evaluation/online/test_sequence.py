"""The confidence sequence: its boundary against scipy, its variance against blocks by hand, its cover by simulation.

benchmarks/bench_online.py simulates much more.
"""

import math
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import lambertw

from ostinato.errors import ConfigError, DataError
from ostinato.evaluation.online import ConfidenceSequence
from ostinato.evaluation.online.sequence import best_ratio, boundary


def after(values, **options):
    sequence = ConfidenceSequence(**options)
    for value in values:
        sequence.add(value)
    return sequence


def deviation_by_hand(values, horizon=1):
    """The docstring once more, from all values at once."""
    n = len(values)

    def long_run(b):
        return b * np.var(np.reshape(values[: n // b * b], (-1, b)).mean(axis=1), ddof=1)

    shortest = 2 ** math.floor(math.log2(n) / 3 + 1e-9)
    longest = max(2 ** math.floor(math.log2(n) / 2), 2 ** math.floor(math.log2(2 * horizon)))
    found, b = [], shortest
    while b <= longest and n // b >= 2:
        found += [long_run(b), 2 * long_run(b) - long_run(b // 2)] if b > 1 else [long_run(1)]
        b *= 2
    return math.sqrt(max(found))


@given(st.integers(500, 9000), st.sampled_from([1, 5, 12, 64]), st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_the_variance_is_that_of_blocks_by_hand(n, horizon, seed):
    values = np.cumsum(np.random.default_rng(seed).normal(size=n))
    assert after(values, horizon=horizon).deviation == pytest.approx(
        deviation_by_hand(values, horizon), rel=1e-9
    )


def test_the_boundary_is_the_papers():
    n, ratio, alpha = 777, 0.003, 0.1
    theirs = math.sqrt(2 * (n * ratio + 1) / (n**2 * ratio) * math.log(math.sqrt(n * ratio + 1) / alpha))
    assert boundary(n, ratio, alpha) == pytest.approx(theirs, rel=1e-14)


@pytest.mark.parametrize("alpha", [0.001, 0.05, 0.5])
def test_the_ratio_makes_it_narrowest(alpha):
    by_lambert = (-lambertw(-(alpha**2) * math.exp(-1), -1).real - 1) / 1000
    assert best_ratio(alpha, 1000) == pytest.approx(by_lambert, rel=1e-12)
    found = minimize_scalar(
        lambda log: boundary(1000, math.exp(log), alpha),
        bounds=(-12, 0),
        method="bounded",
        options={"xatol": 1e-10},
    )
    assert best_ratio(alpha, 1000) == pytest.approx(math.exp(found.x), rel=1e-4)


def test_the_interval_is_the_mean_and_the_boundary():
    values = np.random.default_rng(0).normal(0.3, 1, 4000)
    sequence = after(values)
    low, high = sequence.interval()
    half = deviation_by_hand(values) * boundary(4000, best_ratio(0.05, 10_000), 0.05)
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), rel=1e-10)
    assert low > 0


def test_there_is_no_interval_too_early_or_without_spread():
    anywhere = (-math.inf, math.inf)
    assert ConfidenceSequence().mean is None
    assert after(np.arange(499) % 2).interval() == anywhere
    assert after(np.arange(500) % 3).interval() != anywhere
    assert after(np.arange(32 * 24 - 1) % 3, horizon=24).interval() == anywhere
    assert after(np.arange(32 * 24) % 3, horizon=24).interval() != anywhere
    assert after([0.25] * 1000).interval() == anywhere
    assert after([0.0] * 1000).interval() == anywhere


def ever_wrong(draw, sequences=300, rows=3000, every=20, **options):
    """Share of sequences that exclude 0 at any look, and of those that a normal interval excludes at any look."""
    wrong = peeked = 0
    for seed in range(sequences):
        values = draw(np.random.default_rng(seed), rows)
        sequence, ever, naive = ConfidenceSequence(**options), False, False
        total = squares = 0.0
        for n, value in enumerate(values.tolist(), 1):
            sequence.add(value)
            total, squares = total + value, squares + value * value
            if n % every == 0 and n >= sequence.first:
                low, high = sequence.interval()
                ever = ever or low > 0 or high < 0
                naive = naive or abs(total) > 1.96 * math.sqrt(squares)
        wrong, peeked = wrong + ever, peeked + naive
    return wrong / sequences, peeked / sequences


def autoregression(r, n):
    noise, out = r.normal(size=n + 50), np.zeros(n + 50)
    for t in range(1, n + 50):
        out[t] = 0.5 * out[t - 1] + noise[t]
    return out[50:]


@pytest.mark.slow
@pytest.mark.parametrize(
    "draw", [lambda r, n: r.normal(size=n), lambda r, n: r.exponential(size=n) - 1, autoregression]
)
def test_it_is_rarely_ever_wrong_and_the_normal_interval_often_is(draw):
    wrong, peeked = ever_wrong(draw)
    assert wrong <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 300)
    assert peeked > 0.2


def test_it_is_rarely_ever_wrong():
    wrong, peeked = ever_wrong(lambda r, n: r.normal(size=n), sequences=60, rows=2000, every=100)
    assert wrong <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 60)
    assert peeked > 0.1


def test_a_difference_is_found():
    low, high = after(np.random.default_rng(1).normal(-0.1, 1, 5000)).interval()
    assert -0.2 < low < high < 0


def test_memory_grows_with_the_logarithm_only():
    sequence = after(np.random.default_rng(0).normal(size=70_000))
    assert len(sequence._blocks) == 17
    assert sum(sys.getsizeof(one) for one in sequence._blocks) < 2000


def test_the_mean_of_a_million_rows_is_exact():
    values = np.random.default_rng(0).normal(1e6, 1, 1_000_000)
    sequence = after(values.tolist())
    assert sequence.mean == pytest.approx(math.fsum(values) / 1e6, rel=1e-14)
    assert sequence.deviation == pytest.approx(deviation_by_hand(values), rel=1e-6)


def test_misuse_is_refused_in_a_sentence():
    for options, words in [
        ({"alpha": 0.0}, "alpha must be above 0 and below 1, got 0.0"),
        ({"alpha": math.nan}, "alpha must be"),
        ({"horizon": 0}, "horizon must be 1 to 1,048,576 rows, got 0"),
        ({"intended": 0}, "intended must be at least 1 row, got 0"),
    ]:
        with pytest.raises(ConfigError, match=words):
            ConfidenceSequence(**options)
    with pytest.raises(DataError, match="must be a finite number, got nan"):
        ConfidenceSequence().add(math.nan)
