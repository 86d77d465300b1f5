"""Windows and figures of baselines that the README tells are those of the code."""

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from ostinato.data.levels import Levels
from ostinato.evaluation.baselines import LinearRegression, LogisticRegression, Naive, SignTable
from ostinato.models import MODELS

README = re.sub(r"\s+", " ", (Path(__file__).parents[1] / "README.md").read_text())
IN_WORDS = {3: "three", 4: "four", 5: "five"}


@pytest.mark.parametrize(
    "words",
    [
        f"table of the last {IN_WORDS[SignTable().order]} tick signs",
        f"logistic regression on the last {LogisticRegression().width} changes",
        f"MLP on {MODELS['mlp'].config().window} trades",
        f"CNN on {MODELS['cnn'].config().window} trades",
    ],
)
def test_windows_that_are_told_are_those_used(words):
    assert words in README


@pytest.mark.parametrize("horizon", [24, 336, 720])
def test_linear_regression_on_the_last_336_hours(horizon, real_data):
    """ETTh1 as the literature cuts it: 12, 4 and 4 months of 30 days, labels within their part, 2,881 - H forecasts."""
    value = pl.read_csv(real_data / "series/ETTh1.csv")["OT"].to_numpy().astype(float)
    levels = Levels(value, np.array([0]), tuple(range(1, horizon + 1)), relative=False, season=24)
    fitted = np.r_[0 : 8640 - horizon, 8640 : 11519 - horizon]
    baseline, naive = LinearRegression().fit(levels, fitted), Naive().fit(levels, fitted)
    assert baseline.settings().startswith("the last 336 rows")
    assert "Linear regression on the last 336 hours" in README
    test = np.arange(11519, 14400 - horizon)
    assert len(test) == 2881 - horizon
    happened = value[test[:, None] + np.arange(1, horizon + 1)]
    variance = np.mean((value[:8640] - np.mean(value[:8640])) ** 2)
    found = [
        f"{np.mean((one.quantiles(levels, test, [0.5])[:, :, 0] - happened) ** 2) / variance:.3f}"
        for one in (baseline, naive)
    ]
    row = re.search(rf"\| {horizon} \|.*?\|.*?\| (.*?) \| (.*?) \|", README)
    assert row is not None
    assert found == [row[1], row[2]], "linear regression and naive"
