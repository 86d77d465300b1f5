"""Features of levels, of bars and of the calendar against pandas and numbers worked by hand."""

import math
import re

import numpy as np
import pandas as pd
import pytest
import torch

from contract.inputs import bars, levels
from layers.close import close
from ostinato.errors import ConfigError, ShapeError
from ostinato.layers import BarShape, Calendar, Columns, LevelFeatures, RunningScale

STEPS = 200  # beyond the blocks that sums are made in


def draw(function, steps=STEPS):
    return function(2, steps, torch.Generator().manual_seed(1))


def of_pandas(x: torch.Tensor, function) -> torch.Tensor:
    """``function`` of each row of a batch, a frame (T, C) to numbers (T, O)."""
    return torch.stack([torch.from_numpy(np.array(function(pd.DataFrame(row.numpy())))) for row in x])


def root_mean_square(changes, halflife):
    """Of changes (T, C), weighted; 0 where there is none yet."""
    squares = changes.pow(2)
    weighted = (
        squares.expanding() if math.isinf(halflife) else squares.ewm(halflife=halflife, adjust=True)
    ).mean()
    return weighted.pow(0.5).fillna(0.0)


@pytest.mark.parametrize("halflife", [0.5, 4.0, 96.0, math.inf])
def test_a_running_scale_is_that_of_pandas(halflife):
    x = draw(levels)
    expected = of_pandas(x, lambda frame: root_mean_square(frame.diff(), halflife))
    close(RunningScale(2, halflife)(x)[0], expected)


def test_a_scale_is_0_until_something_moved():
    x = torch.tensor([5.0, 5.0, 5.0, 8.0, 8.0], dtype=torch.float64).view(1, -1, 1)
    close(
        RunningScale(1, math.inf)(x)[0].flatten(), torch.tensor([0, 0, 0, 3**0.5, 1.5], dtype=torch.float64)
    )


def test_level_features_are_those_of_pandas():
    lags, halflives, volatilities, reference = (1, 5), (4.0, 16.0), (3.0, 9.0), 30.0
    x = draw(levels)

    def by_pandas(frame):
        columns = []
        for name in frame:
            level = frame[name]
            scale = root_mean_square(level.diff(), reference)
            safe = scale.where(scale > 0, 1.0)
            columns += [np.arcsinh(level.diff(lag).fillna(0.0) / safe / lag**0.5) for lag in lags]
            columns += [
                np.arcsinh((level - level.ewm(halflife=h, adjust=True).mean()) / safe / h**0.5)
                for h in halflives
            ]
            columns += [
                np.log(root_mean_square(level.diff(), h) / safe).where(scale > 0, 0.0) for h in volatilities
            ]
        return np.stack(columns, axis=1)

    with np.errstate(divide="ignore"):
        expected = of_pandas(x, by_pandas)
    layer = LevelFeatures(2, lags, halflives, volatilities, scale=reference)
    torch.testing.assert_close(layer(x)[0], expected, rtol=1e-9, atol=1e-9)


def test_features_do_not_depend_on_the_unit_of_the_level():
    x = draw(levels)
    layer = LevelFeatures(2, (1, 5), (4,), (3,))
    torch.testing.assert_close(layer(1000 * x - 7)[0], layer(x)[0], rtol=1e-6, atol=1e-8)


def test_the_shape_of_a_bar_is_that_of_pandas():
    x = draw(bars)

    def by_pandas(frame):
        opened, high, low, closed = (np.log(frame[place]) for place in range(1, 5))
        scale = root_mean_square(closed.diff(), 10.0)
        known, safe = scale > 0, scale.where(scale > 0, 1.0)
        size = np.arcsinh(((high - low) / safe).where(known, 0.0))
        body = np.arcsinh(((closed - opened) / safe).where(known, 0.0))
        place = 2 * (closed - low) / (high - low) - 1
        return np.stack([size, body, place], axis=1)

    torch.testing.assert_close(
        BarShape(6, halflife=10.0)(x)[0], of_pandas(x, by_pandas), rtol=1e-8, atol=1e-8
    )


def test_a_bar_of_one_price_has_no_shape():
    x = torch.tensor([[[0.0, 5, 5, 5, 5], [1, 6, 6, 6, 6]]], dtype=torch.float64)
    assert not BarShape(5)(x)[0].any()


def test_a_calendar_is_that_of_the_clock():
    origin = pd.Timestamp("2024-02-29 18:30", tz="UTC")  # a Thursday
    x = torch.tensor([[[0.0], [6 * 3600.0], [4 * 86_400.0 - 18.5 * 3600]]], dtype=torch.float64)
    y, _ = Calendar(1, ("minute", "hour", "weekday"), origin.timestamp())(x)
    shares = torch.tensor(
        [
            [0.5, 18.5 / 24, (3 + 18.5 / 24) / 7],
            [0.5, 0.5 / 24, (4 + 0.5 / 24) / 7],
            [0.0, 0.0, 0.0],  # Monday, 4 March, at midnight
        ],
        dtype=torch.float64,
    )
    angles = 2 * math.pi * shares
    close(y[0], torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1))


def test_a_year_later_the_calendar_is_the_same():
    calendar = Calendar(1, ("yearday",), 0.0)
    year = 365.2425 * 86_400
    x = torch.tensor([[[1e6], [1e6 + year], [1e6 + year / 2]]], dtype=torch.float64)
    first, second, third = calendar(x)[0][0]
    torch.testing.assert_close(second, first, rtol=0, atol=1e-7)
    torch.testing.assert_close(third, -first, rtol=0, atol=1e-7)


def test_columns_are_picked_in_order_and_logarithms_have_a_floor():
    x = torch.tensor([[[1.0, 0.0, math.e]]], dtype=torch.float64)
    close(Columns(3, (2, 0))(x)[0].flatten(), torch.tensor([math.e, 1.0], dtype=torch.float64))
    close(
        Columns(3, (2, 1), log=True, floor=1e-3)(x)[0].flatten(),
        torch.tensor([1.0, math.log(1e-3)], dtype=torch.float64),
    )


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Columns(3, (0, 3)), "columns must lie within 0 and 2, got 3."),
        (lambda: Columns(3, ()), "columns must be a whole number of at least 1, got 0."),
        (
            lambda: Calendar(3, ("hour", "moon")),
            "a calendar has no part 'moon'. Parts: minute, hour,",
        ),
        (lambda: RunningScale(1, 0.0), "half-lives must be above 0 steps, got 0.0."),
        (lambda: RunningScale(1, math.nan), "half-lives must be above 0 steps, got nan."),
        (lambda: LevelFeatures(1, (0,)), "lags must be whole numbers of steps from 1 on, got 0."),
        (lambda: LevelFeatures(1, (1,), (-1.0,)), "half-lives must be above 0 steps, got -1.0."),
        (lambda: BarShape(4), "a bar has four columns within 0 and 3, got (1, 2, 3, 4)."),
    ],
)
def test_mistakes_are_named(make, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        make()


def test_raw_columns_are_float64():
    with pytest.raises(
        ShapeError, match=r"raw columns must be float64, got torch.float32: .* Pass x.double\(\)"
    ):
        RunningScale(1)(torch.zeros(1, 2, 1))
