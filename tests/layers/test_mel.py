"""Mel bands against the formulas written out band by band.

Axes: B batch, T frames, F frequencies, C channels, M bands.
"""

import math
import re

import numpy as np
import pytest
import torch

from layers.close import close, gradients
from layers.test_spectral import normal
from ostinato.errors import ConfigError
from ostinato.layers import MelFilter
from ostinato.layers.sound.mel import FORMULAS


def htk(f: float) -> float:
    return 2595 * math.log10(1 + f / 700)


def slaney(f: float) -> float:
    """133.33 Hz and 13 linear steps of 66.67 Hz lead to 1000 Hz; 27 steps of one ratio lead to 6400 Hz."""
    return f / (200 / 3) if f < 1000 else 15 + 27 * math.log(f / 1000, 6.4)


def hertz(formula, m: float) -> float:
    """The pitch of ``m`` by bisection, with no inverse."""
    low, high = 0.0, 1e5
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if formula(middle) < m else (low, middle)
    return low


def written_out(formula, count, bands, rate, low, high, equal_area, window) -> list[list[float]]:
    ends = formula(low), formula(high)
    points = [hertz(formula, ends[0] + (ends[1] - ends[0]) * p / (bands + 1)) for p in range(bands + 2)]
    rows = []
    for left, top, right in zip(points, points[1:], points[2:], strict=False):
        row = []
        for bin_ in range(count):
            f = bin_ * rate / window
            up, down = (f - left) / (top - left), (right - f) / (right - top)
            row.append(max(0.0, min(up, down)) * (2 / (right - left) if equal_area else 1))
        rows.append(row)
    return rows


@pytest.mark.parametrize("name", ["htk", "slaney"])
@pytest.mark.parametrize("equal_area", [False, True])
@pytest.mark.parametrize(
    ("window", "bands", "low", "high"), [(32, 4, 0, 4000), (33, 3, 300, 3500), (64, 6, 20, 4000)]
)
def test_bands_are_triangles(name, equal_area, window, bands, low, high):
    count = window // 2 + 1
    layer = MelFilter(
        (count, 2), bands, 8000, low=low, high=high, formula=name, equal_area=equal_area, window=window
    )
    formula = {"htk": htk, "slaney": slaney}[name]
    weights = torch.tensor(
        written_out(formula, count, bands, 8000, low, high, equal_area, window), dtype=torch.float64
    )
    x = normal(2, 3, count, 2)
    y, expected = layer(x)[0], torch.einsum("mf,btfc->btmc", weights, x)
    close(y, expected)
    close(*gradients([y], [x]), *gradients([expected], [x]))


def test_known_pitches():
    assert FORMULAS["htk"].mel(np.array([0.0, 1000.0])).round(1).tolist() == [0.0, 1000.0]
    assert FORMULAS["slaney"].mel(np.array([0.0, 220.0, 1000.0, 6400.0])).round(9).tolist() == [
        0.0,
        3.3,
        15.0,
        42.0,
    ]


@pytest.mark.parametrize("formula", list(FORMULAS))
def test_a_scale_and_its_inverse(formula):
    pitches = np.array([0.0, 1.0, 440.0, 999.9, 1000.0, 1000.1, 20_000.0])
    scale = FORMULAS[formula]
    np.testing.assert_allclose(scale.hertz(scale.mel(pitches)), pitches, rtol=1e-12, atol=1e-12)


def test_equal_areas_hear_noise_alike():
    """Each band weighs what is even over the frequencies by 1 / (Hz between them), where these are many."""
    layer = MelFilter((4001, 1), 5, 8000, formula="slaney", equal_area=True)
    sums = layer(torch.ones(1, 1, 4001, 1, dtype=torch.float64))[0].flatten()
    torch.testing.assert_close(sums, torch.ones_like(sums), rtol=1e-3, atol=0)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: MelFilter(9, 2, 8000), "input_size must be (F, C), frequencies and channels, got 9."),
        (lambda: MelFilter((9, 1), 0, 8000), "bands must be a whole number of at least 1, got 0."),
        (lambda: MelFilter((9, 1), 2, 8000, window=18), "a window of 18 samples has 10 frequencies, not 9."),
        (
            lambda: MelFilter((9, 1), 2, 8000, high=5000),
            "bands must lie within 0 and half of the sample rate, 4000 Hz, got 0 to 5000.",
        ),
        (
            lambda: MelFilter((9, 1), 2, 8000, low=5000),
            "bands must lie within 0 and half of the sample rate, 4000 Hz, got 5000 to 4000.",
        ),
        (
            lambda: MelFilter((9, 1), 2, 8000, formula="bark"),
            "formula must be 'htk' or 'slaney', got 'bark'.",
        ),
        (
            lambda: MelFilter((9, 1), 40, 8000),
            "no frequency lies within band 0, 0.0 to 68.1 Hz: they are 500.0 Hz apart. Use fewer than 40 bands, or a "
            "longer window.",
        ),
    ],
)
def test_refusals(make, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make()
