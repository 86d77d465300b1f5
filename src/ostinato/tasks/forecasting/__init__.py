"""Forecasting: what comes next in trades, bars and tables, and whether anything can be known of it.

    done = fit("trades.csv", "runs/lstm", model="lstm")     train, judge, leave a run folder
    run = open_run("runs/lstm")                             anyone's, trusting nothing in it
    evaluate(run, "trades.csv")                             beside baselines on the same rows
    predict(run, "trades.csv")                              a forecast for every row
    compare("trades.csv", "runs/all")                       every model and every baseline on the same rows
    tune("trades.csv", "runs/tuned", trials=30)             a search on validation; the test part is scored once
    walk("trades.csv", "runs/walk", folds=5)                walking forward
    Forecaster("gru", horizon=24, target="return")          the same in the manner of scikit-learn

What is foreseen is a field of the recipe: ``recipe={"target": "return", "horizon": 24}``. A forecast reads the past
only, and is the same number however the rows arrive.
"""

from .choosing import DEFAULT_MODEL, Choices, choose
from .comparing import compare
from .evaluating import Evaluation, evaluate
from .fitting import Fit, fit, fit_chosen
from .forecaster import Forecaster
from .opening import Run, open_run
from .predicting import predict
from .reading import panel_of
from .recipe import Recipe
from .tuning import Tuned, tune
from .walking import Walk, walk

__all__ = [
    "DEFAULT_MODEL",
    "Choices",
    "Evaluation",
    "Fit",
    "Forecaster",
    "Recipe",
    "Run",
    "Tuned",
    "Walk",
    "choose",
    "compare",
    "evaluate",
    "fit",
    "fit_chosen",
    "open_run",
    "panel_of",
    "predict",
    "tune",
    "walk",
]
