"""Forecasting of trades, bars and tables: fit, evaluate, predict, and compare with baselines.

    done = fit("trades.csv", "runs/lstm", model="lstm")     train, judge, leave a run folder
    run = open_run("runs/lstm")                             anyone's, trusting nothing in it
    evaluate(run, "trades.csv")                             beside baselines on the same rows
    predict(run, "trades.csv")                              a forecast for every row
    compare("trades.csv", "runs/all")                       every model and every baseline on the same rows
    tune("trades.csv", "runs/tuned", trials=30)             a search on validation; the test part is scored once
    walk("trades.csv", "runs/walk", folds=5)                walking forward
    Forecaster("gru", horizon=24, target="return")          the same in the manner of scikit-learn

What is forecast is a field of the recipe: ``recipe={"target": "return", "horizon": 24}``. A forecast reads the past
only, and is the same number however the rows arrive.
"""

from ...experiment.evaluating import Evaluation, evaluate
from ...experiment.fitting import Fit
from ...experiment.task import Run
from ...experiment.tuning import Tuned
from ...experiment.walking import Walk
from .forecaster import Forecaster
from .predicting import predict
from .reading import panel_of
from .recipe import Recipe
from .task import FORECASTING, Forecasting, compare, fit, open_run, tune, walk

__all__ = [
    "FORECASTING",
    "Evaluation",
    "Fit",
    "Forecaster",
    "Forecasting",
    "Recipe",
    "Run",
    "Tuned",
    "Walk",
    "compare",
    "evaluate",
    "fit",
    "open_run",
    "panel_of",
    "predict",
    "tune",
    "walk",
]
