"""Forecasting from trades: fit, evaluate, predict.

config.json tells what was done; a run can be opened by anyone, evaluated and asked again.
"""

from .evaluating import Evaluation, evaluate
from .fitting import Fit, fit
from .opening import Run, open_run
from .predicting import predict
from .recipe import Recipe

__all__ = ["Evaluation", "Fit", "Recipe", "Run", "evaluate", "fit", "open_run", "predict"]
