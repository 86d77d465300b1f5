"""Forecasting from trades: will the next price be strictly higher?

    done = fit(trades, "runs/lstm", model="lstm")     train, judge, leave a run folder
    run = open_run("runs/lstm")                       anyone's, trusting nothing in it
    evaluate(run, trades)                             beside baselines on the same rows
    predict(run, trades)                              a probability for every trade

A forecast reads the past only, and is the same number however the trades arrive.
"""

from .choosing import DEFAULT_MODEL, Choices, choose
from .evaluating import Evaluation, evaluate
from .fitting import Fit, fit, fit_chosen
from .opening import Run, open_run
from .predicting import predict
from .recipe import Recipe

__all__ = [
    "DEFAULT_MODEL",
    "Choices",
    "Evaluation",
    "Fit",
    "Recipe",
    "Run",
    "choose",
    "evaluate",
    "fit",
    "fit_chosen",
    "open_run",
    "predict",
]
